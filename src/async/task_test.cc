#include "async/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "async/simulated_executor.h"
#include "async/when_all.h"
#include "async/with_timeout.h"

namespace kro::async {
namespace {

using namespace std::chrono_literals;

Task<int> One() { co_return 1; }

Task<long> SumOfManyReady(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await One();
  co_return sum;
}

Task<int> Depth(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await Depth(depth - 1);
}

Task<int> Throws() {
  throw std::runtime_error("from below");
  co_return 0;
}

Task<std::string> Catches() {
  try {
    co_await Throws();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing thrown";
}

Task<int> After(Executor& executor, Duration delay, int value) {
  static_cast<void>(co_await Sleep(executor, delay, CancelToken()));
  co_return value;
}

Task<Result<int>> AnswerAfter(Executor& executor, Duration delay, CancelToken cancel) {
  auto slept = co_await Sleep(executor, delay, cancel);
  if (!slept) co_return std::unexpected(slept.error());
  co_return 42;
}

TEST(Task, AwaitingReadyTasksInALoopTakesNoStack) {
  SimulatedExecutor sim;
  EXPECT_EQ(sim.Run(SumOfManyReady(1'000'000)), 1'000'000);
}

TEST(Task, ALongChainOfAwaitsTakesNoStackOnItsWayBack) {
  SimulatedExecutor sim;
  EXPECT_EQ(sim.Run(Depth(10'000)), 10'000);
}

TEST(Task, RethrowsInTheAwaiter) {
  SimulatedExecutor sim;
  EXPECT_EQ(sim.Run(Catches()), "from below");
}

TEST(Task, AnUnstartedTaskDestroysItsArguments) {
  auto witness = std::make_shared<int>(0);
  struct Holder {
    static Task<void> Hold(std::shared_ptr<int>) { co_return; }
  };
  {
    Task<void> task = Holder::Hold(witness);
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(WhenAll, RunsAtTheSameTimeAndKeepsTheOrder) {
  SimulatedExecutor sim(7);
  std::vector<Task<int>> tasks;
  tasks.push_back(After(sim, 3s, 3));
  tasks.push_back(After(sim, 1s, 1));
  tasks.push_back(After(sim, 2s, 2));
  const MonotonicTime start = sim.clock().Monotonic();
  EXPECT_EQ(sim.Run(WhenAll(sim, std::move(tasks))), (std::vector<int>{3, 1, 2}));
  EXPECT_EQ(sim.clock().Monotonic() - start, 3s);
}

TEST(WhenAll, RethrowsAfterTheOthersHaveFinished) {
  SimulatedExecutor sim;
  std::vector<Task<int>> tasks;
  tasks.push_back(Throws());
  tasks.push_back(After(sim, 1s, 1));
  const MonotonicTime start = sim.clock().Monotonic();
  EXPECT_THROW(sim.Run(WhenAll(sim, std::move(tasks))), std::runtime_error);
  EXPECT_EQ(sim.clock().Monotonic() - start, 1s);
}

TEST(WithTimeout, CancelsWorkThatTakesTooLong) {
  SimulatedExecutor sim;
  auto late = sim.Run(WithTimeout<int>(sim, 1s, CancelToken(), [&](CancelToken cancel) {
    return AnswerAfter(sim, 5s, std::move(cancel));
  }));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->error().code(), ErrorCode::kExhausted);
  auto early = sim.Run(WithTimeout<int>(sim, 10s, CancelToken(), [&](CancelToken cancel) {
    return AnswerAfter(sim, 5s, std::move(cancel));
  }));
  EXPECT_EQ(early->value(), 42);
  EXPECT_TRUE(sim.Stuck());  // no timer is left behind
}

TEST(WithTimeout, LeavesACancellationOfTheCallerOne) {
  SimulatedExecutor sim;
  CancelSource source;
  source.Cancel();
  auto result = sim.Run(WithTimeout<int>(sim, 1s, source.token(), [&](CancelToken cancel) {
    return AnswerAfter(sim, 5s, std::move(cancel));
  }));
  EXPECT_EQ(result->error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace kro::async
