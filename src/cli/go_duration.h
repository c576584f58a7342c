// Durations as Go writes them: "200ms", "1m30s", "-1s"; what upstream's flags take.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace kro::cli {

// kInvalid: `time: invalid duration "…"`. "0" needs no unit.
Result<Duration> ParseGoDuration(std::string_view text);

}  // namespace kro::cli
