// RateLimiter: no more than so many requests a second (spec kube-client section 8.1).
#pragma once

#include <mutex>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "kube/token_bucket.h"

namespace kro::kube {

// Thread-safe.
class RateLimiter {
 public:
  // Zero a second or less: no limit. A burst is at least one. `executor` outlives the limiter.
  RateLimiter(async::Executor& executor, double per_second, double burst);

  // Waits for its turn; turns are in the order of the calls.
  async::Task<Result<void>> Acquire(async::CancelToken cancel);

 private:
  Duration Take();

  async::Executor& executor_;
  std::mutex mutex_;
  TokenBucket bucket_;  // guarded by mutex_
};

}  // namespace kro::kube
