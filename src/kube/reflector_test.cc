#include "kube/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

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

TEST(Reflector, ListsInsteadWhereAStreamSaysNothing) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.server.silent_fills = true;
  sim.Start();
  EXPECT_FALSE(sim.informer.HasSynced());
  sim.executor.Advance(3s);
  EXPECT_THAT(sim.Names(), ElementsAre("a"));
  sim.server.Put(kPath, "b");
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
}

TEST(Reflector, ListsAtTheNewestVersionWhereThatIsAskedFor) {
  Simulation sim;
  sim.server.streaming_lists = false;
  sim.server.Put(kPath, "a");
  ReflectorOptions options = InDefault();
  options.first_list = FirstList::kNewest;
  Informer informer(sim.client, kConfigMaps, options, Projection::Everything(), [] { return 0.5; });
  sim.scope.Spawn(informer.Run(sim.scope.token()));
  sim.executor.Advance(1s);
  EXPECT_EQ(informer.store().size(), 1);
  EXPECT_EQ(sim.server.Count("GET", "resourceVersion=0"), 0);
  sim.scope.Cancel();
  sim.executor.Advance(1s);
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

TEST(Reflector, AsksSoonWhereTheServerOnlyStartsItsStorage) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.server.refuse_watches = {429, "TooManyRequests", "storage is (re)initializing"};
  sim.Start();
  // After 20, 40, 80, 160, 320 and 800 ms, and half as much by chance.
  EXPECT_EQ(sim.server.Count("GET", "configmaps"), 6);
  EXPECT_FALSE(sim.informer.HasSynced());
  sim.server.refuse_watches = {};
  sim.executor.Advance(1s);
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

TEST(Reflector, TroubleOfBeforeDoesNotDelayItsRecovery) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.Start();
  // A server that restarts every minute, for eight times.
  for (int restart = 0; restart < 8; ++restart) {
    sim.server.down = true;
    sim.server.DropWatches();
    sim.executor.Advance(5s);
    sim.server.down = false;
    sim.executor.Advance(6s);
    EXPECT_EQ(sim.server.open_watches(), 1u) << restart;
    sim.executor.Advance(50s);
  }
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

TEST(Reflector, ListsFromItsLastVersionFirstWhenAWatchIsTooOld) {
  Simulation sim;
  sim.server.streaming_lists = false;
  sim.server.Put(kPath, "a");
  sim.Start();
  std::string reached = sim.informer.store().resource_version();
  sim.server.requests.clear();
  sim.server.DropWatches();
  sim.server.Put(kPath, "b");
  sim.server.CompactHistory();
  sim.executor.Advance(1min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
  std::vector<std::string> lists;
  for (const http::Request& request : sim.server.requests) {
    if (request.target.find("watch=") == std::string::npos) lists.push_back(request.target);
  }
  ASSERT_EQ(lists.size(), 1u);
  EXPECT_THAT(lists[0], ::testing::HasSubstr("resourceVersion=" + reached));
}

TEST(Reflector, AStormOfGoneAnswersIsBounded) {
  Simulation sim;
  sim.server.streaming_lists = false;
  sim.server.Put(kPath, "a");
  sim.Start();
  sim.server.RefuseWatchesBelow(1'000'000);
  sim.server.DropWatches();
  sim.executor.Advance(10min);
  // A list and a watch each half minute once backed off.
  EXPECT_LT(sim.server.requests.size(), 100u);
  sim.server.RefuseWatchesBelow(0);
  sim.server.Put(kPath, "b");
  sim.executor.Advance(2min);
  EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
}

TEST(Reflector, AFrameThatIsNoEventEndsTheWatchAndLosesNothing) {
  const std::vector<std::string> bad = {"not json\n", "[]\n",
                                        R"({"type":"ADDED"})"
                                        "\n",
                                        R"({"type":"WHAT","object":{}})"
                                        "\n",
                                        R"({"type":"ADDED","object":{"metadata":{"na)"};
  for (const std::string& bytes : bad) {
    SCOPED_TRACE(bytes);
    Simulation sim;
    sim.server.Put(kPath, "a");
    sim.Start();
    sim.server.SendRaw(bytes);
    sim.server.DropWatches();
    sim.server.Put(kPath, "b");
    sim.executor.Advance(2min);
    EXPECT_THAT(sim.Names(), ElementsAre("a", "b"));
    EXPECT_THAT(sim.log, ElementsAre("initial a", "add b"));
    EXPECT_LT(sim.server.requests.size(), 10u);
  }
}

TEST(Reflector, TakesObjectsUpToTheLimitAndRecoversFromLargerOnes) {
  Simulation sim;
  sim.Start();
  json::Object data;
  data["data"] = std::string(FrameDecoder::kMaxFrame - 1024, 'x');
  sim.server.Put(kPath, "large", data);
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.Names(), ElementsAre("large"));
  EXPECT_EQ(sim.server.open_watches(), 1u);
  sim.server.SendRaw(R"({"type":"ADDED","object":{"data":")" +
                     std::string(FrameDecoder::kMaxFrame, 'x') + "\"}}\n");
  sim.server.Put(kPath, "b");
  sim.executor.Advance(2min);
  EXPECT_THAT(sim.Names(), ElementsAre("b", "large"));
}

