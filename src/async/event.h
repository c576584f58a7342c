// Event: a flag to wait for.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "async/one_shot.h"
#include "async/scope.h"

namespace kro::async {

enum class EventReset {
  kManual,  // stays set until Reset; Set wakes everyone
  kAuto,    // a wait that succeeds takes the flag; Set wakes one, or the next to come
};

// Thread-safe. Nobody may wait when it is destroyed.
class Event {
 public:
  // `executor` outlives the event.
  Event(Executor& executor, EventReset reset) : executor_(executor), reset_(reset) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Set();
  void Reset();

  // kCancelled if `cancel` fired first. A flag taken is never lost to a cancellation.
  Task<Result<void>> Wait(CancelToken cancel);

  // As Wait; kExhausted at `when`.
  Task<Result<void>> WaitUntil(MonotonicTime when, CancelToken cancel);

 private:
  using Waiter = std::shared_ptr<OneShot<Result<void>>>;

  Waiter Enter();
  void Leave(const Waiter& waiter);

  Executor& executor_;
  const EventReset reset_;
  std::mutex mutex_;
  bool set_ = false;           // guarded by mutex_
  std::list<Waiter> waiters_;  // in order of arrival; guarded by mutex_
};

}  // namespace kro::async
