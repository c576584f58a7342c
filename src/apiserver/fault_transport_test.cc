#include "apiserver/fault_transport.h"

#include <gtest/gtest.h>

#include "apiserver/local_transport.h"
#include "async/simulated_executor.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

using namespace std::chrono_literals;

struct Simulation {
  explicit Simulation(std::string_view schedule)
      : faults(transport, server, executor, *ParseSchedule(schedule),
               [this](const Fault&) { ++crashes; }) {}

  async::SimulatedExecutor executor;
  Server server{executor.clock(), IdSource(1), {}};
  LocalTransport transport{server, executor};
  int crashes = 0;
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
    auto got = *executor.Run(
        transport.Send({.target = "/api/v1/namespaces/default/configmaps/" + name}, {}));
    return got ? got->status : 0;
  }
  std::unique_ptr<http::ResponseStream> Watch(std::string more = {}) {
    auto stream = *executor.Run(
        faults.Open({.target = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=" +
                               std::to_string(server.revision()) + more},
                    {}));
    return stream ? std::move(*stream) : nullptr;
  }
  // The names that a list made at `version` has; "410" or so if it is refused.
  std::string List(std::string version) {
    std::string target = "/api/v1/namespaces/default/configmaps";
    if (!version.empty()) target += "?resourceVersion=" + version;
    auto list = *executor.Run(faults.Send({.target = target}, {}));
    if (!list) return "nothing";
    if (list->status != 200) return std::to_string(list->status);
    std::string names;
    const json::Value value = *json::Parse(list->body);
    for (const json::Value& item : value.at("items").as_array()) {
      const std::string_view name = json::FindString(item, {"metadata", "name"});
      if (name != "kube-root-ca.crt") names += name;  // the namespace's own
    }
    return names;
  }
  Result<std::string> Read(http::ResponseStream& stream) { return *executor.Run(stream.Read(10s)); }
};

TEST(FaultTransport, PassesEverythingOnWithoutFaults) {
  Simulation sim("");
  auto created = sim.Create("a");
  ASSERT_TRUE(created);
  EXPECT_EQ(created->status, 201);
  EXPECT_EQ(sim.faults.counts().calls, 1u);
}

TEST(FaultTransport, ALostResponseLeavesTheWriteDoneAndALostRequestDoesNot) {
  Simulation sim("lost-response@1,lost-request@2");
  auto created = sim.Create("a");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(sim.StatusOf("a"), 200);
  EXPECT_FALSE(sim.Create("b"));
  EXPECT_EQ(sim.StatusOf("b"), 404);
}

TEST(FaultTransport, AnswersInTheServersPlace) {
  const struct {
    std::string_view schedule;
    int status;
  } cases[] = {{"throttled@1:1000ms", 429}, {"server-error@1", 500}};
  for (const auto& test : cases) {
    Simulation sim(test.schedule);
    auto created = sim.Create("a");
    ASSERT_TRUE(created);
    EXPECT_EQ(created->status, test.status);
    EXPECT_EQ(sim.StatusOf("a"), 404);
  }
}

TEST(FaultTransport, ACrashHappensAtItsCallAndLastsUntilRevived) {
  for (std::string_view schedule : {"crash-before@2:0ms", "crash-after@2:0ms"}) {
    Simulation sim(schedule);
    EXPECT_TRUE(sim.Create("a"));
    EXPECT_FALSE(sim.Create("b"));
    EXPECT_FALSE(sim.Create("c"));
    EXPECT_EQ(sim.crashes, 1);
    EXPECT_EQ(sim.StatusOf("b"), schedule == "crash-before@2:0ms" ? 404 : 200);
    sim.faults.Revive();
    EXPECT_TRUE(sim.Create("c"));
  }
}

TEST(FaultTransport, APartitionEndsByItself) {
  Simulation sim("partition@1:3000ms");
  EXPECT_FALSE(sim.Create("a"));
  EXPECT_FALSE(sim.Create("a"));
  sim.executor.Advance(3s);
  EXPECT_TRUE(sim.Create("a"));
}

TEST(FaultTransport, AStaleAnswerTellsOfAnEarlierTime) {
  Simulation sim("stale@1:5000ms");
  const MonotonicTime before = sim.executor.clock().Monotonic();
  EXPECT_TRUE(sim.Create("a"));
  EXPECT_GE(sim.executor.clock().Monotonic() - before, 5s);
}

TEST(FaultTransport, AnEventComesTwice) {
  Simulation sim("event-duplicate@1");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  auto frames = sim.Read(*stream);
  ASSERT_TRUE(frames);
  EXPECT_NE(frames->find("ADDED"), frames->rfind("ADDED"));
}