TEST(Reflector, AFloodOfEventsKeepsTheOrderOfEveryKey) {
  Simulation sim;
  sim.Start();
  std::map<std::string, std::vector<std::string>> seen;
  InformerHandler handler;
  auto note = [&](const ObjectPtr& object) {
    seen[object->key().name].push_back(object->resource_version());
  };
  handler.on_add = [&](const ObjectPtr& object, InformerHandler::Cause) { note(object); };
  handler.on_update = [&](const ObjectPtr&, const ObjectPtr& object) { note(object); };
  sim.informer.AddHandler(std::move(handler));
  constexpr int kKeys = 50;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    for (int key = 0; key < kKeys; ++key) sim.server.Put(kPath, "k" + std::to_string(key));
    if (round == kRounds / 2) sim.server.DropWatches();
    sim.executor.Advance(5ms);
  }
  sim.executor.Advance(1min);
  ASSERT_EQ(seen.size(), std::size_t{kKeys});
  for (const auto& [name, versions] : seen) {
    EXPECT_EQ(versions.size(), std::size_t{kRounds}) << name;
    EXPECT_TRUE(std::ranges::is_sorted(versions, [](const auto& a, const auto& b) {
      return std::stoll(a) < std::stoll(b);
    })) << name;
  }
}

TEST(Reflector, AServerThatRestartsIsNotOverrunByItsWatches) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  constexpr std::size_t kInformers = 200;
  std::vector<std::unique_ptr<Informer>> crowd;
  std::mt19937 engine(3);
  for (std::size_t i = 0; i < kInformers; ++i) {
    crowd.push_back(std::make_unique<Informer>(
        sim.client, kConfigMaps, InDefault(), Projection::Everything(),
        [&engine] { return std::uniform_real_distribution<double>()(engine); }));
    sim.scope.Spawn(crowd.back()->Run(sim.scope.token()));
  }
  sim.executor.Advance(5s);
  ASSERT_EQ(sim.server.open_watches(), kInformers);
  sim.server.down = true;
  sim.server.DropWatches();
  sim.executor.Advance(90s);
  sim.server.down = false;
  sim.server.requests.clear();
  sim.server.Put(kPath, "b");
  std::size_t most = 0;
  for (int second = 0; second < 60; ++second) {
    std::size_t before = sim.server.requests.size();
    sim.executor.Advance(1s);
    most = std::max(most, sim.server.requests.size() - before);
  }
  EXPECT_EQ(sim.server.open_watches(), kInformers);
  EXPECT_EQ(sim.server.Count("GET", "sendInitialEvents"), 0) << "everybody resumes";
  EXPECT_LT(most, kInformers / 4) << "their starts are spread";
  for (const auto& informer : crowd) EXPECT_EQ(informer->store().size(), 2u);
  sim.scope.Cancel();
  EXPECT_TRUE(sim.executor.Run(sim.scope.Join()));
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
  handler.on_add = [&](const ObjectPtr& o, InformerHandler::Cause) {
    late.push_back(o->key().name);
  };
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
  auto created =
      sim.executor.Run(sim.client.Create(kConfigMaps, "default", body, {}, sim.scope.token()));
  ASSERT_TRUE(created && *created);
  sim.informer.ObserveWrite(**created);
  EXPECT_THAT(sim.Names(), ElementsAre("a"));
  sim.executor.Advance(1s);
  EXPECT_THAT(sim.log, ElementsAre("add a"));
}

