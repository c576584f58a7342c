// SemanticVersion: a version of Semantic Versioning 2.0, strictly read.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace kro::cel {

struct SemanticVersion {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::string_view prerelease;  // identifiers joined by dots, a part of the text that was read

  // kInvalid with the original's texts. Build metadata is checked and dropped: it has no part in
  // the precedence. Borrows from `text`.
  static Result<SemanticVersion> Parse(std::string_view text);

  // Precedence (section 11 of the standard).
  friend std::strong_ordering operator<=>(const SemanticVersion& a, const SemanticVersion& b);
  friend bool operator==(const SemanticVersion& a, const SemanticVersion& b) {
    return (a <=> b) == std::strong_ordering::equal;
  }
};

}  // namespace kro::cel
