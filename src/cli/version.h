// The version that the program reports and writes into labels.
#pragma once

#include <string_view>

namespace kro::cli {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace kro::cli
