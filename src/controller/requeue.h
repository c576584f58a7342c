// What a reconcile wants after it has done what it could; a failure is retried with back-off.
#pragma once

#include <optional>

#include "base/clock.h"

namespace kro::controller {

struct Requeue {
  enum class Verdict { kDone, kRejected };

  std::optional<Duration> after;  // nothing: until an event
  Verdict verdict = Verdict::kDone;

  static Requeue Never() { return {}; }
  static Requeue After(Duration delay) { return {.after = delay}; }
  // What somebody wrote is wrong, and stays so until an event.
  static Requeue Rejected() { return {.after = std::nullopt, .verdict = Verdict::kRejected}; }
};

}  // namespace kro::controller
