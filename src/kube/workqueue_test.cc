#include "kube/workqueue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "async/scope.h"
#include "async/simulated_executor.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

WorkKey Key(std::string kind, std::string name) { return {{"kro.run", "v1", kind}, {"ns", name}}; }

struct Simulation {
  async::SimulatedExecutor executor;
  Workqueue queue{executor, {}};
  async::CancelSource stop;

  // The next key if there is one now.
  std::string Take() {
    if (queue.Waiting() == 0) return "-";
    auto key = executor.Run(queue.Get(stop.token()));
    if (!key || !*key || !**key) return "shut down";
    last = ***key;
    return last.object.name;
  }
  WorkKey last;
};

TEST(Workqueue, HandsOutAKeyOnceHoweverOftenItWasAdded) {
  Simulation sim;
  for (int i = 0; i < 3; ++i) sim.queue.Add(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "a");
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, RunsAKeyOnceMoreIfItWasAddedWhileInWork) {
  Simulation sim;
  sim.queue.Add(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "a");
  sim.queue.Add(Key("webs", "a"));
  sim.queue.Add(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "-");
  sim.queue.Done(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "a");
  sim.queue.Done(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, ACrowdOfOneTypeDoesNotDelayAnother) {
  Simulation sim;
  for (int i = 0; i < 1000; ++i) sim.queue.Add(Key("webs", std::to_string(i)));
  EXPECT_EQ(sim.Take(), "0");
  EXPECT_EQ(sim.Take(), "1");
  sim.queue.Add(Key("dbs", "only"));
  EXPECT_EQ(sim.Take(), "only");
}

TEST(Workqueue, ATypeLeavesWorkersToOthers) {
  async::SimulatedExecutor executor;
  Workqueue queue(executor, {.lane_capacity = 2});
  async::Scope scope(executor);
  std::vector<std::string> taken;
  const auto work = [](Workqueue& from, std::vector<std::string>& into,
                       async::CancelToken cancel) -> async::Task<void> {
    while (true) {
      auto key = co_await from.Get(cancel);
      if (!key || !*key) co_return;
      into.push_back((*key)->object.name);
    }
  };
  for (int i = 0; i < 4; ++i) scope.Spawn(work(queue, taken, scope.token()));
  for (int i = 0; i < 5; ++i) queue.Add(Key("webs", std::to_string(i)));
  executor.Advance(1s);
  EXPECT_THAT(taken, ElementsAre("0", "1"));

  queue.Add(Key("dbs", "only"));
  executor.Advance(1s);
  EXPECT_THAT(taken, ElementsAre("0", "1", "only"));

  queue.Done(Key("webs", "0"));
  executor.Advance(1s);
  EXPECT_THAT(taken, ElementsAre("0", "1", "only", "2"));
  scope.Cancel();
  EXPECT_TRUE(executor.Run(scope.Join()));
}

TEST(Workqueue, TypesTakeTurns) {
  Simulation sim;
  for (int i = 0; i < 2; ++i) sim.queue.Add(Key("webs", "w" + std::to_string(i)));
  for (int i = 0; i < 2; ++i) sim.queue.Add(Key("dbs", "d" + std::to_string(i)));
  std::vector<std::string> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(sim.Take());
    sim.queue.Done(sim.last);
  }
  EXPECT_THAT(order, ElementsAre("d0", "w0", "d1", "w1"));
}

TEST(Workqueue, WhatChangedGoesBeforeTheInitialListWhichStillGetsTurns) {
  Simulation sim;
  for (int i = 0; i < 3; ++i)
    sim.queue.Add(Key("webs", "old" + std::to_string(i)), Priority::kInitialList);
  for (int i = 0; i < 9; ++i) sim.queue.Add(Key("webs", "new" + std::to_string(i)));
  std::vector<std::string> order;
  for (int i = 0; i < 8; ++i) order.push_back(sim.Take().substr(0, 3));
  EXPECT_THAT(order, ElementsAre("new", "new", "new", "new", "new", "new", "new", "old"));
}

TEST(Workqueue, AChangeLiftsAKeyOutOfTheInitialList) {
  Simulation sim;
  sim.queue.Add(Key("webs", "a"), Priority::kInitialList);
  sim.queue.Add(Key("webs", "b"), Priority::kInitialList);
  sim.queue.Add(Key("webs", "b"));
  EXPECT_EQ(sim.Take(), "b");
  EXPECT_EQ(sim.Take(), "a");
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, OfSeveralDelaysTheEarliestCounts) {
  Simulation sim;
  sim.queue.AddAfter(Key("webs", "a"), 5s);
  sim.queue.AddAfter(Key("webs", "a"), 2s);
  sim.queue.AddAfter(Key("webs", "a"), 9s);
  sim.executor.Advance(1s);
  EXPECT_EQ(sim.Take(), "-");
  sim.executor.Advance(1s);
  EXPECT_EQ(sim.Take(), "a");
  sim.queue.Done(sim.last);
  sim.executor.Advance(1min);
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, APlainAddTakesThePlaceOfADelayedOne) {
  Simulation sim;
  sim.queue.AddAfter(Key("webs", "a"), 5s);
  sim.queue.Add(Key("webs", "a"));
  EXPECT_EQ(sim.Take(), "a");
  sim.queue.Done(sim.last);
  sim.executor.Advance(1min);
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, RetriesBackOffUntilForgotten) {
  Simulation sim;
  WorkKey key = Key("webs", "a");
  EXPECT_EQ(sim.queue.BackOff(key), 200ms);
  EXPECT_EQ(sim.queue.AddRateLimited(key), 200ms);
  EXPECT_EQ(sim.queue.BackOff(key), 400ms);
  EXPECT_EQ(sim.queue.AddRateLimited(key), 400ms);
  for (int i = 0; i < 60; ++i) sim.queue.AddRateLimited(key);
  sim.executor.Advance(1h);
  EXPECT_EQ(sim.queue.AddRateLimited(key), 1000s);
  EXPECT_EQ(sim.queue.Failures(key), 63);
  sim.queue.Forget(key);
  EXPECT_EQ(sim.queue.AddRateLimited(key), 200ms);
}

