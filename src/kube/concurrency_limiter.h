// ConcurrencyLimiter: how many requests may be under way, learnt from how the server takes them.
//
// The limit grows by one after a round of good answers (as many as the limit, and `initial` at least), shrinks by a
// third when the server throttles and by a tenth when a round took much longer in the mean than the best answer did
// (additive increase, multiplicative decrease). Below `initial` it grows by a quarter: what was lost to a server that
// was busy with something else comes back within some rounds. Answers to requests that were sent before the limit
// shrank say nothing of the new one.
// Example: with answers of 5 ms the limit climbs from 32 to its maximum; one 429 at 60 makes it 40. A server that is
// busy to the full answers no faster when more is asked at once, so the limit stays where its answers take some
// `never_slow`, and nobody waits behind a long queue. A few slow answers among fast ones are not that. What an overload
// taught holds no longer than the overload: a limit that was not reached for a `rest` is `initial` at least.
#pragma once

#include <memory>

#include "async/event.h"
#include "async/scope.h"
#include "base/clock.h"

namespace kro::kube {

class ConcurrencyLimiter {
 public:
  struct Options {
    double minimum = 8;
    double initial = 32;
    double maximum = 128;
    double slow_factor =
        4;  // a round this many times slower than the best answer counts as overload
    Duration never_slow = std::chrono::milliseconds(60);  // below this no round is slow
    Duration rest = std::chrono::seconds(1);
  };
  enum class Outcome { kGood, kThrottled, kIgnored };

  // `executor` outlives the limiter.
  ConcurrencyLimiter(async::Executor& executor, Options options);

  // Waits for its turn. Every success is paired with one Release.
  async::Task<Result<MonotonicTime>> Acquire(async::CancelToken cancel);
  // `started` is what Acquire gave.
  void Release(MonotonicTime started, Outcome outcome);

  int limit() const;
  int in_flight() const;

 private:
  bool TryAcquire();
  // With mutex_ held.
  void CountGood(MonotonicTime started, Duration took, bool full);
  void Shrink(double factor);

  async::Executor& executor_;
  const Options options_;
  async::Event room_;
  mutable std::mutex mutex_;
  // Good answers since the limit was last thought over.
  struct Round {
    int answers = 0;
    Duration took{0};   // together
    bool full = false;  // the limit was reached
  };

  double limit_;                 // guarded by mutex_
  int in_flight_ = 0;            // guarded by mutex_
  Round round_;                  // guarded by mutex_
  Duration best_{0};             // guarded by mutex_
  MonotonicTime last_shrink_{};  // guarded by mutex_
  MonotonicTime last_full_{};    // guarded by mutex_; when the limit was reached, or shrank
};

}  // namespace kro::kube
