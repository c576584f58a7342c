// Executor: where tasks run, and how they wait.
//
// Two exist: RealExecutor (event loop and a pool, real time) and SimulatedExecutor (one thread,
// virtual time, ready work picked in an order drawn from a seed). Code takes `Executor&` and cannot
// tell them apart.
//
// Every executor has a loop, which runs posted work one piece at a time: what only posted work and
// the coroutines it resumes touch needs no lock. Beside it, a pool for what computes or blocks; see
// async/on_pool.h. All functions may be called from any thread (SimulatedExecutor has but one), also
// from inside work. Work must not throw.
#pragma once

#include <functional>

#include "async/task.h"
#include "base/clock.h"
#include "base/error.h"

namespace kro::async {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `work` soon, on the loop; never inside the call.
  virtual void Post(std::function<void()> work) = 0;

  // Runs `work` once, on the loop, not before `when`; work of an earlier time runs first. The returned function cancels it and is safe to call at any
  // time and more than once; work that already started is not stopped.
  virtual std::function<void()> PostAt(MonotonicTime when, std::function<void()> work) = 0;

  // Runs `work` where work belongs that computes for long or blocks: on the pool, not on the loop.
  virtual void PostBlocking(std::function<void()> work) = 0;

  virtual const Clock& clock() const = 0;
};

}  // namespace kro::async
