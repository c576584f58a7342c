// Numbers as the tools around kro, which are written in Go, read them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace kro::schema {

// Errors read `strconv.ParseBool: parsing "yes": invalid syntax`, also for the others.
Result<bool> ParseGoBool(std::string_view text);
Result<std::int64_t> ParseGoInt(std::string_view text);
// Also accepts Inf, NaN, hexadecimal and digits grouped by underscores.
Result<double> ParseGoFloat(std::string_view text);

}  // namespace kro::schema
