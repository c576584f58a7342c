// ConcurrencyLimiter: how many requests may be under way, learnt from how the server takes them.
//
// The limit grows by one for each full round of good answers, shrinks by a third when the server throttles
// and by a tenth when it answers much slower than it did at its best (additive increase, multiplicative
// decrease). One overload spoils many answers: only those to requests that were sent after the limit shrank
// make it shrink again. Example: with answers of 5 ms the limit climbs from 32 to its maximum; one 429 at 60
// makes it 40. A server that is busy to the full answers no faster when more is asked at once, so the limit
// stays where its answers take some `never_slow`, and nobody waits behind a long queue. What an overload
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
    double slow_factor = 4;  // an answer this many times slower than the best counts as overload
    Duration never_slow = std::chrono::milliseconds(60);  // below this no answer is slow
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

  async::Executor& executor_;
  const Options options_;
  async::Event room_;
  mutable std::mutex mutex_;
  double limit_;                 // guarded by mutex_
  int in_flight_ = 0;            // guarded by mutex_
  Duration best_{0};             // guarded by mutex_
  MonotonicTime last_shrink_{};  // guarded by mutex_
  MonotonicTime last_full_{};    // guarded by mutex_; when the limit was reached, or shrank
};

}  // namespace kro::kube
