// NextLook: when to look at an instance again, beside the events that wake it.
#pragma once

#include "base/clock.h"

namespace kro::controller {

struct NextLook {
  enum class Kind {
    kOnEvent,  // all is well, or only a change can mend it
    kAfter,    // after `delay` at the latest
    kBackOff,  // soon, and later each time until all is well
  };
  Kind kind = Kind::kOnEvent;
  Duration delay{0};

  static NextLook OnEvent() { return {}; }
  static NextLook After(Duration delay) { return {Kind::kAfter, delay}; }
  static NextLook BackOff() { return {Kind::kBackOff, Duration::zero()}; }
};

}  // namespace kro::controller
