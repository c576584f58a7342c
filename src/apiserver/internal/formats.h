// The formats that a schema can ask for and the server checks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kro::apiserver::internal {

// The format if the server checks it for a value of these types, else empty. `types` is what a schema
// allows, empty: anything.
std::string CheckedFormat(const std::vector<std::string>& types, std::string_view format);

// Whether the server knows the format for a schema of this type (one word, or empty).
bool IsKnownFormat(std::string_view type, std::string_view format);

// Whether `text` has the format, one that CheckedFormat gave.
bool HasFormat(std::string_view format, std::string_view text);

}  // namespace kro::apiserver::internal