TEST(Workqueue, TheKeysOfALaneShareTheRateOfRetries) {
  Simulation sim;
  for (int i = 0; i < 100; ++i) sim.queue.AddRateLimited(Key("webs", std::to_string(i)));
  for (int i = 0; i < 20; ++i) sim.queue.AddRateLimited(Key("webs", std::to_string(100 + i)));
  EXPECT_EQ(sim.queue.BackOff(Key("webs", "last")), 2100ms);
  EXPECT_EQ(sim.queue.AddRateLimited(Key("webs", "last")), 2100ms);
}

TEST(Workqueue, ACrowdThatFailsDelaysNoRetryOfAnotherLane) {
  Simulation sim;
  for (int i = 0; i < 10'000; ++i) sim.queue.AddRateLimited(Key("webs", std::to_string(i)));
  EXPECT_GT(sim.queue.AddRateLimited(Key("webs", "last")), 900s);
  EXPECT_EQ(sim.queue.AddRateLimited(Key("apps", "one")), 200ms);
  sim.executor.Advance(200ms);
  // The crowd's own first retries are due as well; the other lane gets its turn among them.
  std::vector<std::string> taken;
  for (int i = 0; i < 2; ++i) taken.push_back(sim.Take());
  EXPECT_THAT(taken, testing::Contains("one"));
}

TEST(Workqueue, ADroppedLaneLeavesNoDebtOfRetries) {
  Simulation sim;
  for (int i = 0; i < 200; ++i) sim.queue.AddRateLimited(Key("webs", std::to_string(i)));
  sim.queue.DropLane(Key("webs", "").gvr);
  EXPECT_EQ(sim.queue.AddRateLimited(Key("webs", "1")), 200ms);
}

TEST(Workqueue, ShutDownHandsOutWhatIsQueuedAndRefusesMore) {
  Simulation sim;
  sim.queue.Add(Key("webs", "a"));
  sim.queue.AddAfter(Key("webs", "later"), 1s);
  sim.queue.ShutDown();
  sim.queue.Add(Key("webs", "b"));
  EXPECT_EQ(sim.Take(), "a");
  auto end = sim.executor.Run(sim.queue.Get(sim.stop.token()));
  ASSERT_TRUE(end && *end);
  EXPECT_FALSE((*end)->has_value());
}

async::Task<void> Work(Workqueue& queue, async::Executor& executor, async::CancelToken cancel,
                       int& busy, int& done) {
  while (true) {
    auto key = co_await queue.Get(cancel);
    if (!key || !*key) co_return;
    ++busy;
    auto slept = co_await async::Sleep(executor, 1s, cancel);
    if (slept) ++done;
    --busy;
    queue.Done(**key);
  }
}

TEST(Workqueue, WakesAsManyWorkersAsThereAreKeysAndDrains) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    async::SimulatedExecutor executor(seed);
    Workqueue queue(executor, {});
    async::Scope scope(executor);
    int busy = 0;
    int done = 0;
    for (int i = 0; i < 4; ++i) scope.Spawn(Work(queue, executor, scope.token(), busy, done));
    executor.RunUntilIdle();
    for (int i = 0; i < 8; ++i) queue.Add(Key("webs", std::to_string(i)));
    executor.RunUntilIdle();
    EXPECT_EQ(busy, 4);
    EXPECT_TRUE(executor.Run(queue.Drain(scope.token())));
    EXPECT_EQ(done, 8);
    EXPECT_TRUE(executor.Run(scope.Join()));
  }
}

TEST(Workqueue, DroppingALaneLeavesTheOthers) {
  Simulation sim;
  sim.queue.Add(Key("webs", "a"));
  sim.queue.AddAfter(Key("webs", "b"), 1s);
  sim.queue.Add(Key("dbs", "c"));
  sim.queue.DropLane({"kro.run", "v1", "webs"});
  sim.executor.Advance(2s);
  EXPECT_EQ(sim.Take(), "c");
  EXPECT_EQ(sim.Take(), "-");
}

TEST(Workqueue, TellsAnObserverWhatItDoes) {
  struct Observer final : WorkqueueObserver {
    void Added() override { log.emplace_back("added"); }
    void Taken(Duration waited) override {
      log.push_back("taken after " +
                    std::to_string(std::chrono::floor<std::chrono::seconds>(waited).count()));
    }
    void Finished(Duration worked) override {
      log.push_back("finished after " +
                    std::to_string(std::chrono::floor<std::chrono::seconds>(worked).count()));
    }
    void Retried() override { log.emplace_back("retried"); }
    std::vector<std::string> log;
  };
  Observer observer;
  async::SimulatedExecutor executor;
  Workqueue queue(executor, {.observer = &observer});
  queue.Add(Key("webs", "a"));
  queue.Add(Key("webs", "a"));
  executor.Advance(2s);
  ASSERT_TRUE(executor.Run(queue.Get({})));
  executor.Advance(3s);
  EXPECT_EQ(queue.WorkingTimes().longest, Duration(3s));
  EXPECT_EQ(queue.Lanes().at(0).in_work, 1u);
  queue.AddRateLimited(Key("webs", "a"));
  queue.Done(Key("webs", "a"));
  EXPECT_THAT(observer.log, ElementsAre("added", "taken after 2", "retried", "finished after 3"));
}

}  // namespace
}  // namespace kro::kube