TEST(FaultTransport, ALostEventShowsByABrokenWatch) {
  Simulation sim("event-lost@1");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  EXPECT_FALSE(sim.Read(*stream));
}

TEST(FaultTransport, AForgottenEventShowsByAnError) {
  Simulation sim("event-gone@1");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  auto frames = sim.Read(*stream);
  ASSERT_TRUE(frames);
  EXPECT_NE(frames->find("\"code\":410"), std::string::npos);
  EXPECT_FALSE(sim.Read(*stream));
}

TEST(FaultTransport, AnEventComesAfterTheNextOneOfAnotherObject) {
  Simulation sim("event-swapped@1:1000ms");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  ASSERT_TRUE(sim.Create("b"));
  auto frames = sim.Read(*stream);
  ASSERT_TRUE(frames);
  EXPECT_LT(frames->find(R"("name":"b")"), frames->find(R"("name":"a")"));
}

TEST(FaultTransport, AnEventThatNoneFollowsComesAlone) {
  Simulation sim("event-swapped@1:1000ms");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  auto frames = sim.Read(*stream);
  ASSERT_TRUE(frames);
  EXPECT_NE(frames->find(R"("name":"a")"), std::string::npos);
}

TEST(FaultTransport, ASilentWatchEndsWhenItsReaderGivesUp) {
  Simulation sim("watch-silent@1");
  auto stream = sim.Watch();
  ASSERT_TRUE(sim.Create("a"));
  const MonotonicTime before = sim.executor.clock().Monotonic();
  EXPECT_FALSE(sim.Read(*stream));
  EXPECT_GE(sim.executor.clock().Monotonic() - before, 10s);
}

TEST(FaultTransport, ATimeoutLeavesTheWriteDone) {
  Simulation sim("timeout@1");
  auto created = sim.Create("a");
  ASSERT_TRUE(created);
  EXPECT_EQ(created->status, 504);
  EXPECT_EQ(sim.StatusOf("a"), 200);
}

TEST(FaultTransport, AdmissionRefusesAllWritesForAWhile) {
  Simulation sim("denied@1:3000ms");
  EXPECT_EQ(sim.Create("a")->status, 403);
  EXPECT_EQ(sim.Create("a")->status, 403);
  EXPECT_EQ(sim.List(""), "");
  sim.executor.Advance(3s);
  EXPECT_EQ(sim.Create("a")->status, 201);
}

TEST(FaultTransport, AStaleListShowsWhatWasThereUnlessTheNewestIsAskedFor) {
  Simulation sim("stale-list@2:3000ms");
  ASSERT_TRUE(sim.Create("a"));
  const std::string old = std::to_string(sim.server.revision());
  ASSERT_TRUE(sim.Create("b"));
  ASSERT_TRUE(sim.Create("c"));
  EXPECT_EQ(sim.List("0"), "a");
  EXPECT_EQ(sim.List(old), "a");
  EXPECT_EQ(sim.List(""), "abc");
  EXPECT_EQ(sim.Watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")->status(), 422);
  sim.executor.Advance(3s);
  EXPECT_TRUE(sim.List("0").starts_with("abc"));
}

TEST(FaultTransport, AServerThatStartsAgainHasNoWatchesAndNoHistory) {
  Simulation sim("server-restart@3");
  ASSERT_TRUE(sim.Create("a"));
  const std::string old = std::to_string(sim.server.revision() - 1);
  auto stream = sim.Watch();
  EXPECT_FALSE(sim.Create("b"));
  EXPECT_FALSE(sim.Read(*stream));
  EXPECT_EQ(sim.List(old + "&resourceVersionMatch=Exact"), "410");
  EXPECT_EQ(sim.Create("b")->status, 201);
}

TEST(FaultTransport, AVersionThatIsForgottenCannotBeWatchedFrom) {
  Simulation sim("gone@1");
  auto stream = sim.Watch();
  ASSERT_EQ(stream->status(), 200);
  EXPECT_NE(sim.Read(*stream)->find("\"code\":410"), std::string::npos);
}

TEST(Schedule, ReadsBackAsItWasWritten) {
  const std::string text =
      "crash-after@17:500ms,conflict@23,slow@3:20ms,event-lost@4,partition@9:12000ms";
  auto schedule = ParseSchedule(text);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(ToString(*schedule), text);
  for (std::string_view wrong : {"crash", "boom@1", "conflict@x", "conflict@1:3ms", "slow@1:3s"}) {
    EXPECT_FALSE(ParseSchedule(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace kro::apiserver