// Takes in what has one of its names.
struct Named final : Selection {
  bool Selects(const json::Value& object) const override {
    return std::ranges::find(names, KeyOf(object).name) != names.end();
  }
  void OnListing() override { told.emplace_back("listing"); }
  void OnListed() override { told.emplace_back("listed"); }
  void OnForbidden() override { told.emplace_back("forbidden"); }

  std::vector<std::string> names;
  std::vector<std::string> told;
};

struct SelectingSimulation : Simulation {
  SelectingSimulation() {
    options.selection = &selection;
    server.Put(kPath, "a");
    server.Put(kPath, "b");
  }
  ~SelectingSimulation() {
    scope.Cancel();
    executor.Run(scope.Join());
  }
  void Run() {
    selecting = std::make_unique<Informer>(client, kConfigMaps, options, Projection::Everything(),
                                           [] { return 0.5; });
    scope.Spawn(selecting->Run(scope.token()));
    executor.Advance(1s);
  }
  std::vector<std::string> Kept() const {
    std::vector<std::string> names;
    for (const ObjectPtr& object : selecting->store().List()) names.push_back(object->key().name);
    return names;
  }

  Named selection;
  ReflectorOptions options = InDefault();
  std::unique_ptr<Informer> selecting;
};

TEST(Selecting, KeepsWhatIsSelectedOfListsAndEvents) {
  for (const bool streaming : {true, false}) {
    SCOPED_TRACE(streaming);
    SelectingSimulation sim;
    sim.selection.names = {"a", "c"};
    sim.server.streaming_lists = streaming;
    sim.Run();
    EXPECT_EQ(sim.selection.told.back(), "listed");
    EXPECT_THAT(sim.Kept(), ElementsAre("a"));
    sim.server.Put(kPath, "b");
    sim.server.Put(kPath, "c");
    sim.executor.Advance(1s);
    EXPECT_THAT(sim.Kept(), ElementsAre("a", "c"));
    // What is not selected any more goes with its next event, or when that is said.
    sim.selection.names = {"b"};
    sim.server.Put(kPath, "c");
    sim.executor.Advance(1s);
    EXPECT_THAT(sim.Kept(), ElementsAre("a"));
    sim.selecting->Forget({{"default", "a"}, {"default", "none"}});
    EXPECT_THAT(sim.Kept(), ElementsAre());
  }
}

TEST(Selecting, WhatIsReadLateGivesWayToWhatWasToldMeanwhile) {
  SelectingSimulation sim;
  sim.Run();
  const auto read = [&] {
    return (*sim.executor.Run(sim.client.List(kConfigMaps, "default", {}, {})))->items;
  };
  sim.selection.names = {"a", "b"};
  const auto begin = sim.selecting->BeginRead();
  const auto objects = read();
  sim.server.Remove(kPath, "a");
  sim.executor.Advance(1s);
  sim.selecting->EndRead(begin, objects);
  EXPECT_THAT(sim.Kept(), ElementsAre("b"));
}

TEST(Selecting, IsToldWhenTheCollectionIsForbidden) {
  SelectingSimulation sim;
  sim.server.refuse_watches = {403, "Forbidden", "no"};
  sim.server.answer = [](const http::Request&) {
    return http::Response{403, {}, FakeServer::StatusBody(403, "Forbidden", "no")};
  };
  sim.Run();
  EXPECT_THAT(sim.selection.told, ::testing::Contains("forbidden"));
}

}  // namespace
}  // namespace kro::kube
