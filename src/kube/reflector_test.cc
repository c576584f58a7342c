#include "kube/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/fake_server_test_util.h"
#include "kube/informer.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

const Gvr kConfigMaps{"", "v1", "configmaps"};
const std::string kPath = "/api/v1/namespaces/default/configmaps";

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

ReflectorOptions InDefault() {
  ReflectorOptions options;
  options.name_space = "default";
  return options;
}

// A server, a client and one informer, in simulated time.
struct Simulation {
  NoLog sink;
  async::SimulatedExecutor executor{7};
  FakeServer server{executor};
  Client client{server, executor, Logger(sink), Client::Options{}};
  Informer informer{client, kConfigMaps, InDefault(), Projection::Everything(), [] { return 0.5; }};
  async::Scope scope{executor};
  std::vector<std::string> log;

  void Start() {
    InformerHandler handler;
    handler.on_add = [this](const ObjectPtr& o, InformerHandler::Cause cause) {
      log.push_back((cause == InformerHandler::Cause::kInitialList ? "initial " : "add ") +
                    o->key().name);
    };
    handler.on_update = [this](const ObjectPtr&, const ObjectPtr& o) {
      log.push_back("update " + o->key().name);
    };
    handler.on_delete = [this](const ObjectPtr& o) { log.push_back("delete " + o->key().name); };
    informer.AddHandler(std::move(handler));
    scope.Spawn(informer.Run(scope.token()));
    executor.Advance(1s);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const ObjectPtr& object : informer.store().List()) names.push_back(object->key().name);
    return names;
  }
  ~Simulation() {
    scope.Cancel();
    executor.Run(scope.Join());
  }
};

TEST(Reflector, FillsFromAStreamingListAndFollowsIt) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  EXPECT_TRUE(sim.informer.HasSynced());
  sim.server.Put(kPath, "b");
  sim.server.Put(kPath, "a");
  sim.server.Remove(kPath, "a");
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.Names(), ElementsAre("b"));
  EXPECT_THAT(sim.log, ElementsAre("initial a", "add b", "update a", "delete a"));
  EXPECT_EQ(sim.server.Count("GET", "configmaps"), 1);
}

TEST(Reflector, ListsInsteadWhereTheServerCannotStream) {
  Simulation sim;
  sim.server.streaming_lists = false;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.Put(kPath, "b");
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
  EXPECT_EQ(sim.server.Count("GET", "resourceVersion=0"), 1);
}

TEST(Reflector, IsNotSyncedBeforeTheServerAnswers) {
  Simulation sim;
  sim.server.down = true;
  sim.Start();
  EXPECT_FALSE(sim.informer.HasSynced());
  sim.server.down = false;
  sim.executor.Advance(1min);
  EXPECT_TRUE(sim.informer.HasSynced());
}

TEST(Reflector, ResumesABrokenWatchWithoutListing) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.DropWatches();
  sim.server.Put(kPath, "b");
  sim.executor.Advance(1min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
  EXPECT_EQ(sim.server.Count("GET", "sendInitialEvents"), 1);
  EXPECT_THAT(sim.log, ElementsAre("initial a", "add b"));
}

TEST(Reflector, RelistsAfterTheServerForgetsItsResourceVersion) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.server.Put(kPath, "b");
  sim.Start();
  sim.server.DropWatches();
  sim.server.Remove(kPath, "a");
  sim.server.Put(kPath, "c");
  sim.server.CompactHistory();
  sim.executor.Advance(1min);
  EXPECT_THAT(sim.Names(), ElementsAre("b", "c"));
  EXPECT_THAT(sim.log, ElementsAre("initial a", "initial b", "delete a", "add c"));
}

TEST(Reflector, DoesNotListAgainAfterTheServerWasUnreachable) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.down = true;
  sim.server.DropWatches();
  sim.executor.Advance(2min);
  std::size_t tries = sim.server.requests.size();
  EXPECT_LT(tries, 15u);
  sim.server.down = false;
  sim.server.Put(kPath, "b");
  sim.executor.Advance(2min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
  EXPECT_EQ(sim.server.Count("GET", "sendInitialEvents"), 1);
}

