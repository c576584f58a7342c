// The instance controller against a real API server: one path through everything, with the number of
// requests that each step may take.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "async/run_blocking.h"
#include "controller/instance_world_test_util.h"
#include "devcluster.h"
#include "kube/connection.h"

namespace kro::controller {
namespace {

constexpr std::string_view kChain = R"(
schema:
  apiVersion: v1alpha1
  kind: Chain
  spec: {text: string | default=one, extra: boolean | default=false}
  status:
    last: ${last.data.copy}
resources:
- id: first
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-first"}
    data: {text: "${schema.spec.text}"}
- id: middle
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-middle"}
    data: {copy: "${first.data.text}"}
- id: last
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}-last"}
    data: {copy: "${middle.data.copy}"}
- id: app
  template:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${schema.metadata.name}"}
    spec:
      replicas: 1
      selector: {matchLabels: {app: "${schema.metadata.name}"}}
      template:
        metadata: {labels: {app: "${schema.metadata.name}"}}
        spec:
          containers:
          - name: main
            image: nginx
            ports: [{containerPort: 80}]
            resources: {requests: {cpu: 1000m}}
- id: service
  template:
    apiVersion: v1
    kind: Service
    metadata: {name: "${schema.metadata.name}"}
    spec:
      selector: {app: "${schema.metadata.name}"}
      ports: [{port: 80, targetPort: 80}]
- id: extra
  includeWhen: ["${schema.spec.extra}"]
  template:
    apiVersion: v1
    kind: Secret
    metadata: {name: "${schema.metadata.name}-extra"}
    stringData: {note: hello}
)";

const api::Gvr kChains{"kro.run", "v1alpha1", "chains"};
const api::Gvr kSecrets{"", "v1", "secrets"};
constexpr int kChildren = 5;

class RealWorld : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = std::make_unique<e2e::Devcluster>("instance"); }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override {
    ASSERT_FALSE(cluster_->kubeconfig().empty()) << "devcluster did not start";
    const auto environment = kube::Environment::OfProcess();
    auto config =
        kube::LoadConfig({.kubeconfig = cluster_->kubeconfig(), .context = {}}, environment);
    ASSERT_TRUE(config) << config.error().message();
    auto connection = kube::Connection::Create(executor_, *config, environment);
    ASSERT_TRUE(connection) << connection.error().message();
    connection_ = *std::move(connection);
    world_ = std::make_unique<InstanceWorld>(
        WorldClock{.executor = executor_,
                   .run = [this](async::Task<void> task) { executor_.RunToEnd(std::move(task)); },
                   .moment = [this] { executor_.RunToEnd(Moment(executor_)); },
                   .patience = 1500},
        connection_->transport());
  }
  void TearDown() override { world_.reset(); }

  static async::Task<void> Moment(async::Executor& executor) {
    auto slept = co_await async::Sleep(executor, std::chrono::milliseconds(20), {});
    static_cast<void>(slept);
  }

  static std::unique_ptr<e2e::Devcluster> cluster_;
  async::RealExecutor executor_;
  std::unique_ptr<kube::Connection> connection_;
  std::unique_ptr<InstanceWorld> world_;
};

std::unique_ptr<e2e::Devcluster> RealWorld::cluster_;

TEST_F(RealWorld, AnInstanceLives) {
  InstanceWorld& world = *world_;
  world.Define("chain", kChain);

  // Created: one request a child, one for the instance, one for its status.
  world.ResetCalls();
  world.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Chain, metadata: {name: c, namespace: default}}");
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));
  EXPECT_LE(world.calls().requests.size(), kChildren + 2u)
      << testing::PrintToString(world.calls().requests);
  EXPECT_EQ(json::FindString(world.Get(kChains, "default", "c"), {"status", "last"}), "one");

  // At rest.
  world.Settle();
  world.ResetCalls();
  world.Settle();
  EXPECT_EQ(world.calls().requests.size(), 0u) << testing::PrintToString(world.calls().requests);

  // Started again.
  world.StopController();
  world.StartController();
  world.Settle();
  EXPECT_EQ(world.calls().Count("PATCH"), 0) << testing::PrintToString(world.calls().requests);

  // Edited: a child for each link of the chain, and the status.
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{spec: {text: two}}");
  ASSERT_TRUE(world.UntilIs(kChains, "default", "c", {"status", "last"}, "two"));
  world.Settle();
  EXPECT_LE(world.calls().requests.size(), 4u) << testing::PrintToString(world.calls().requests);

  // A resource switched on, and off.
  world.Patch(kChains, "default", "c", "{spec: {extra: true}}");
  ASSERT_TRUE(world.Until([&] { return !world.Get(kSecrets, "default", "c-extra").is_null(); }));
  world.Settle();
  world.ResetCalls();
  world.Patch(kChains, "default", "c", "{spec: {extra: false}}");
  ASSERT_TRUE(world.UntilGone(kSecrets, "default", "c-extra"));
  world.Settle();
  EXPECT_LE(world.calls().requests.size(), 3u) << testing::PrintToString(world.calls().requests);

  // Drift.
  world.ResetCalls();
  world.Patch(kConfigMaps, "default", "c-first", "{data: {text: drift}}");
  ASSERT_TRUE(world.UntilIs(kConfigMaps, "default", "c-first", {"data", "text"}, "two"));
  world.Settle();
  EXPECT_LE(world.calls().requests.size(), 1u) << testing::PrintToString(world.calls().requests);
  world.Delete(kConfigMaps, "default", "c-middle");
  ASSERT_TRUE(
      world.Until([&] { return !world.Get(kConfigMaps, "default", "c-middle").is_null(); }));
  ASSERT_TRUE(world.UntilActive(kChains, "default", "c"));

  // Deleted: one request a child, the status, and the finalizer.
  world.Settle();
  world.ResetCalls();
  world.Delete(kChains, "default", "c");
  ASSERT_TRUE(world.UntilGone(kChains, "default", "c"));
  EXPECT_LE(world.calls().requests.size(), kChildren + 2u)
      << testing::PrintToString(world.calls().requests);
  EXPECT_TRUE(world.Get(kConfigMaps, "default", "c-first").is_null());
  EXPECT_TRUE(world.Get(kDeployments, "default", "c").is_null());
}

}  // namespace
}  // namespace kro::controller
