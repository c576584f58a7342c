// NextAttempt: when a look that failed as a whole is followed by another, in words for a condition.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace kro::controller {

struct NextAttempt {
  Duration delay;
  int number = 0;  // the first one is 1
};

// What to put behind the message: `; tried again at 2026-01-02T03:04:05Z (attempt 8)`. Empty where that is soon, so
// that not every attempt is a write, and where only an event makes another.
std::string Tell(const std::optional<NextAttempt>& attempt, WallTime now);

}  // namespace kro::controller
