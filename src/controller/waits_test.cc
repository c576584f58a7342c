#include "controller/waits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::controller {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

struct World {
  World() {
    graph.nodes.resize(2);
    graph.nodes[0].id = "web";
    graph.nodes[1].id = "route";
  }
  // Two nodes wait for the first one's object, of which this was seen.
  runtime::Outcome Waiting(std::string seen) const {
    runtime::Outcome outcome;
    for (std::size_t i = 0; i < 2; ++i) {
      runtime::NodeReport report{
          .node = i, .state = runtime::NodeState::kWaiting, .cause = {}, .wait = {}};
      report.wait = runtime::Wait{.node = 0,
                                  .gvr = {"apps", "v1", "deployments"},
                                  .ns = "default",
                                  .name = "a",
                                  .expression = {},
                                  .seen = {}};
      if (i == 0) {
        report.wait->expression = "web.status.readyReplicas == 2";
        report.wait->seen = {{"web.status.readyReplicas", seen}};
      }
      outcome.nodes.push_back(std::move(report));
    }
    return outcome;
  }
  std::string Tell(std::string seen, std::string_view stored = {}) {
    return waits.Tell(graph, Waiting(std::move(seen)), setbacks, stored, now);
  }
  void Advance(Duration duration) {
    now.monotonic += duration;
    now.wall += std::chrono::duration_cast<WallTime::duration>(duration);
  }

  graph::Graph graph;
  Setbacks setbacks;
  Waits waits;
  Waits::Moment now{MonotonicTime(1h), WallTime(std::chrono::seconds(1'700'000'000))};
};

TEST(Waits, AreToldOfWhenTheyLast) {
  World w;
  EXPECT_EQ(w.Tell("0"), "");
  EXPECT_EQ(w.waits.next(), Duration(20s));
  w.Advance(20s);
  EXPECT_EQ(w.Tell("1"),
            "; node \"web\" waits for deployments.apps default/a since 2023-11-14T22:13:20Z: "
            "web.status.readyReplicas == 2, web.status.readyReplicas is 1"
            "; node \"route\" waits for deployments.apps default/a since 2023-11-14T22:13:20Z");
}

TEST(Waits, GoOnAfterARestart) {
  World before;
  before.Tell("1");
  before.Advance(1min);
  const std::string told = before.Tell("1");

  World after;
  after.now = before.now;
  after.Advance(5s);
  EXPECT_EQ(after.Tell("1", "resource reconciliation failed: x" + told), told);
}

TEST(Waits, ValuesThatKeepChangingAreToldOfNowAndThen) {
  World w;
  w.Tell("0");
  w.Advance(1min);
  int texts = 0;
  std::string last;
  for (int i = 0; i < 600; ++i) {
    std::string text = w.Tell(std::to_string(i));
    if (text != last) ++texts;
    last = std::move(text);
    w.Advance(100ms);
  }
  EXPECT_LE(texts, 7);
  w.Advance(10s);
  EXPECT_THAT(w.Tell("last"), HasSubstr("is last"));
}

TEST(Waits, AnAttemptThatIsFarAwaySaysWhen) {
  World w;
  const auto record = [&](int times) {
    for (int i = 0; i < times; ++i) {
      w.setbacks.Record("v1/configmaps/default/a", {"h", "", 1}, SetbackCause::kForbidden,
                        Error(ErrorCode::kForbidden, "no"), std::nullopt, w.now.monotonic,
                        [] { return 1.0; });
    }
  };
  record(3);
  EXPECT_THAT(w.waits.Tell(w.graph, {}, w.setbacks, {}, w.now), Not(HasSubstr("tried again")));
  record(7);
  const std::string text = w.waits.Tell(w.graph, {}, w.setbacks, {}, w.now);
  EXPECT_EQ(
      text,
      "; v1/configmaps/default/a is tried again at 2023-11-14T22:18:20Z (forbidden, attempt 11)");
  // The time is that of the attempt, so the text stays until then.
  w.Advance(100s);
  EXPECT_EQ(w.waits.Tell(w.graph, {}, w.setbacks, {}, w.now), text);
}

TEST(Waits, AttemptsOfManyAreToldOfNowAndThen) {
  World w;
  int texts = 0;
  std::string last;
  // Children of one instance, each tried in its turn.
  for (int i = 0; i < 600; ++i) {
    w.setbacks.Record(fmt::format("configmaps default/{}", i % 8), {"h", "", 1},
                      SetbackCause::kForbidden, Error(ErrorCode::kForbidden, "no"), 300s,
                      w.now.monotonic, [] { return 1.0; });
    std::string text = w.waits.Tell(w.graph, {}, w.setbacks, {}, w.now);
    if (i >= 8 && text != last) ++texts;
    last = std::move(text);
    w.Advance(100ms);
  }
  EXPECT_GE(texts, 1);
  EXPECT_LE(texts, 7);
}

TEST(Waits, OfManyTheFirstAreNamed) {
  World w;
  w.graph.nodes.resize(30);
  runtime::Outcome outcome;
  for (std::size_t i = 0; i < 30; ++i) {
    runtime::NodeReport report{
        .node = i, .state = runtime::NodeState::kPending, .cause = {}, .wait = {}};
    w.graph.nodes[i].id = fmt::format("n{}", i);
    report.wait = runtime::Wait{};
    report.wait->gvr = {"", "v1", "pods"};
    outcome.nodes.push_back(std::move(report));
  }
  w.waits.Tell(w.graph, outcome, w.setbacks, {}, w.now);
  w.Advance(1min);
  EXPECT_THAT(w.waits.Tell(w.graph, outcome, w.setbacks, {}, w.now), HasSubstr("; and 20 more"));
}

}  // namespace
}  // namespace kro::controller
