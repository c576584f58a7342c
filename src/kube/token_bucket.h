// TokenBucket: so many a second on average, and a burst of them at once.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace kro::kube {

// Not thread-safe.
class TokenBucket {
 public:
  // Full at `now`. Zero a second or less: there is always one.
  TokenBucket(double per_second, double burst, MonotonicTime now)
      : per_second_(per_second), burst_(burst), tokens_(burst), at_(now) {}

  // Takes one, which may be owed: gives how long until it is there.
  Duration Take(MonotonicTime now) {
    if (per_second_ <= 0) return Duration::zero();
    const double rested = std::chrono::duration<double>(now - at_).count();
    tokens_ = std::min(burst_, tokens_ + rested * per_second_) - 1;
    at_ = now;
    if (tokens_ >= 0) return Duration::zero();
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(-tokens_ / per_second_));
  }

  // What Take would give.
  Duration Wait(MonotonicTime now) const {
    TokenBucket copy = *this;
    return copy.Take(now);
  }

  // One that was taken is not used.
  void GiveBack() { tokens_ = std::min(burst_, tokens_ + 1); }

 private:
  const double per_second_;
  const double burst_;
  double tokens_;
  MonotonicTime at_;
};

}  // namespace kro::kube
