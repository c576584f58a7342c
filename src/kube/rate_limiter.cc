#include "kube/rate_limiter.h"

#include <algorithm>

namespace kro::kube {

RateLimiter::RateLimiter(async::Executor& executor, double per_second, double burst)
    : executor_(executor),
      bucket_(per_second, std::max(1.0, burst), executor.clock().Monotonic()) {}

async::Task<Result<void>> RateLimiter::Acquire(async::CancelToken cancel) {
  const Duration wait = Take();
  if (wait <= Duration::zero()) co_return Result<void>{};
  auto slept = co_await async::Sleep(executor_, wait, std::move(cancel));
  if (!slept) {
    const std::lock_guard lock(mutex_);
    bucket_.GiveBack();
  }
  co_return slept;
}

Duration RateLimiter::Take() {
  const std::lock_guard lock(mutex_);
  return bucket_.Take(executor_.clock().Monotonic());
}

}  // namespace kro::kube
