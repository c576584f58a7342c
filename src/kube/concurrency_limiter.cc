#include "kube/concurrency_limiter.h"

#include <algorithm>
#include <utility>

namespace kro::kube {

ConcurrencyLimiter::ConcurrencyLimiter(async::Executor& executor, Options options)
    : executor_(executor),
      options_(options),
      room_(executor, async::EventReset::kAuto),
      limit_(options.initial) {}

async::Task<Result<MonotonicTime>> ConcurrencyLimiter::Acquire(async::CancelToken cancel) {
  while (!TryAcquire()) {
    if (auto room = co_await room_.Wait(cancel); !room) co_return std::unexpected(room.error());
  }
  co_return executor_.clock().Monotonic();
}

void ConcurrencyLimiter::Release(MonotonicTime started, Outcome outcome) {
  const MonotonicTime now = executor_.clock().Monotonic();
  {
    std::lock_guard lock(mutex_);
    const bool full = in_flight_-- >= static_cast<int>(limit_);
    if (full) last_full_ = now;
    if (outcome == Outcome::kThrottled && started >= last_shrink_) Shrink(2.0 / 3);
    if (outcome == Outcome::kGood) CountGood(started, now - started, full);
  }
  room_.Set();
}

int ConcurrencyLimiter::limit() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(limit_);
}

int ConcurrencyLimiter::in_flight() const {
  std::lock_guard lock(mutex_);
  return in_flight_;
}

void ConcurrencyLimiter::CountGood(MonotonicTime started, Duration took, bool full) {
  if (took > Duration::zero() && (best_ == Duration::zero() || took < best_)) best_ = took;
  if (started < last_shrink_) return;
  ++round_.answers;
  round_.took += took;
  round_.full |= full;
  if (round_.answers < static_cast<int>(std::max(limit_, options_.initial))) return;
  const Round round = std::exchange(round_, {});
  const Duration mean = round.took / round.answers;
  const bool slow =
      static_cast<double>(mean.count()) > options_.slow_factor * static_cast<double>(best_.count());
  if (slow && mean > options_.never_slow) {
    Shrink(0.9);
  } else if (round.full) {
    const bool lost = limit_ < options_.initial;
    limit_ =
        lost ? std::min(options_.initial, limit_ * 1.25) : std::min(options_.maximum, limit_ + 1);
  }
}

void ConcurrencyLimiter::Shrink(double factor) {
  limit_ = std::max(options_.minimum, limit_ * factor);
  last_shrink_ = last_full_ = executor_.clock().Monotonic();
  round_ = {};
}

bool ConcurrencyLimiter::TryAcquire() {
  bool more = false;
  {
    std::lock_guard lock(mutex_);
    const MonotonicTime now = executor_.clock().Monotonic();
    if (in_flight_ >= static_cast<int>(limit_)) {
      last_full_ = now;
      return false;
    }
    if (now - last_full_ >= options_.rest) limit_ = std::max(limit_, options_.initial);
    ++in_flight_;
    more = in_flight_ < static_cast<int>(limit_);
  }
  // One flag wakes one waiter, who wakes the next while there is room.
  if (more) room_.Set();
  return true;
}

}  // namespace kro::kube
