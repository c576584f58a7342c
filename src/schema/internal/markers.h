// Markers: the `key=value` list behind the '|' of a field.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace kro::schema {

struct Marker {
  std::string key;
  std::string value;  // without the quotes around it, \" and \\ resolved
  Span span;          // from the key to the end of the value, in the scanned text
};

struct MarkerError {
  std::string text;  // upstream's
  Span span;
  std::string key;  // the unknown key, for a suggestion; else empty
};

// Scans the text behind the first '|'. An unknown key, a key without value or an unbalanced quote or
// bracket is an error.
std::expected<std::vector<Marker>, MarkerError> ScanMarkers(std::string_view text);

// The keys that a marker may have.
const std::vector<std::string>& MarkerKeys();

// Number of bytes of the white space (as Unicode has it) that begins at `at`; 0: none.
std::size_t SpaceAt(std::string_view text, std::size_t at);

// Without white space at both ends.
std::string_view Trim(std::string_view text);

}  // namespace kro::schema
