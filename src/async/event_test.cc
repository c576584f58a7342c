#include "async/event.h"

#include <gtest/gtest.h>

#include <vector>

#include "async/simulated_executor.h"

namespace kro::async {
namespace {

using namespace std::chrono_literals;

Task<void> WaitAndCount(Event& event, CancelToken cancel, int& woken, int& cancelled) {
  auto result = co_await event.Wait(cancel);
  ++(result ? woken : cancelled);
}

TEST(Event, AManualEventWakesEveryoneAndStaysSet) {
  SimulatedExecutor sim(3);
  Event event(sim, EventReset::kManual);
  Scope scope(sim);
  int woken = 0, cancelled = 0;
  for (int i = 0; i < 3; ++i) scope.Spawn(WaitAndCount(event, scope.token(), woken, cancelled));
  sim.RunUntilIdle();
  EXPECT_EQ(woken, 0);
  event.Set();
  scope.Spawn(WaitAndCount(event, scope.token(), woken, cancelled));
  sim.RunUntilIdle();
  EXPECT_EQ(woken, 4);
}

TEST(Event, AnAutoEventWakesOneForEachSet) {
  SimulatedExecutor sim(3);
  Event event(sim, EventReset::kAuto);
  Scope scope(sim);
  int woken = 0, cancelled = 0;
  event.Set();
  event.Set();  // it was set already
  for (int i = 0; i < 3; ++i) scope.Spawn(WaitAndCount(event, scope.token(), woken, cancelled));
  sim.RunUntilIdle();
  EXPECT_EQ(woken, 1);
  event.Set();
  sim.RunUntilIdle();
  EXPECT_EQ(woken, 2);
  scope.Cancel();
  sim.RunUntilIdle();
  EXPECT_EQ(cancelled, 1);
}

TEST(Event, ASetIsNotSpentOnACancelledWaiter) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedExecutor sim(seed);
    Event event(sim, EventReset::kAuto);
    Scope first(sim), second(sim);
    int woken = 0, cancelled = 0;
    first.Spawn(WaitAndCount(event, first.token(), woken, cancelled));
    sim.RunUntilIdle();
    second.Spawn(WaitAndCount(event, second.token(), woken, cancelled));
    sim.RunUntilIdle();
    first.Cancel();
    event.Set();
    sim.RunUntilIdle();
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(cancelled, 1);
  }
}

TEST(Event, WaitUntilEndsAtItsTime) {
  SimulatedExecutor sim;
  Event event(sim, EventReset::kAuto);
  const MonotonicTime when = sim.clock().Monotonic() + 5s;
  auto result = sim.Run(event.WaitUntil(when, CancelToken()));
  EXPECT_EQ(result->error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(sim.clock().Monotonic(), when);
  event.Set();
  EXPECT_TRUE(sim.Run(event.WaitUntil(when + 1s, CancelToken()))->has_value());
  EXPECT_TRUE(sim.Stuck());
}

}  // namespace
}  // namespace kro::async
