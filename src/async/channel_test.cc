#include "async/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "async/simulated_executor.h"

namespace kro::async {
namespace {

Task<void> SendAll(Channel<int>& channel, int first, int count, int& sent) {
  for (int i = first; i < first + count; ++i) {
    if (!co_await channel.Send(i, CancelToken())) co_return;
    ++sent;
  }
}

Task<void> ReceiveAll(Channel<int>& channel, CancelToken cancel, std::vector<int>& got,
                      std::vector<ErrorCode>& errors) {
  while (true) {
    auto value = co_await channel.Receive(cancel);
    if (!value) {
      errors.push_back(value.error().code());
      co_return;
    }
    if (!*value) co_return;
    got.push_back(**value);
  }
}

TEST(Channel, DeliversEverythingFromManySendersThroughLittleRoom) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedExecutor sim(seed);
    Channel<int> channel(sim, 2);
    Scope senders(sim), receiver(sim);
    int sent = 0;
    std::vector<int> got;
    std::vector<ErrorCode> errors;
    receiver.Spawn(ReceiveAll(channel, receiver.token(), got, errors));
    for (int i = 0; i < 5; ++i) senders.Spawn(SendAll(channel, i * 10, 10, sent));
    sim.Run(senders.Join());
    channel.Close();
    sim.Run(receiver.Join());
    EXPECT_EQ(sent, 50);
    std::sort(got.begin(), got.end());
    ASSERT_EQ(got.size(), 50u);
    EXPECT_EQ(got.front(), 0);
    EXPECT_EQ(got.back(), 49);
    EXPECT_TRUE(errors.empty());
  }
}

TEST(Channel, ASenderWaitsForRoom) {
  SimulatedExecutor sim;
  Channel<int> channel(sim, 2);
  Scope scope(sim);
  int sent = 0;
  scope.Spawn(SendAll(channel, 0, 10, sent));
  sim.RunUntilIdle();
  EXPECT_EQ(sent, 2);
  EXPECT_EQ(***sim.Run(channel.Receive(CancelToken())), 0);
  sim.RunUntilIdle();
  EXPECT_EQ(sent, 3);
  channel.Close();
  sim.RunUntilIdle();
  EXPECT_EQ(sent, 3);
}

TEST(Channel, CloseWakesEverySender) {
  SimulatedExecutor sim(5);
  Channel<int> channel(sim, 1);
  Scope scope(sim);
  int sent = 0;
  for (int i = 0; i < 4; ++i) scope.Spawn(SendAll(channel, 0, 2, sent));
  sim.RunUntilIdle();
  channel.Close();
  EXPECT_TRUE(sim.Run(scope.Join()));
  EXPECT_FALSE(channel.TrySend(1));
}

TEST(Channel, ReceiveObservesCancellation) {
  SimulatedExecutor sim;
  Channel<int> channel(sim, 1);
  Scope scope(sim);
  std::vector<int> got;
  std::vector<ErrorCode> errors;
  scope.Spawn(ReceiveAll(channel, scope.token(), got, errors));
  sim.RunUntilIdle();
  scope.Cancel();
  sim.RunUntilIdle();
  EXPECT_EQ(errors, std::vector<ErrorCode>{ErrorCode::kCancelled});
}

TEST(Channel, CarriesMoveOnlyValues) {
  SimulatedExecutor sim;
  Channel<std::unique_ptr<int>> channel(sim, 1);
  EXPECT_TRUE(channel.TrySend(std::make_unique<int>(5)));
  auto value = sim.Run(channel.Receive(CancelToken()));
  EXPECT_EQ(****value, 5);
}

}  // namespace
}  // namespace kro::async
