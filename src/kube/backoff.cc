#include "kube/backoff.h"

#include <algorithm>
#include <utility>

namespace kro::kube {

Duration Backoff::Next(MonotonicTime now) {
  if (last_ && policy_.reset_after > Duration::zero() && now - *last_ > policy_.reset_after) {
    Reset();
  }
  last_ = now;
  Duration wait = next_;
  double grown = static_cast<double>(next_.count()) * policy_.factor;
  next_ = grown >= static_cast<double>(policy_.cap.count())
              ? policy_.cap
              : Duration(static_cast<Duration::rep>(grown));
  double spread = static_cast<double>(wait.count()) * policy_.jitter * random_();
  return wait + Duration(static_cast<Duration::rep>(spread));
}

}  // namespace kro::kube
