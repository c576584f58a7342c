// Base64 in the standard alphabet (RFC 4648 section 4), with padding.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::kube::internal {

std::string ToBase64(std::string_view bytes);

// Line breaks are skipped. kInvalid names the offset of a foreign character.
Result<std::string> FromBase64(std::string_view text);

}  // namespace kro::kube::internal
