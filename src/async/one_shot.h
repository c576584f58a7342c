// OneShot: a value that arrives once, for the one coroutine that waits for it.
//
// The bridge from callbacks to coroutines. Whoever sets first wins; later values are dropped, so a
// result, a deadline and a cancellation may race for it:
//
//   auto answer = std::make_shared<OneShot<Result<int>>>(executor);
//   auto unlink = cancel.OnCancel([answer] { answer->Set(Fail(ErrorCode::kCancelled, "…")); });
//   library.Start([answer](int value) { answer->Set(value); });
//   Result<int> result = co_await answer->Wait();
//   unlink();
#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "async/executor.h"

namespace kro::async {

// Held by shared_ptr by everyone who may set it and by the one who waits. Thread-safe.
template <typename T>
class OneShot : public std::enable_shared_from_this<OneShot<T>> {
 public:
  // `executor` resumes the waiter, on its loop, and outlives it.
  explicit OneShot(Executor& executor) : executor_(executor) {}

  // False, without effect, if a value was there already.
  bool Set(T value) {
    std::coroutine_handle<> waiter;
    {
      std::lock_guard lock(mutex_);
      if (value_) return false;
      value_.emplace(std::move(value));
      waiter = std::exchange(waiter_, {});
    }
    if (waiter) executor_.Post([waiter] { waiter.resume(); });
    return true;
  }

  // Awaited once; yields the value.
  auto Wait() {
    struct Awaiter {
      std::shared_ptr<OneShot> self;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> waiter) {
        // The frame, and this awaiter in it, may be gone as soon as the lock is released.
        const std::shared_ptr<OneShot> keep = self;
        std::lock_guard lock(keep->mutex_);
        if (keep->value_) return false;
        keep->waiter_ = waiter;
        return true;
      }
      T await_resume() {
        std::lock_guard lock(self->mutex_);
        return std::move(*self->value_);
      }
    };
    return Awaiter{this->shared_from_this()};
  }

 private:
  Executor& executor_;
  std::mutex mutex_;
  std::optional<T> value_;          // guarded by mutex_
  std::coroutine_handle<> waiter_;  // guarded by mutex_
};

}  // namespace kro::async
