#include "async/event.h"

namespace kro::async {

void Event::Set() {
  std::lock_guard lock(mutex_);
  if (reset_ == EventReset::kManual) {
    set_ = true;
    for (const Waiter& waiter : waiters_) waiter->Set({});
    waiters_.clear();
    return;
  }
  while (!waiters_.empty()) {
    const Waiter first = std::move(waiters_.front());
    waiters_.pop_front();
    if (first->Set({})) return;  // else it was cancelled or timed out
  }
  set_ = true;
}

void Event::Reset() {
  std::lock_guard lock(mutex_);
  set_ = false;
}

Task<Result<void>> Event::Wait(CancelToken cancel) {
  const Waiter waiter = Enter();
  auto unlink = cancel.OnCancel(
      [waiter] { waiter->Set(std::unexpected(Error(ErrorCode::kCancelled, "cancelled"))); });
  Result<void> result = co_await waiter->Wait();
  unlink();
  if (!result) Leave(waiter);
  co_return result;
}

Task<Result<void>> Event::WaitUntil(MonotonicTime when, CancelToken cancel) {
  const Waiter waiter = Enter();
  auto unlink = cancel.OnCancel(
      [waiter] { waiter->Set(std::unexpected(Error(ErrorCode::kCancelled, "cancelled"))); });
  auto stop_timer = executor_.PostAt(
      when, [waiter] { waiter->Set(std::unexpected(Error(ErrorCode::kExhausted, "timed out"))); });
  Result<void> result = co_await waiter->Wait();
  stop_timer();
  unlink();
  if (!result) Leave(waiter);
  co_return result;
}

Event::Waiter Event::Enter() {
  auto waiter = std::make_shared<OneShot<Result<void>>>(executor_);
  std::lock_guard lock(mutex_);
  if (set_) {
    if (reset_ == EventReset::kAuto) set_ = false;
    waiter->Set({});
  } else {
    waiters_.push_back(waiter);
  }
  return waiter;
}

void Event::Leave(const Waiter& waiter) {
  std::lock_guard lock(mutex_);
  waiters_.remove(waiter);
}

}  // namespace kro::async
