// Scope: owns tasks, cancels and joins them. Nothing runs detached.
//
// A task observes cancellation where it waits: Sleep, Event::Wait, Channel::Receive and every
// transport call take the scope's token and return kCancelled promptly once it fires.
#pragma once

#include <functional>
#include <memory>

#include "async/executor.h"
#include "async/task.h"

namespace kro::async {

// Says that the work should stop. Copies share one state; thread-safe.
class CancelToken {
 public:
  CancelToken();  // never fires

  bool cancelled() const;

  // Calls `stop` when the token fires, on the thread that fires it; at once if it has fired. `stop`
  // must not block. The returned function unregisters, may be called more than once, and returns
  // when `stop` will not be running any more (unless called from inside it): call it without holding
  // a lock that `stop` takes.
  std::function<void()> OnCancel(std::function<void()> stop) const;

 private:
  friend class CancelSource;
  struct State;
  std::shared_ptr<State> state_;
};

// Fires its token. Destroying it fires nothing. Cancel may be called from any thread, and again.
class CancelSource {
 public:
  CancelSource();
  // Fires also when `parent` fires.
  explicit CancelSource(const CancelToken& parent);
  CancelSource(CancelSource&& other) noexcept;
  CancelSource& operator=(CancelSource&&) = delete;
  ~CancelSource();

  CancelToken token() const;
  void Cancel();

 private:
  std::shared_ptr<CancelToken::State> state_;
  std::function<void()> unlink_;
};

// Not movable; tasks may refer to it. Spawn, Cancel and token may be called from any thread.
class Scope {
 public:
  // `executor` outlives the scope. With `parent`, cancelling the parent cancels this one.
  explicit Scope(Executor& executor);
  Scope(Executor& executor, const CancelToken& parent);
  // The scope must be empty (Join returned) when it is destroyed.
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Starts `task` on the executor's loop. An exception that escapes it cancels the scope and comes
  // out of Join.
  void Spawn(Task<void> task);

  CancelToken token() const;
  void Cancel();

  // Completes when every spawned task has finished and is destroyed; does not cancel. Tasks may be
  // spawned while it waits, and after.
  Task<void> Join();

  Executor& executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Waits until `when`, or returns kCancelled early.
Task<Result<void>> SleepUntil(Executor& executor, MonotonicTime when, CancelToken cancel);
Task<Result<void>> Sleep(Executor& executor, Duration duration, CancelToken cancel);

// Continues on the loop, behind what is queued there.
Task<void> Yield(Executor& executor);

}  // namespace kro::async
