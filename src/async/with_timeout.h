// WithTimeout: a deadline around a task.
#pragma once

#include <fmt/chrono.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "async/scope.h"

namespace kro::async {

// Runs `start(token)` with a token that fires after `timeout`, or when `cancel` does, and waits for
// the task to end. kExhausted if it was the timeout that ended it.
template <typename T>
Task<Result<T>> WithTimeout(Executor& executor, Duration timeout, CancelToken cancel,
                            std::function<Task<Result<T>>(CancelToken)> start) {
  auto source = std::make_shared<CancelSource>(cancel);
  auto expired = std::make_shared<std::atomic<bool>>(false);
  auto stop_timer = executor.PostAt(executor.clock().Monotonic() + timeout, [source, expired] {
    *expired = true;
    source->Cancel();
  });
  Result<T> result = co_await start(source->token());
  stop_timer();
  if (!result && result.error().code() == ErrorCode::kCancelled && *expired &&
      !cancel.cancelled()) {
    co_return Fail(ErrorCode::kExhausted, "not done within {}",
                   std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
  }
  co_return result;
}

}  // namespace kro::async
