// The Kubernetes client against a real API server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "async/run_blocking.h"
#include "e2e/devcluster.h"
#include "json/yaml.h"
#include "kube/client.h"
#include "kube/connection.h"
#include "kube/informer.h"
#include "kube/openapi.h"
#include "kube/rest_mapper.h"

namespace kro::kube {
namespace {

using ::testing::HasSubstr;

const Gvr kConfigMaps{"", "v1", "configmaps"};
const Gvr kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};

json::Value Yaml(const std::string& text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document) << Render(document.error().front());
  return std::move(document->value);
}

json::Value ConfigMap(const std::string& name, const std::string& value) {
  return Yaml(
      fmt::format("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n"
                  "  namespace: default\n  labels: {{suite: kube}}\ndata: {{k: {}}}\n",
                  name, value));
}

// One cluster for all tests of the program; each test uses names of its own.
class KubeClient : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<e2e::Devcluster>("kube"); }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override { Connect(*cluster_); }

  void Connect(const e2e::Devcluster& cluster) {
    ASSERT_FALSE(cluster.kubeconfig().empty()) << "devcluster did not start";
    const Environment environment = Environment::OfProcess();
    auto config = LoadConfig({.kubeconfig = cluster.kubeconfig(), .context = {}}, environment);
    ASSERT_TRUE(config) << config.error().message();
    auto connection = Connection::Create(executor_, *config, environment);
    ASSERT_TRUE(connection) << connection.error().message();
    connection_ = *std::move(connection);
    client_ = std::make_unique<Client>(connection_->transport(), executor_, Logger(StderrSink()),
                                       Client::Options{});
  }

  template <typename T>
  T Await(async::Task<T> task) {
    return async::RunBlocking(executor_, std::move(task));
  }

  // Awaits a reply that must be a success.
  template <typename T>
  T Must(async::Task<Reply<T>> task) {
    Reply<T> reply = Await(std::move(task));
    EXPECT_TRUE(reply) << reply.error().message();
    if constexpr (!std::is_void_v<T>) return reply ? *std::move(reply) : T{};
  }

  json::Value Apply(json::Value object, OnConflict on_conflict = OnConflict::kFail,
                    const std::string& manager = "e2e") {
    return Must(client_->Apply(kConfigMaps, std::move(object),
                               {.field_manager = manager, .on_conflict = on_conflict}, {}));
  }

  static std::string Version(const json::Value& object) {
    return std::string(json::FindString(object, {"metadata", "resourceVersion"}));
  }

  static std::unique_ptr<e2e::Devcluster> cluster_;
  async::RealExecutor executor_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Client> client_;
};

std::unique_ptr<e2e::Devcluster> KubeClient::cluster_;

TEST_F(KubeClient, AppliesAndReadsBack) {
  Apply(ConfigMap("applied", "one"));
  const json::Value read = Must(client_->Get(kConfigMaps, {"default", "applied"}, {}, {}));
  EXPECT_EQ(json::FindString(read, {"data", "k"}), "one");
}

TEST_F(KubeClient, AnApplyWithoutADifferenceLeavesTheVersionAlone) {
  const std::string version = Version(Apply(ConfigMap("same", "one")));
  EXPECT_EQ(Version(Apply(ConfigMap("same", "one"))), version);
  EXPECT_NE(Version(Apply(ConfigMap("same", "two"))), version);
}

TEST_F(KubeClient, AConflictNamesTheManagerAndTheField) {
  Apply(ConfigMap("contested", "one"), OnConflict::kFail, "first");
  const auto refused = Await(
      client_->Apply(kConfigMaps, ConfigMap("contested", "two"), {.field_manager = "second"}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  ASSERT_FALSE(refused.error().status().causes.empty());
  EXPECT_EQ(refused.error().status().causes[0].field, ".data.k");
  EXPECT_THAT(refused.error().status().causes[0].message, HasSubstr("\"first\""));
  const json::Value taken = Apply(ConfigMap("contested", "two"), OnConflict::kTakeOver, "second");
  EXPECT_EQ(json::FindString(taken, {"data", "k"}), "two");
}

TEST_F(KubeClient, AnApplyWithoutAFieldRemovesIt) {
  Apply(
      Yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: shrinks, namespace: default}, "
           "data: {a: '1', b: '2'}}"));
  const json::Value after =
      Apply(Yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: shrinks, namespace: default}, "
                 "data: {a: '1'}}"));
  EXPECT_EQ(json::Serialize(*json::Find(after, {"data"})), R"({"a":"1"})");
}

