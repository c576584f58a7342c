#include "apiserver/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

using testing::HasSubstr;

constexpr std::string_view kConfigMaps = "/api/v1/namespaces/default/configmaps";

constexpr std::string_view kDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr std::string_view kDefinition = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
)";

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("kro-journal-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file() const { return folder_ + "/state"; }

  std::string Bytes() const {
    std::ifstream stream(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void PutBytes(std::string_view bytes) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string folder_;
};

// A server with a journal, as one run of a process has it.
struct Session {
  explicit Session(const std::string& folder, Journal::Options options = {}) {
    auto opened = Journal::Open(folder, options);
    EXPECT_TRUE(opened) << opened.error().message();
    dropped = opened->dropped;
    world.emplace(ServerOptions{}, std::move(opened->state));
    journal = std::move(opened->journal);
    EXPECT_TRUE(journal->Begin(world->server));
    world->server.AddListener(*journal);
  }

  void PutConfigMap(std::string name, std::string value) {
    const auto response = world->Send(
        "PATCH", fmt::format("{}/{}?fieldManager=t", kConfigMaps, name),
        fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}},)"
                    R"("data":{{"k":"{}"}}}})",
                    name, value),
        "application/apply-patch+yaml");
    ASSERT_LE(response.status, 201) << response.body;
  }
  std::string ValueOf(std::string_view name) {
    return world->At(fmt::format("{}/{}", kConfigMaps, name), "data.k");
  }

  std::size_t dropped = 0;
  std::unique_ptr<Journal> journal;
  std::optional<ServerWorld> world;
};

TEST_F(JournalTest, AnotherRunGoesOnFromWhereTheLastOneWas) {
  std::uint64_t revision = 0;
  std::string uid;
  {
    Session run(folder_);
    run.PutConfigMap("kept", "1");
    run.PutConfigMap("kept", "2");
    run.PutConfigMap("gone", "1");
    run.world->Send("DELETE", fmt::format("{}/gone", kConfigMaps));
    uid = run.world->At(fmt::format("{}/kept", kConfigMaps), "metadata.uid");
    revision = run.world->server.revision();
  }
  Session run(folder_);
  EXPECT_EQ(run.ValueOf("kept"), "2");
  EXPECT_EQ(run.world->At(fmt::format("{}/kept", kConfigMaps), "metadata.uid"), uid);
  EXPECT_EQ(run.world->Send("GET", fmt::format("{}/gone", kConfigMaps)).status, 404);
  EXPECT_EQ(run.world->server.revision(), revision) << "a restart writes nothing";
  run.PutConfigMap("kept", "3");
  EXPECT_GT(run.world->server.revision(), revision);
}

TEST_F(JournalTest, CustomResourcesAreServedFromTheFirstRequestOn) {
  {
    Session run(folder_);
    run.world->Create(std::string(kDefinitions), kDefinition);
    run.world->Advance(1s);
    run.world->Create("/apis/ex.io/v1/namespaces/default/widgets",
                      "{apiVersion: ex.io/v1, kind: Widget, metadata: {name: a}, spec: {size: 3}}");
  }
  auto opened = Journal::Open(folder_, {});
  ASSERT_TRUE(opened);
  ManualClock clock;
  Server server(clock, IdSource(1), {}, std::move(opened->state));
  // No time has passed.
  auto reply =
      server.Handle({.method = "GET", .target = "/apis/ex.io/v1/namespaces/default/widgets/a"});
  EXPECT_THAT(std::get<http::Response>(reply).body, HasSubstr(R"("size":3)"));
}

TEST_F(JournalTest, ADefinitionThatWaitsForItsDependentsWaitsInTheNextRunToo) {
  const std::string definition = fmt::format("{}/widgets.ex.io", kDefinitions);
  const std::string child = fmt::format("{}/child", kConfigMaps);
  {
    Session run(folder_);
    run.world->Create(std::string(kDefinitions), kDefinition);
    run.world->Advance(1s);
    run.world->Create(
        std::string(kConfigMaps),
        fmt::format(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: child, finalizers: [a/b], "
            "ownerReferences: [{{apiVersion: apiextensions.k8s.io/v1, "
            "kind: CustomResourceDefinition, name: widgets.ex.io, uid: {}, "
            "blockOwnerDeletion: true}}]}}}}",
            run.world->At(definition, "metadata.uid")));
    run.world->Send("DELETE", definition + "?propagationPolicy=Foreground");
    run.world->Advance(10s);
    EXPECT_EQ(run.world->At(definition, "metadata.finalizers"), R"(["foregroundDeletion"])");
  }
  Session run(folder_);
  run.world->Advance(10s);
  EXPECT_EQ(run.world->At(definition, "metadata.finalizers"), R"(["foregroundDeletion"])");
  run.world->Send("PATCH", child, R"({"metadata":{"finalizers":null}})",
                  "application/merge-patch+json");
  run.world->Advance(10s);
  EXPECT_EQ(run.world->Send("GET", definition).status, 404);
  EXPECT_EQ(run.world->Send("GET", child).status, 404);
}

TEST_F(JournalTest, WorkUnderWayIsFinishedByTheNextRun) {
  {
    Session run(folder_);
    run.world->Create("/apis/apps/v1/namespaces/default/deployments", R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
)");
    run.world->Advance(3ms);
  }
  Session run(folder_);
  run.world->Advance(2s);
  EXPECT_EQ(
      run.world->At("/apis/apps/v1/namespaces/default/deployments/web", "status.availableReplicas"),
      "2");
}

