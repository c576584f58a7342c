#include "controller/next_attempt.h"

#include <chrono>

#include <fmt/format.h>

#include "api/condition.h"
#include "controller/waits.h"

namespace kro::controller {

std::string Tell(const std::optional<NextAttempt>& attempt, WallTime now) {
  if (!attempt || attempt->delay < Waits::kFarAttempt) return {};
  const auto at = std::chrono::ceil<std::chrono::seconds>(now + attempt->delay);
  return fmt::format("; tried again at {} (attempt {})", api::FormatTimestamp(at), attempt->number);
}

}  // namespace kro::controller