TEST_F(KubeClient, ADryRunWritesNothing) {
  Must(client_->Apply(kConfigMaps, ConfigMap("imagined", "one"),
                      {.field_manager = "e2e", .dry_run = DryRun::kAll}, {}));
  EXPECT_FALSE(Await(client_->Get(kConfigMaps, {"default", "imagined"}, {}, {})));
}

TEST_F(KubeClient, StrictValidationRefusesAnUnknownField) {
  json::Value object = ConfigMap("strict", "one");
  object.as_object()["dta"] = "typo";
  const auto refused = Await(
      client_->Create(kConfigMaps, "default", object,
                      {.field_manager = "e2e", .field_validation = FieldValidation::kStrict}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_THAT(refused.error().message(), HasSubstr("unknown field \"dta\""));
}

TEST_F(KubeClient, ApplyingAStatusLeavesTheSpecAlone) {
  const Gvr quotas{"", "v1", "resourcequotas"};
  const std::string quota =
      "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: cap, namespace: default}}, {}}}";
  Must(client_->Apply(quotas,
                      Yaml(fmt::format(fmt::runtime(quota), "spec: {hard: {secrets: '99'}}")),
                      {.field_manager = "e2e"}, {}));
  const json::Value after = Must(client_->Apply(
      quotas,
      Yaml(fmt::format(fmt::runtime(quota),
                       "spec: {hard: {secrets: '1'}}, status: {used: {secrets: '7'}}")),
      {.subresource = "status", .field_manager = "e2e", .on_conflict = OnConflict::kTakeOver}, {}));
  EXPECT_EQ(json::FindString(after, {"spec", "hard", "secrets"}), "99");
  EXPECT_EQ(json::FindString(after, {"status", "used", "secrets"}), "7");
}

TEST_F(KubeClient, NumbersBeyondDoublePrecisionSurvive) {
  const Gvr deployments{"apps", "v1", "deployments"};
  const json::Value made = Must(client_->Apply(
      deployments,
      Yaml("{apiVersion: apps/v1, kind: Deployment, metadata: {name: long, namespace: default}, "
           "spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: "
           "b}}, "
           "spec: {terminationGracePeriodSeconds: 9223372036854775807, "
           "containers: [{name: c, image: i}]}}}}"),
      {.field_manager = "e2e"}, {}));
  EXPECT_EQ(
      json::Find(made, {"spec", "template", "spec", "terminationGracePeriodSeconds"})->as_int64(),
      std::numeric_limits<std::int64_t>::max());
}

TEST_F(KubeClient, AMissingObjectIsNotFound) {
  const auto reply = Await(client_->Get(kConfigMaps, {"default", "ghost"}, {}, {}));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(reply.error().status().name, "ghost");
}

TEST_F(KubeClient, DeletesOnlyTheObjectItMeans) {
  const json::Value made = Apply(ConfigMap("mine", "one"));
  const auto refused = Await(client_->Delete(kConfigMaps, {"default", "mine"},
                                             {.uid = "00000000-0000-0000-0000-000000000000"}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  Must(client_->Delete(kConfigMaps, {"default", "mine"},
                       {.uid = std::string(json::FindString(made, {"metadata", "uid"}))}, {}));
  EXPECT_FALSE(Await(client_->Get(kConfigMaps, {"default", "mine"}, {}, {})));
}

TEST_F(KubeClient, ListsInPages) {
  for (int i = 0; i < 7; ++i) Apply(ConfigMap(fmt::format("page-{}", i), "x"));
  const ObjectList all =
      Must(client_->List(kConfigMaps, "default", {.label_selector = "suite=kube", .limit = 2}, {}));
  EXPECT_TRUE(all.paginated);
  EXPECT_GE(all.items.size(), 7u);
}

TEST_F(KubeClient, AnInformerFollowsTheServer) {
  Apply(ConfigMap("followed", "one"));
  async::Scope scope(executor_);
  Informer informer(*client_, kConfigMaps, {.name_space = "default"}, Projection::Everything(),
                    [] { return 0.5; });
  scope.Spawn(informer.Run(scope.token()));
  ASSERT_TRUE(Await(informer.WaitForSync(scope.token())));
  ASSERT_NE(informer.store().Get({"default", "followed"}), nullptr);

  const std::string version = Version(Apply(ConfigMap("followed", "two")));
  // The watch brings what was written, after some milliseconds.
  for (int i = 0; i < 500; ++i) {
    if (informer.store().Get({"default", "followed"})->resource_version() == version) break;
    ASSERT_TRUE(Await(async::Sleep(executor_, std::chrono::milliseconds(10), scope.token())));
  }
  const ObjectPtr object = informer.store().Get({"default", "followed"});
  EXPECT_EQ(json::FindString(object->value(), {"data", "k"}), "two");
  scope.Cancel();
  Await(scope.Join());
}

TEST_F(KubeClient, LearnsAKindThatWasJustDefined) {
  RestMapper mapper(*client_);
  const Gvk widget{"e2e.kro.run", "v1", "Widget"};
  const auto unknown = Await(mapper.ForKind(widget, {}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);

  Must(client_->Create(kCrds, "", Yaml(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.e2e.kro.run}
spec:
  group: e2e.kro.run
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)"),
                       {}, {}));
  Reply<RestMapping> mapping = std::unexpected(ApiError(Error(ErrorCode::kNotFound, "not asked")));
  for (int i = 0; i < 50 && !mapping; ++i) {
    ASSERT_TRUE(Await(async::Sleep(executor_, std::chrono::milliseconds(200), {})));
    mapping = Await(mapper.ForKind(widget, {}));
  }
  ASSERT_TRUE(mapping) << mapping.error().message();
  EXPECT_EQ(mapping->gvr.resource, "widgets");
  EXPECT_EQ(mapping->scope, ResourceScope::kNamespaced);
}

TEST_F(KubeClient, ReadsTheOpenApiDocumentOfAGroupVersion) {
  OpenApi openapi(*client_);
  const auto document = Must(openapi.Read({"apps", "v1"}, {}));
  ASSERT_NE(document, nullptr);
  EXPECT_NE(json::Find(*document, {"components", "schemas", "io.k8s.api.apps.v1.Deployment"}),
            nullptr);
  EXPECT_EQ(Must(openapi.Read({"nope.example", "v1"}, {})), nullptr);
}

// Reads the same object over and over; counts what went wrong.
async::Task<void> ReadAgainAndAgain(Client& client, int times, int& failures) {
  const Gvr namespaces{"", "v1", "namespaces"};
  const ObjectKey key{{}, "default"};
  for (int i = 0; i < times; ++i) {
    auto read = co_await client.Get(namespaces, key, {}, {});
    if (!read) {
      ++failures;
      ADD_FAILURE() << read.error().message();
    }
  }
}

async::Task<void> OpenWatch(Client& client, std::vector<std::unique_ptr<WatchStream>>& watches) {
  auto watch = co_await client.Watch(kConfigMaps, "default", {}, {});
  if (watch) watches.push_back(*std::move(watch));
}

// The TCP connections of this process.
int Connections() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the listing's own
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:")) ++count;
  }
  return count;
}

TEST_F(KubeClient, HundredsOfRequestsAndWatchesShareAFewConnections) {
  const int before = Connections();
  int failures = 0;
  std::vector<std::unique_ptr<WatchStream>> watches;
  async::Scope scope(executor_);
  for (int i = 0; i < 150; ++i) scope.Spawn(OpenWatch(*client_, watches));
  for (int i = 0; i < 200; ++i) scope.Spawn(ReadAgainAndAgain(*client_, 3, failures));
  Await(scope.Join());
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(watches.size(), 150u);
  // With HTTP/1.1 it were one for each watch.
  EXPECT_LE(Connections() - before, 12);
}

TEST_F(KubeClient, AServerThatSpreadsItsLoadIsNotNoticed) {
  const e2e::Devcluster cluster("goaway", "--controllers none --goaway-chance 0.02");
  Connect(cluster);
  int failures = 0;
  async::Scope scope(executor_);
  for (int i = 0; i < 50; ++i) scope.Spawn(ReadAgainAndAgain(*client_, 60, failures));
  Await(scope.Join());
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace kro::kube
