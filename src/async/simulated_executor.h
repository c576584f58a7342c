// SimulatedExecutor: virtual time, one thread, an order of events drawn from a seed.
//
//   SimulatedExecutor sim(/*seed=*/42);
//   Scope scope(sim);
//   scope.Spawn(controller.Run());
//   sim.Advance(10s);             // everything that happens in ten seconds, at once
//
// The same seed gives the same run. Nothing happens outside Run, RunUntilIdle and Advance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/executor.h"
#include "async/run_blocking.h"
#include "async/scope.h"

namespace kro::async {

// Not thread-safe; the pool is the same thread as the loop.
class SimulatedExecutor final : public Executor {
 public:
  // 2026-01-01T00:00:00Z.
  static constexpr WallTime kStart{std::chrono::seconds(1'767'225'600)};

  // Seed 0 runs ready work in the order in which it was posted; any other seed draws.
  explicit SimulatedExecutor(std::uint64_t seed = 0, WallTime start = kStart);
  ~SimulatedExecutor() override;

  void Post(std::function<void()> work) override;
  std::function<void()> PostAt(MonotonicTime when, std::function<void()> work) override;
  void PostBlocking(std::function<void()> work) override;
  const Clock& clock() const override { return clock_; }

  // Runs ready work until there is none; time stands still. False if there was still some after
  // `limit` pieces: tasks wake each other for ever.
  bool RunUntilIdle(std::size_t limit = 10'000'000);

  // Runs what is ready, then lets time pass: at each moment at which a timer ends, all of them become
  // ready and everything runs that follows from it. False as RunUntilIdle.
  bool Advance(Duration duration);

  // Runs until `task` is done, letting time pass as needed, up to `limit`. nullopt: it can never be
  // done since nothing is left that could happen, or not within the limit; the task stays suspended
  // and is leaked. Rethrows what escapes it.
  template <typename T>
  auto Run(Task<T> task, Duration limit = std::chrono::hours(24 * 365)) {
    using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    struct Outcome {
      std::optional<Value> value;
      std::exception_ptr failure;
    };
    auto outcome = std::make_shared<Outcome>();
    RunRoot(internal::StoreOutcome(&outcome->value, &outcome->failure, std::move(task)), outcome,
            limit);
    if (outcome->failure) std::rethrow_exception(outcome->failure);
    return std::move(outcome->value);
  }

  // When the next timer ends, if there is one.
  std::optional<MonotonicTime> NextTimer() const;

  // Nothing is ready and nothing waits for a time: without a call from outside all is over.
  bool Stuck() const { return ready_.empty() && !NextTimer(); }

 private:
  class VirtualClock final : public Clock {
   public:
    explicit VirtualClock(WallTime start) : start_(start) {}
    WallTime Now() const override { return start_ + elapsed_; }
    // Not from zero, so that "an hour ago" is a time too.
    MonotonicTime Monotonic() const override {
      return MonotonicTime(std::chrono::hours(1000) + elapsed_);
    }
    void SetMonotonic(MonotonicTime now) {
      elapsed_ = now - MonotonicTime(std::chrono::hours(1000));
    }

   private:
    WallTime start_;
    Duration elapsed_{0};
  };
  struct Timers;

  // Runs `task`; `keep` stays alive as long as it.
  void RunRoot(Task<void> task, std::shared_ptr<void> keep, Duration limit);
  std::function<void()> TakeReady();
  void ReleaseTimers(MonotonicTime when);
  std::uint64_t Draw();

  VirtualClock clock_;
  std::uint64_t seed_;
  std::uint64_t draws_;
  std::deque<std::function<void()>> ready_;
  std::shared_ptr<Timers> timers_;
};

}  // namespace kro::async
