#include "async/simulated_executor.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "async/event.h"
#include "async/on_pool.h"

namespace kro::async {
namespace {

using namespace std::chrono_literals;

std::vector<int> OrderWith(std::uint64_t seed) {
  SimulatedExecutor sim(seed);
  std::vector<int> order;
  for (int i = 0; i < 8; ++i) sim.Post([&order, i] { order.push_back(i); });
  sim.RunUntilIdle();
  return order;
}

TEST(SimulatedExecutor, TheSameSeedGivesTheSameOrder) {
  for (std::uint64_t seed : {1u, 2u, 77u}) EXPECT_EQ(OrderWith(seed), OrderWith(seed));
}

TEST(SimulatedExecutor, SeedsDifferInTheirOrder) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) orders.insert(OrderWith(seed));
  EXPECT_GT(orders.size(), 15u);
}

TEST(SimulatedExecutor, SeedZeroKeepsTheOrderOfPosting) {
  EXPECT_EQ(OrderWith(0), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(SimulatedExecutor, TimersEndInOrderOfTheirTimesWithAnySeed) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedExecutor sim(seed);
    const MonotonicTime start = sim.clock().Monotonic();
    std::vector<int> order;
    for (int second : {5, 1, 4, 2, 3}) {
      sim.PostAt(start + std::chrono::seconds(second),
                 [&order, second] { order.push_back(second); });
    }
    sim.Advance(4s);
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
    EXPECT_EQ(sim.clock().Monotonic() - start, 4s);
    sim.Advance(1s);
    EXPECT_EQ(order.back(), 5);
  }
}

TEST(SimulatedExecutor, WallTimePassesWithMonotonicTime) {
  SimulatedExecutor sim;
  sim.Advance(90s);
  EXPECT_EQ(sim.clock().Now(), SimulatedExecutor::kStart + 90s);
}

TEST(SimulatedExecutor, ACancelledTimerDoesNotRun) {
  SimulatedExecutor sim;
  bool ran = false;
  auto cancel = sim.PostAt(sim.clock().Monotonic() + 1s, [&] { ran = true; });
  cancel();
  cancel();
  EXPECT_TRUE(sim.Stuck());
  sim.Advance(2s);
  EXPECT_FALSE(ran);
}

TEST(SimulatedExecutor, CancellingATimerAfterTheExecutorIsHarmless) {
  std::function<void()> cancel;
  {
    SimulatedExecutor sim;
    cancel = sim.PostAt(sim.clock().Monotonic() + 1s, [] {});
  }
  cancel();
}

TEST(SimulatedExecutor, SaysWhenNothingCanHappen) {
  SimulatedExecutor sim;
  EXPECT_TRUE(sim.Stuck());
  sim.PostAt(sim.clock().Monotonic() + 1h, [] {});
  EXPECT_FALSE(sim.Stuck());
  sim.Advance(1h);
  EXPECT_TRUE(sim.Stuck());
}

TEST(SimulatedExecutor, SaysWhenTasksWakeEachOtherForEver) {
  SimulatedExecutor sim;
  std::function<void()> again = [&] { sim.Post(again); };
  sim.Post(again);
  EXPECT_FALSE(sim.RunUntilIdle(1000));
}

TEST(SimulatedExecutor, RunsPoolWorkInTheSameThread) {
  SimulatedExecutor sim(4);
  const auto here = std::this_thread::get_id();
  EXPECT_TRUE(sim.Run(OnPool(sim, [] { return std::this_thread::get_id(); })) == here);
}

}  // namespace
}  // namespace kro::async
