#include "async/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "async/simulated_executor.h"

namespace kro::async {
namespace {

using namespace std::chrono_literals;

Task<void> Record(Executor& executor, Duration delay, CancelToken cancel, int id,
                  std::vector<int>& log) {
  auto slept = co_await Sleep(executor, delay, cancel);
  log.push_back(slept ? id : -id);
}

Task<void> SpawnMore(Scope& scope, int depth, int& count) {
  ++count;
  if (depth > 0) scope.Spawn(SpawnMore(scope, depth - 1, count));
  co_await Yield(scope.executor());
  if (depth > 0) scope.Spawn(SpawnMore(scope, depth - 1, count));
}

Task<void> Throws() {
  throw std::runtime_error("escaped");
  co_return;
}

TEST(Scope, JoinWaitsForEveryTask) {
  SimulatedExecutor sim;
  Scope scope(sim);
  std::vector<int> log;
  scope.Spawn(Record(sim, 2s, scope.token(), 2, log));
  scope.Spawn(Record(sim, 1s, scope.token(), 1, log));
  EXPECT_TRUE(sim.Run(scope.Join()));
  EXPECT_EQ(log, (std::vector<int>{1, 2}));
}

TEST(Scope, JoinWaitsForTasksSpawnedByTasks) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedExecutor sim(seed);
    Scope scope(sim);
    int count = 0;
    scope.Spawn(SpawnMore(scope, 5, count));
    EXPECT_TRUE(sim.Run(scope.Join()));
    EXPECT_EQ(count, 63);
  }
}

TEST(Scope, JoinOfAnEmptyScopeReturns) {
  SimulatedExecutor sim;
  Scope scope(sim);
  EXPECT_TRUE(sim.Run(scope.Join()));
}

TEST(Scope, CancelEndsSleepAtOnce) {
  SimulatedExecutor sim;
  Scope scope(sim);
  std::vector<int> log;
  scope.Spawn(Record(sim, 1h, scope.token(), 1, log));
  sim.Advance(1s);
  scope.Cancel();
  sim.RunUntilIdle();
  EXPECT_EQ(log, std::vector<int>{-1});
  EXPECT_TRUE(sim.Stuck());  // its timer is gone too
}

TEST(Scope, CancellingTheParentCancelsTheChild) {
  SimulatedExecutor sim;
  CancelSource parent;
  Scope child(sim, parent.token());
  parent.Cancel();
  EXPECT_TRUE(child.token().cancelled());
}

TEST(Scope, CancellingTheChildLeavesTheParent) {
  SimulatedExecutor sim;
  CancelSource parent;
  Scope child(sim, parent.token());
  child.Cancel();
  EXPECT_FALSE(parent.token().cancelled());
}

TEST(Scope, AnEscapedExceptionCancelsTheOthersAndComesOutOfJoin) {
  SimulatedExecutor sim;
  Scope scope(sim);
  std::vector<int> log;
  scope.Spawn(Record(sim, 1h, scope.token(), 1, log));
  scope.Spawn(Throws());
  EXPECT_THROW(sim.Run(scope.Join()), std::runtime_error);
  EXPECT_EQ(log, std::vector<int>{-1});
}

TEST(Scope, DestroysATaskBeforeJoinReturns) {
  struct Witness {
    bool* alive;
    explicit Witness(bool* flag) : alive(flag) { *alive = true; }
    ~Witness() { *alive = false; }
  };
  struct Holder {
    static Task<void> Hold(std::shared_ptr<Witness>) { co_return; }
  };
  SimulatedExecutor sim;
  bool alive = false;
  Scope scope(sim);
  scope.Spawn(Holder::Hold(std::make_shared<Witness>(&alive)));
  EXPECT_TRUE(alive);
  sim.Run(scope.Join());
  EXPECT_FALSE(alive);
}

TEST(CancelToken, ADefaultTokenNeverFires) {
  CancelToken token;
  bool called = false;
  auto unlink = token.OnCancel([&] { called = true; });
  unlink();
  EXPECT_FALSE(token.cancelled());
  EXPECT_FALSE(called);
}

TEST(CancelToken, CallsEveryStopOnce) {
  CancelSource source;
  int calls = 0;
  auto first = source.token().OnCancel([&] { ++calls; });
  auto second = source.token().OnCancel([&] { ++calls; });
  source.Cancel();
  source.Cancel();
  EXPECT_EQ(calls, 2);
  first();
  second();
  auto late = source.token().OnCancel([&] { ++calls; });
  EXPECT_EQ(calls, 3);
}

TEST(CancelToken, AnUnregisteredStopIsNotCalled) {
  CancelSource source;
  int calls = 0;
  auto unlink = source.token().OnCancel([&] { ++calls; });
  unlink();
  unlink();
  source.Cancel();
  EXPECT_EQ(calls, 0);
}

TEST(CancelToken, AStopMayUnregisterItselfAndOthers) {
  CancelSource source;
  std::function<void()> first, second;
  int calls = 0;
  first = source.token().OnCancel([&] {
    ++calls;
    first();
    second();
  });
  second = source.token().OnCancel([&] { ++calls; });
  source.Cancel();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace kro::async
