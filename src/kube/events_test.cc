#include "kube/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/yaml.h"
#include "kube/fake_server_test_util.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::StartsWith;

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

Happening Said(std::string message, std::string reason = "Ready", std::string name = "a") {
  json::Object regarding;
  regarding["apiVersion"] = "kro.run/v1alpha1";
  regarding["kind"] = "Web";
  regarding["namespace"] = "default";
  regarding["name"] = std::move(name);
  regarding["uid"] = "u";
  return {.source = "kro/webs.kro.run-controller",
          .regarding = std::move(regarding),
          .reason = std::move(reason),
          .message = std::move(message)};
}

// Keeps the events that are written, as a server would.
struct Simulation {
  Simulation() {
    server.answer = [this](const http::Request& request) -> std::optional<http::Response> {
      if (request.method == "POST") {
        created.push_back(*json::Parse(request.body));
        return http::Response{.status = 201, .body = request.body};
      }
      if (request.method == "PATCH" && !forgotten) {
        patched.push_back(*json::Parse(request.body));
        json::Value object = created.back();
        return http::Response{.status = 200, .body = json::Serialize(object)};
      }
      return http::Response{.status = 404, .body = FakeServer::StatusBody(404, "NotFound", "gone")};
    };
    scope.Spawn(events.Run(scope.token()));
  }
  ~Simulation() {
    scope.Cancel();
    executor.Run(scope.Join());
  }

  NoLog sink;
  async::SimulatedExecutor executor{3};
  FakeServer server{executor};
  Client client{server, executor, Logger(sink), Client::Options{}};
  EventRecorder events{client, [] { return 0.5; }};
  async::Scope scope{executor};
  std::vector<json::Value> created;
  std::vector<json::Value> patched;
  bool forgotten = false;
};

TEST(EventRecorder, WritesTheEventThatToolsRead) {
  Simulation sim;
  Happening happening = Said("False -> True: Ready");
  sim.events.Record(happening);
  sim.executor.Advance(1s);
  ASSERT_EQ(sim.created.size(), 1u);
  const json::Value& event = sim.created[0];
  EXPECT_THAT(std::string(json::FindString(event, {"metadata", "name"})), StartsWith("a."));
  EXPECT_EQ(json::FindString(event, {"metadata", "namespace"}), "default");
  EXPECT_EQ(json::FindString(event, {"involvedObject", "uid"}), "u");
  EXPECT_EQ(json::FindString(event, {"type"}), "Normal");
  EXPECT_EQ(json::FindString(event, {"reason"}), "Ready");
  EXPECT_EQ(json::FindString(event, {"source", "component"}), "kro/webs.kro.run-controller");
  EXPECT_EQ(json::FindString(event, {"firstTimestamp"}),
            json::FindString(event, {"lastTimestamp"}));
  EXPECT_EQ(json::Find(event, "count")->as_int64(), 1);
}

TEST(EventRecorder, TellsOfWhatHasNoNamespaceInDefault) {
  Simulation sim;
  Happening happening = Said("m");
  happening.regarding.as_object().erase("namespace");
  sim.events.Record(happening);
  sim.executor.Advance(1s);
  EXPECT_EQ(json::FindString(sim.created.at(0), {"metadata", "namespace"}), "default");
}

TEST(EventRecorder, CountsWhatIsToldAgain) {
  Simulation sim;
  for (int i = 0; i < 3; ++i) {
    sim.events.Record(Said("same"));
    sim.executor.Advance(1min);
  }
  EXPECT_EQ(sim.created.size(), 1u);
  ASSERT_EQ(sim.patched.size(), 2u);
  EXPECT_EQ(json::Find(sim.patched[1], "count")->as_int64(), 3);
  EXPECT_NE(json::FindString(sim.patched[1], {"lastTimestamp"}),
            json::FindString(sim.created[0], {"lastTimestamp"}));

  // The server keeps events for an hour or so; then it is a new one.
  sim.forgotten = true;
  sim.events.Record(Said("same"));
  sim.executor.Advance(1s);
  EXPECT_EQ(sim.created.size(), 2u);
  EXPECT_EQ(json::Find(sim.created[1], "count")->as_int64(), 1);
}

TEST(EventRecorder, CombinesManySimilarOnes) {
  Simulation sim;
  for (int i = 0; i < 14; ++i) sim.events.Record(Said("message " + std::to_string(i)));
  sim.executor.Advance(1s);
  // Nine on their own, the others as one.
  ASSERT_EQ(sim.created.size(), 10u);
  EXPECT_EQ(json::FindString(sim.created[9], {"message"}),
            "(combined from similar events): message 9");
  EXPECT_EQ(sim.patched.size(), 4u);
}

TEST(EventRecorder, StopsListeningToWhoTalksTooMuch) {
  Simulation sim;
  const auto writes = [&] { return sim.created.size() + sim.patched.size(); };
  for (int i = 0; i < 100; ++i) sim.events.Record(Said("same"));
  sim.executor.Advance(1s);
  EXPECT_EQ(writes(), 25u);
  EXPECT_EQ(sim.events.dropped(), 75u);
  // Other objects are heard, and this one again after a while.
  sim.events.Record(Said("same", "Ready", "b"));
  sim.executor.Advance(10min);
  EXPECT_EQ(writes(), 26u);
  for (int i = 0; i < 10; ++i) sim.events.Record(Said("same"));
  sim.executor.Advance(1s);
  EXPECT_EQ(writes(), 28u);
}

TEST(EventRecorder, NeverWaitsAndNeverGrows) {
  Simulation sim;
  sim.server.down = true;
  for (int i = 0; i < 3000; ++i) sim.events.Record(Said("m", "Ready", std::to_string(i)));
  EXPECT_EQ(sim.events.dropped(), 2000u);
  sim.executor.Advance(20s);
  sim.server.down = false;
  sim.executor.Advance(20s);
  EXPECT_EQ(sim.created.size(), 1000u);
}

TEST(EventRecorder, GivesUpWhatTheServerRefuses) {
  Simulation sim;
  sim.server.faults.push_back(http::Response{
      .status = 403,
      .body = FakeServer::StatusBody(403, "Forbidden", "namespace is being terminated")});
  sim.events.Record(Said("m"));
  sim.executor.Advance(1min);
  EXPECT_EQ(sim.created.size(), 0u);
  EXPECT_EQ(sim.server.Count("POST", "events"), 1);
}

TEST(EventRecorder, ShortensLongMessagesBetweenCharacters) {
  Simulation sim;
  std::string text;
  while (text.size() < 2000) text += "ä";
  sim.events.Record(Said(text));
  sim.executor.Advance(1s);
  const std::string kept(json::FindString(sim.created.at(0), {"message"}));
  EXPECT_LE(kept.size(), 1024u);
  EXPECT_THAT(kept, EndsWith("ä..."));
}

TEST(EventRecorder, AFlushWritesWhatWaits) {
  Simulation sim;
  EventRecorder events(sim.client, [] { return 0.5; });
  events.Record(Said("m"));
  events.Record(Said("n"));
  sim.executor.Run(events.Flush({}));
  EXPECT_EQ(sim.created.size(), 2u);
}

}  // namespace
}  // namespace kro::kube
