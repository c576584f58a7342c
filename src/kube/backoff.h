// Backoff: growing waits between attempts, spread so that clients do not march in step.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/clock.h"

namespace kro::kube {

// Uniform in [0, 1). An argument everywhere, so that a test owns it.
using Random = std::function<double()>;

struct BackoffPolicy {
  Duration initial = std::chrono::milliseconds(800);
  Duration cap = std::chrono::seconds(30);
  double factor = 2;
  double jitter = 1;  // a wait of d is drawn from [d, d * (1 + jitter)]
  // Starts over after so long without a call; zero: never.
  Duration reset_after = std::chrono::minutes(2);
};

class Backoff {
 public:
  Backoff(BackoffPolicy policy, Random random)
      : policy_(policy), random_(std::move(random)), next_(policy.initial) {}

  // The wait before the next attempt.
  Duration Next(MonotonicTime now);
  void Reset() { next_ = policy_.initial; }

 private:
  BackoffPolicy policy_;
  Random random_;
  Duration next_;
  std::optional<MonotonicTime> last_;
};

}  // namespace kro::kube
