// Times as objects hold them: RFC 3339 in UTC, whole seconds.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kro::apiserver {

// "2026-01-01T00:00:00Z"
std::string FormatTime(WallTime time);
// "2026-01-01T00:00:00.000000Z"
std::string FormatMicroTime(WallTime time);

// Reads RFC 3339 with any fraction and offset; nullopt for anything else.
std::optional<WallTime> ParseTime(std::string_view text);

}  // namespace kro::apiserver
