// What a reconcile wants after it has succeeded; a failure is retried with back-off.
#pragma once

#include <optional>

#include "base/clock.h"

namespace kro::controller {

struct Requeue {
  std::optional<Duration> after;  // nothing: until an event

  static Requeue Never() { return {}; }
  static Requeue After(Duration delay) { return {delay}; }
};

}  // namespace kro::controller
