// Base64 in both directions: the standard alphabet of Secrets, the URL-safe one of tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kro::apiserver {

// RFC 4648 section 4, padded.
std::string ToBase64(std::string_view bytes);
// nullopt for what is no base64.
std::optional<std::string> FromBase64(std::string_view text);
// RFC 4648 section 5, with or without padding.
std::optional<std::string> FromBase64Url(std::string_view text);

}  // namespace kro::apiserver
