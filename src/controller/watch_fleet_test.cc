#include "controller/watch_fleet.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "async/simulated_executor.h"
#include "kube/fake_server_test_util.h"

namespace kro::controller {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPath = "/api/v1/configmaps";
const WatchScope kConfigMaps{.gvr = {"", "v1", "configmaps"},
                             .label_selector = std::string(kOwnedSelector)};

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

struct FleetTest : testing::Test {
  ~FleetTest() override { sim.Run(fleet.Shutdown()); }

  std::unique_ptr<WatchFleet::Lease> Acquire(std::vector<json::FieldPath> reads = {}) {
    return fleet.Acquire(kConfigMaps, reads,
                         {.on_change =
                              [this](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
                                told.push_back((before == nullptr  ? "+"
                                                : after == nullptr ? "-"
                                                                   : "~") +
                                               (after != nullptr ? after : before)->key().name);
                              },
                          .on_own_write =
                              [this](const kube::ObjectPtr&, const kube::ObjectPtr& after) {
                                own_writes.push_back(after->key().name);
                              },
                          .on_ready = [this] { told.push_back("ready"); }});
  }

  static json::Object Data(std::string_view value) {
    json::Object data;
    data["k"] = value;
    json::Object object;
    object["data"] = std::move(data);
    return object;
  }

  async::SimulatedExecutor sim;
  kube::FakeServer server{sim};
  NoLog sink;
  kube::Client client{server, sim, Logger(sink), {}};
  WatchFleet fleet{client, [] { return 0.0; }};
  std::vector<std::string> told;
  std::vector<std::string> own_writes;
};

using Told = std::vector<std::string>;

TEST_F(FleetTest, TwoUsersShareOneWatch) {
  auto a = Acquire();
  auto b = Acquire();
  sim.RunUntilIdle();
  EXPECT_EQ(server.open_watches(), 1u);
  EXPECT_EQ(fleet.size(), 1u);
  a.reset();
  EXPECT_EQ(fleet.size(), 1u);
  b.reset();
  EXPECT_EQ(fleet.size(), 0u);
}

TEST_F(FleetTest, TellsWhenItCanBeReadAndThenOfEveryChange) {
  server.Put(std::string(kPath), "there");
  auto lease = Acquire();
  EXPECT_EQ(lease->store(), nullptr);
  sim.RunUntilIdle();
  ASSERT_NE(lease->store(), nullptr);
  EXPECT_EQ(told, Told{"ready"});
  server.Put(std::string(kPath), "new");
  server.Put(std::string(kPath), "there", Data("x"));
  server.Remove(std::string(kPath), "new");
  sim.RunUntilIdle();
  EXPECT_EQ(told, (Told{"ready", "+new", "~there", "-new"}));
}

TEST_F(FleetTest, AUserThatReadsMoreGetsItWhileTheOthersReadOn) {
  server.Put(std::string(kPath), "c", Data("x"));
  auto little = Acquire();
  sim.RunUntilIdle();
  const std::vector<json::FieldPath> data = {*json::FieldPath::Parse("data")};
  auto more = Acquire(data);
  EXPECT_NE(little->store(), nullptr);
  EXPECT_EQ(more->store(), nullptr);
  sim.RunUntilIdle();
  ASSERT_NE(more->store(), nullptr);
  const auto object = more->store()->Get({"default", "c"});
  ASSERT_NE(object, nullptr);
  EXPECT_EQ(json::FindString(object->value(), {"data", "k"}), "x");
  EXPECT_EQ(little->store(), more->store());
}

TEST_F(FleetTest, TheWriterDoesNotHearOfItsOwnWriteButReadsIt) {
  auto lease = Acquire();
  sim.RunUntilIdle();
  told.clear();
  server.SetVersion(500);
  lease->ObserveWrite(*json::Parse(
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default",)"
      R"("uid":"u","resourceVersion":"400"}})"));
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(own_writes, Told{"c"});
  EXPECT_NE(lease->store()->Get({"default", "c"}), nullptr);
}

TEST_F(FleetTest, ARefreshListsAgainWhileTheOldContentsAreRead) {
  server.Put(std::string(kPath), "c");
  auto lease = Acquire();
  sim.RunUntilIdle();
  told.clear();
  const kube::Store* before = lease->store();
  lease->Refresh();
  EXPECT_EQ(lease->store(), before);
  sim.RunUntilIdle();
  EXPECT_EQ(told, Told{"ready"});
  EXPECT_EQ(lease->store()->size(), 1u);
}

TEST_F(FleetTest, Trap18_AWatchThatMissedSomethingIsFilledAnew) {
  server.Put(std::string(kPath), "there");
  server.Put(std::string(kPath), "goes");
  auto lease = Acquire();
  sim.RunUntilIdle();
  async::Scope scope(sim);
  scope.Spawn(fleet.Check(1h, scope.token()));
  sim.Advance(3h);
  EXPECT_EQ(told, Told{"ready"});
  EXPECT_EQ(server.Count("GET", "resourceVersion=0"), 3);  // one list a period, and nothing else

  // A change whose event is on its way is none that was missed.
  server.mute = true;
  server.Put(std::string(kPath), "there", Data("x"));
  sim.Advance(1h + 5s);
  server.mute = false;
  server.Put(std::string(kPath), "there", Data("y"));
  sim.Advance(1min);
  EXPECT_EQ(told, (Told{"ready", "~there"}));

  // One appears, one changes and one goes, and the watch hears nothing.
  for (const auto& lose : std::vector<std::function<void()>>{
           [&] { server.Put(std::string(kPath), "there", Data("z")); },
           [&] { server.Put(std::string(kPath), "new"); },
           [&] { server.Remove(std::string(kPath), "goes"); }}) {
    told.clear();
    server.mute = true;
    lose();
    server.mute = false;
    sim.Advance(1h + 1min);
    EXPECT_EQ(told, Told{"ready"});
  }
  EXPECT_EQ(lease->store()->size(), 2u);
  scope.Cancel();
  sim.Run(scope.Join());
}

TEST_F(FleetTest, AKindThatTheServerRefusesIsTriedAgain) {
  server.down = true;
  auto lease = Acquire();
  auto waited = sim.Run(lease->WaitReady(5s, {}));
  ASSERT_TRUE(waited.has_value());
  EXPECT_FALSE(waited->has_value());
  server.down = false;
  sim.Advance(2min);
  EXPECT_NE(lease->store(), nullptr);
}

}  // namespace
}  // namespace kro::controller