TEST(Reflector, SlowsDownWhenWatchesEndAtOnce) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.close_watches_at_once = true;
  sim.server.CloseWatches();
  sim.executor.Advance(10min);
  EXPECT_LT(sim.server.requests.size(), 40u);
  sim.server.close_watches_at_once = false;
  sim.server.Put(kPath, "b");
  sim.executor.Advance(1min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
}

TEST(Reflector, BookmarksMoveTheVersionAndAreNotStored) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.SendBookmarks();
  std::string reached = std::to_string(sim.server.version());
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.Names(), ElementsAre("a"));
  sim.server.CompactHistory();
  sim.server.DropWatches();
  sim.executor.Advance(1min);
  EXPECT_EQ(sim.server.Count("GET", "resourceVersion=" + reached), 1);
  EXPECT_EQ(sim.server.Count("GET", "sendInitialEvents"), 1);
}

TEST(Reflector, FollowsAServerRestoredFromABackup) {
  Simulation sim;
  sim.server.streaming_lists = false;
  sim.server.Put(kPath, "a");
  sim.server.Put(kPath, "b");
  sim.Start();
  // Versions go back to below what the client has seen.
  sim.server.Remove(kPath, "b");
  sim.executor.Advance(1s);
  sim.server.CompactHistory();
  sim.server.DropWatches();
  sim.server.SetVersion(50);
  sim.server.Put(kPath, "a");
  sim.server.Put(kPath, "c");
  sim.server.RefuseWatchesBelow(1000);
  sim.executor.Advance(5s);
  sim.server.RefuseWatchesBelow(0);
  sim.executor.Advance(2min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "c"));
  EXPECT_EQ(sim.informer.store().Get({"default", "a"})->resource_version(), "51");
}

TEST(Reflector, StopsAtOnceWhileItReads) {
  Simulation sim;
  sim.Start();
  MonotonicTime before = sim.executor.clock().Monotonic();
  sim.scope.Cancel();
  EXPECT_TRUE(sim.executor.Run(sim.scope.Join()));
  EXPECT_EQ(sim.executor.clock().Monotonic(), before);
}

TEST(Informer, AttachedLateReportsEveryObjectOnce) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  std::vector<std::string> late;
  InformerHandler handler;
  handler.on_add = [&](const ObjectPtr& o, InformerHandler::Cause) { late.push_back(o->key().name); };
  int id = sim.informer.AddHandler(handler);
  sim.server.Put(kPath, "b");
  sim.executor.Advance(1s);
  EXPECT_THAT(late, ElementsAre("a", "b"));
  sim.informer.RemoveHandler(id);
  sim.server.Put(kPath, "c");
  sim.executor.Advance(1s);
  EXPECT_THAT(late, ElementsAre("a", "b"));
}

TEST(Informer, AHandlerThatThrowsDoesNotHurtTheOthers) {
  Simulation sim;
  InformerHandler bad;
  bad.on_add = [](const ObjectPtr&, InformerHandler::Cause) { throw std::runtime_error("oops"); };
  sim.informer.AddHandler(bad);
  sim.server.Put(kPath, "a");
  sim.Start();
  EXPECT_THAT(sim.log, ElementsAre("initial a"));
}

TEST(Informer, AnOwnWriteIsSeenAtOnceAndToldOnce) {
  Simulation sim;
  sim.Start();
  json::Object body;
  json::Object metadata;
  metadata["name"] = "a";
  body["metadata"] = std::move(metadata);
  auto created = sim.executor.Run(
      sim.client.Create(kConfigMaps, "default", body, {}, sim.scope.token()));
  ASSERT_TRUE(created && *created);
  sim.informer.ObserveWrite(**created);
  EXPECT_THAT(sim.Names(), ElementsAre("a"));
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.log, ElementsAre("add a"));
}

}  // namespace
}  // namespace kro::kube
