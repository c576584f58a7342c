#include "apiserver/fault_transport.h"

#include <gtest/gtest.h>

#include "apiserver/local_transport.h"
#include "async/simulated_executor.h"

namespace kro::apiserver {
namespace {

using namespace std::chrono_literals;

struct Simulation {
  explicit Simulation(FaultRates rates, std::uint64_t seed = 1)
      : faults(transport, executor, seed, rates) {}

  async::SimulatedExecutor executor;
  Server server{executor.clock(), IdSource(1), {}};
  LocalTransport transport{server, executor};
  FaultTransport faults;

  Result<http::Response> Create(std::string name) {
    return *executor.Run(faults.Send(
        {.method = "POST",
         .target = "/api/v1/namespaces/default/configmaps",
         .headers = {{"Content-Type", "application/json"}},
         .body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name + "\"}}"},
        {}));
  }
  int StatusOf(std::string name) {
    auto got = *executor.Run(transport.Send(
        {.target = "/api/v1/namespaces/default/configmaps/" + name}, {}));
    return got ? got->status : 0;
  }
};

TEST(FaultTransport, PassesEverythingOnWithoutRates) {
  Simulation sim({});
  auto created = sim.Create("a");
  ASSERT_TRUE(created);
  EXPECT_EQ(created->status, 201);
  EXPECT_EQ(sim.faults.calls().size(), 1u);
}

TEST(FaultTransport, ALostResponseLeavesTheWriteDone) {
  Simulation sim({.lost_response = 1});
  auto created = sim.Create("a");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(sim.StatusOf("a"), 200);
}

TEST(FaultTransport, ALostRequestLeavesNothingDone) {
  Simulation sim({.lost_request = 1});
  EXPECT_FALSE(sim.Create("a"));
  EXPECT_EQ(sim.StatusOf("a"), 404);
}

TEST(FaultTransport, ACrashHappensAtItsCallAndLastsUntilRevived) {
  for (auto when : {FaultTransport::When::kBefore, FaultTransport::When::kAfter}) {
    Simulation sim({});
    int crashes = 0;
    sim.faults.CrashAt(2, [&] { ++crashes; }, when);
    EXPECT_TRUE(sim.Create("a"));
    EXPECT_FALSE(sim.Create("b"));
    EXPECT_FALSE(sim.Create("c"));
    EXPECT_EQ(crashes, 1);
    EXPECT_EQ(sim.StatusOf("b"), when == FaultTransport::When::kBefore ? 404 : 200);
    sim.faults.Revive();
    EXPECT_TRUE(sim.Create("c"));
  }
}

TEST(FaultTransport, TheSameSeedGivesTheSameFaults) {
  const auto play = [](std::uint64_t seed) {
    Simulation sim({.lost_request = 0.3, .conflict = 0.3, .throttled = 0.2}, seed);
    std::string outcome;
    for (int i = 0; i < 20; ++i) {
      auto created = sim.Create("c" + std::to_string(i));
      outcome += created ? std::to_string(created->status) : "lost";
    }
    return outcome;
  };
  EXPECT_EQ(play(3), play(3));
  EXPECT_NE(play(3), play(4));
}

TEST(FaultTransport, DuplicatesEvents) {
  Simulation sim({.watch_duplicate = 1});
  auto stream = *sim.executor.Run(sim.faults.Open(
      {.target = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=" +
                 std::to_string(sim.server.revision())},
      {}));
  ASSERT_TRUE(stream);
  ASSERT_TRUE(sim.Create("a"));
  auto frames = *sim.executor.Run((*stream)->Read(10s));
  ASSERT_TRUE(frames);
  EXPECT_NE(frames->find("ADDED"), frames->rfind("ADDED"));
}

}  // namespace
}  // namespace kro::apiserver