// Whatever the file is cut to, it opens, and holds everything up to there and nothing behind.
TEST_F(JournalTest, ATornEndIsDroppedAndNothingElse) {
  std::size_t begun = 0;
  {
    Session run(folder_);
    begun = run.journal->size();
    for (int i = 0; i < 3; ++i) run.PutConfigMap("a", fmt::format("{}", i));
  }
  const std::string whole = Bytes();
  std::string last = "nothing";
  for (std::size_t length = begun; length <= whole.size(); ++length) {
    PutBytes(whole.substr(0, length));
    auto opened = Journal::Open(folder_, {});
    ASSERT_TRUE(opened) << length << ": " << opened.error().message();
    std::string value = "nothing";
    for (const SavedObject& object : opened->state.objects) {
      if (object.resource != "configmaps" ||
          object.members.find(R"("name":"a")") == std::string::npos)
        continue;
      value = object.members.substr(object.members.find(R"("data":{"k":")") + 13, 1);
    }
    if (value != last) {
      EXPECT_EQ(opened->dropped, 0u) << length;
    }
    last = value;
  }
  EXPECT_EQ(last, "2");
}

TEST_F(JournalTest, ZerosAtTheEndAreNoDamage) {
  {
    Session(folder_).PutConfigMap("a", "1");
  }
  PutBytes(Bytes() + std::string(4096, '\0'));
  Session run(folder_);
  EXPECT_EQ(run.dropped, 4096u);
  EXPECT_EQ(run.ValueOf("a"), "1");
}

TEST_F(JournalTest, DamageInTheMiddleIsAnErrorThatNamesThePlace) {
  {
    Session(folder_).PutConfigMap("a", "1");
  }
  std::string bytes = Bytes();
  bytes[200] = static_cast<char>(bytes[200] ^ 1);
  PutBytes(bytes);
  const auto opened = Journal::Open(folder_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
  EXPECT_THAT(opened.error().message(), HasSubstr("damaged at byte "));
}

TEST_F(JournalTest, WhatIsNoStateIsRefused) {
  std::filesystem::create_directories(folder_);
  PutBytes("hello, this is somebody else's file");
  EXPECT_THAT(Journal::Open(folder_, {}).error().message(), HasSubstr("this is no state of kro"));
  PutBytes(std::string("KROSTATE\x09\0\0\0", 12));
  EXPECT_THAT(Journal::Open(folder_, {}).error().message(), HasSubstr("written in format 9"));
}

TEST_F(JournalTest, AFolderIsUsedByOneAtATime) {
  Session run(folder_);
  const auto second = Journal::Open(folder_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

TEST_F(JournalTest, TheFileIsWrittenAnewBeforeItGrowsWithoutEnd) {
  {
    Session run(folder_, {.compact_from = 10'000});
    const std::size_t fresh = run.journal->size();
    const std::string much(fresh / 10, 'x');
    for (int i = 0; i < 100; ++i) run.PutConfigMap("a", fmt::format("{}{}", much, i));
    EXPECT_LT(run.journal->size(), 4 * fresh);
  }
  Session run(folder_);
  EXPECT_THAT(run.ValueOf("a"), testing::EndsWith("x99"));
}

TEST_F(JournalTest, WatchesFromAnEarlierRunAreExpired) {
  std::uint64_t before = 0;
  {
    Session run(folder_);
    run.PutConfigMap("a", "1");
    before = run.world->server.revision();
    run.PutConfigMap("a", "2");
  }
  Session run(folder_);
  Server::Reply reply = run.world->server.Handle(
      {.method = "GET",
       .target = fmt::format("{}?watch=1&resourceVersion={}", kConfigMaps, before)});
  EXPECT_THAT(std::get<std::shared_ptr<Watch>>(reply)->Take(), HasSubstr("410"));
}

TEST_F(JournalTest, AServiceKeepsItsAddressAndNobodyElseGetsIt) {
  constexpr std::string_view kService =
      "{apiVersion: v1, kind: Service, metadata: {name: NAME}, spec: {ports: [{port: 80}]}}";
  const auto create = [&](Session& run, std::string name) {
    std::string yaml(kService);
    yaml.replace(yaml.find("NAME"), 4, name);
    run.world->Create("/api/v1/namespaces/default/services", yaml);
    return run.world->At("/api/v1/namespaces/default/services/" + name, "spec.clusterIP");
  };
  std::string first;
  {
    Session run(folder_);
    first = create(run, "a");
  }
  Session run(folder_);
  EXPECT_EQ(run.world->At("/api/v1/namespaces/default/services/a", "spec.clusterIP"), first);
  EXPECT_NE(create(run, "b"), first);
}

TEST_F(JournalTest, AServiceKeepsItsPorts) {
  constexpr const char* kBody =
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"NAME"},"spec":{)"
      R"("type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":HEALTH,)"
      R"("ports":[{"port":80,"nodePort":PORT}]}})";
  const auto create = [&](Session& run, std::string name, std::string port, std::string health) {
    std::string body(kBody);
    body.replace(body.find("NAME"), 4, name);
    body.replace(body.find("PORT"), 4, port);
    body.replace(body.find("HEALTH"), 6, health);
    return run.world->Send("POST", "/api/v1/namespaces/default/services", body).status;
  };
  {
    Session run(folder_);
    ASSERT_EQ(create(run, "a", "30007", "30008"), 201);
  }
  Session run(folder_);
  EXPECT_EQ(create(run, "b", "30007", "30009"), 422);
  EXPECT_EQ(create(run, "b", "30009", "30008"), 500);
  EXPECT_EQ(create(run, "b", "30009", "30010"), 201);
}

}  // namespace
}  // namespace kro::apiserver
