#include "kube/concurrency_limiter.h"

#include <algorithm>

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
  MonotonicTime now = executor_.clock().Monotonic();
  Duration took = now - started;
  {
    std::lock_guard lock(mutex_);
    const bool full = in_flight_-- >= static_cast<int>(limit_);
    if (full) last_full_ = now;
    if (outcome == Outcome::kGood && took > Duration::zero() &&
        (best_ == Duration::zero() || took < best_)) {
      best_ = took;
    }
    bool slow = outcome == Outcome::kGood && took > options_.never_slow &&
                static_cast<double>(took.count()) >
                    options_.slow_factor * static_cast<double>(best_.count());
    if (outcome == Outcome::kThrottled || slow) {
      if (started >= last_shrink_) {
        limit_ = std::max(options_.minimum,
                          outcome == Outcome::kThrottled ? limit_ * 2 / 3 : limit_ * 0.9);
        last_shrink_ = last_full_ = now;
      }
    } else if (outcome == Outcome::kGood && full) {
      limit_ = std::min(options_.maximum, limit_ + 1 / limit_);
    }
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
