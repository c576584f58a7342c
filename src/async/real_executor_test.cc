#include "async/real_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "async/channel.h"
#include "async/event.h"
#include "async/on_pool.h"
#include "async/run_blocking.h"
#include "async/scope.h"
#include "async/when_all.h"

namespace kro::async {
namespace {

using namespace std::chrono_literals;

Task<int> SleepThenReturn(Executor& executor, Duration delay, int value) {
  static_cast<void>(co_await Sleep(executor, delay, CancelToken()));
  co_return value;
}

Task<void> RecordAfter(Executor& executor, MonotonicTime when, int id, std::vector<int>& log) {
  static_cast<void>(co_await SleepUntil(executor, when, CancelToken()));
  log.push_back(id);
}

Task<void> TimersInOrder(Executor& executor, std::vector<int>& log) {
  Scope scope(executor);
  const MonotonicTime now = executor.clock().Monotonic();
  for (int i : {3, 1, 2, 5, 4}) {
    scope.Spawn(RecordAfter(executor, now + std::chrono::milliseconds(i), i, log));
  }
  co_await scope.Join();
}

Task<int> Throws() {
  throw std::runtime_error("escaped");
  co_return 0;
}

// Sleeps for about as long as the canceller takes, so that both ways to end race.
Task<void> RacingSleep(Executor& executor, CancelToken cancel, std::atomic<int>& ended) {
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(co_await Sleep(executor, std::chrono::microseconds(i), cancel));
  }
  ++ended;
}

Task<void> WaitFor(Event& event, CancelToken cancel, std::atomic<int>& woken) {
  while (true) {
    auto got = co_await event.Wait(cancel);
    if (!got) co_return;
    ++woken;
  }
}

Task<void> Race(Executor& executor, int rounds, std::atomic<int>& ended) {
  for (int round = 0; round < rounds; ++round) {
    Scope scope(executor);
    Event event(executor, EventReset::kAuto);
    std::atomic<int> woken = 0;
    for (int i = 0; i < 4; ++i) {
      scope.Spawn(RacingSleep(executor, scope.token(), ended));
      scope.Spawn(WaitFor(event, scope.token(), woken));
    }
    co_await OnPool(executor, [&] {
      for (int i = 0; i < 10; ++i) event.Set();
      scope.Cancel();
    });
    co_await scope.Join();
  }
}

Task<void> SendFromPool(Executor& executor, Channel<int>& channel, int count) {
  for (int i = 0; i < count; ++i) {
    while (true) {
      const bool sent = co_await OnPool(executor, [&] { return channel.TrySend(1); });
      if (sent) break;
      co_await Yield(executor);
    }
  }
}

Task<int> SumUntilClosed(Channel<int>& channel) {
  int sum = 0;
  while (true) {
    auto value = co_await channel.Receive(CancelToken());
    if (!value || !*value) co_return sum;
    sum += **value;
  }
}

Task<int> SendersAndReceiver(Executor& executor) {
  Channel<int> channel(executor, 3);
  Scope senders(executor);
  std::vector<Task<int>> receiver;
  for (int i = 0; i < 4; ++i) senders.Spawn(SendFromPool(executor, channel, 100));
  struct Closer {
    static Task<int> Run(Scope& scope, Channel<int>& to_close) {
      co_await scope.Join();
      to_close.Close();
      co_return 0;
    }
  };
  receiver.push_back(SumUntilClosed(channel));
  receiver.push_back(Closer::Run(senders, channel));
  auto results = co_await WhenAll(executor, std::move(receiver));
  co_return results[0];
}

TEST(RealExecutor, RunBlockingReturnsTheValue) {
  RealExecutor executor(2);
  EXPECT_EQ(RunBlocking(executor, SleepThenReturn(executor, 1ms, 5)), 5);
}

TEST(RealExecutor, RunBlockingRethrows) {
  RealExecutor executor(1);
  EXPECT_THROW(RunBlocking(executor, Throws()), std::runtime_error);
}

TEST(RealExecutor, TimersEndInOrder) {
  RealExecutor executor(1);
  std::vector<int> log;
  RunBlocking(executor, TimersInOrder(executor, log));
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(RealExecutor, PoolWorkRunsBesideTheLoopAndComesBack) {
  RealExecutor executor(2);
  struct Threads {
    static Task<bool> Compare(Executor& on) {
      co_await Yield(on);
      const auto loop = std::this_thread::get_id();
      const auto pool = co_await OnPool(on, [] { return std::this_thread::get_id(); });
      co_return pool != loop&& std::this_thread::get_id() == loop;
    }
  };
  EXPECT_TRUE(RunBlocking(executor, Threads::Compare(executor)));
}

TEST(RealExecutor, EveryTaskEndsOnceWhenWakingAndCancellingRace) {
  RealExecutor executor(2);
  std::atomic<int> ended = 0;
  RunBlocking(executor, Race(executor, 200, ended));
  EXPECT_EQ(ended, 800);
}

TEST(RealExecutor, ChannelsCarryValuesBetweenThreads) {
  RealExecutor executor(3);
  EXPECT_EQ(RunBlocking(executor, SendersAndReceiver(executor)), 400);
}

TEST(RealExecutor, DropsWhatHasNotStartedWhenDestroyed) {
  auto witness = std::make_shared<int>(0);
  std::function<void()> cancel;
  {
    RealExecutor executor(1);
    cancel = executor.PostAt(executor.clock().Monotonic() + 1h, [witness] {});
  }
  EXPECT_EQ(witness.use_count(), 1);
  cancel();
}

}  // namespace
}  // namespace kro::async
