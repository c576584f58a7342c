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

  // Calls `stop` when the token fires, at once if it has fired. The returned function unregisters.
  std::function<void()> OnCancel(std::function<void()> stop) const;

 private:
  friend class CancelSource;
  struct State;
  std::shared_ptr<State> state_;
};

class CancelSource {
 public:
  CancelSource();
  // Fires also when `parent` fires.
  explicit CancelSource(const CancelToken& parent);
  ~CancelSource();

  CancelToken token() const;
  void Cancel();

 private:
  std::shared_ptr<CancelToken::State> state_;
  std::function<void()> unlink_;
};

class Scope {
 public:
  // `executor` outlives the scope. With `parent`, cancelling the parent cancels this one.
  explicit Scope(Executor& executor);
  Scope(Executor& executor, const CancelToken& parent);
  // The scope must be empty (Join returned) when it is destroyed.
  ~Scope();

  // Starts `task` on the executor.
  void Spawn(Task<void> task);

  CancelToken token() const;
  void Cancel();

  // Completes when every spawned task has finished; does not cancel.
  Task<void> Join();

  Executor& executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Waits until `when`, or returns kCancelled early.
Task<Result<void>> SleepUntil(Executor& executor, MonotonicTime when, CancelToken cancel);
Task<Result<void>> Sleep(Executor& executor, Duration duration, CancelToken cancel);

// Continues on a thread of the executor, behind what is queued there.
Task<void> Yield(Executor& executor);

}  // namespace kro::async
