// Executor: where tasks run, and how they wait.
//
// Two exist: RealExecutor (event loop and a pool, real time) and SimulatedExecutor (one thread,
// virtual time, ready work picked in an order drawn from a seed). Code takes `Executor&` and cannot
// tell them apart.
#pragma once

#include <functional>

#include "async/task.h"
#include "base/clock.h"
#include "base/error.h"

namespace kro::async {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `work` soon, on a thread of this executor; never inside the call.
  virtual void Post(std::function<void()> work) = 0;

  // Runs `work` once, not before `when`. The returned function cancels it and is safe to call at any
  // time and more than once; work that already started is not stopped.
  virtual std::function<void()> PostAt(MonotonicTime when, std::function<void()> work) = 0;

  // Runs `work` where CPU-bound work belongs (the pool), not on the event loop.
  virtual void PostBlocking(std::function<void()> work) = 0;

  virtual const Clock& clock() const = 0;
};

}  // namespace kro::async
