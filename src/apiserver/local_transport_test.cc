#include "apiserver/local_transport.h"

#include <gtest/gtest.h>

#include "async/simulated_executor.h"
#include "json/yaml.h"
#include "kube/client.h"

namespace kro::apiserver {
namespace {

using namespace std::chrono_literals;

const kube::Gvr kConfigMaps{"", "v1", "configmaps"};
const kube::Gvr kDeployments{"apps", "v1", "deployments"};
const kube::Gvr kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
const kube::Gvr kWidgets{"ex.io", "v1", "widgets"};

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

struct Simulation {
  NoLog sink;
  async::SimulatedExecutor executor;
  Server server{executor.clock(), IdSource(1), {}};
  LocalTransport transport{server, executor};
  kube::Client client{transport, executor, Logger(sink), {}};
  async::CancelSource stop;

  template <typename T>
  T Run(async::Task<T> task) {
    return *executor.Run(std::move(task));
  }
  kube::Reply<json::Value> Create(const kube::Gvr& gvr, std::string_view yaml) {
    json::Value object = json::ParseYamlDocument(yaml)->value;
    std::string name_space(json::FindString(object, {"metadata", "namespace"}));
    return Run(client.Create(gvr, name_space, std::move(object), {}, stop.token()));
  }
  kube::Reply<json::Value> Get(const kube::Gvr& gvr, std::string name) {
    return Run(client.Get(gvr, {"default", std::move(name)}, {}, stop.token()));
  }
  kube::Reply<json::Value> Apply(const kube::Gvr& gvr, std::string_view yaml) {
    kube::ApplyOptions options;
    options.field_manager = "tester";
    return Run(client.Apply(gvr, json::ParseYamlDocument(yaml)->value, options, stop.token()));
  }
};

constexpr std::string_view kConfigMap = R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: default, labels: {app: x}}
data: {k: v}
)";

constexpr std::string_view kDeployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
)";

constexpr std::string_view kDefinition = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              a: {type: string}
              size: {type: integer, minimum: 1, default: 3}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";

constexpr std::string_view kWidget = R"(
apiVersion: ex.io/v1
kind: Widget
metadata: {name: w, namespace: default}
spec: {a: x}
)";

std::string Text(const json::Value& object, std::initializer_list<std::string_view> path) {
  const json::Value* value = json::Find(object, path);
  return value == nullptr ? "" : json::Serialize(*value);
}

TEST(LocalTransport, CreatesGetsAndListsConfigMaps) {
  Simulation sim;
  auto created = sim.Create(kConfigMaps, kConfigMap);
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_FALSE(json::FindString(*created, {"metadata", "uid"}).empty());
  auto got = sim.Get(kConfigMaps, "a");
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, *created);
  auto list = sim.Run(sim.client.List(kConfigMaps, "default", {}, sim.stop.token()));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items.size(), 2u) << "beside that of the namespace";
}

TEST(LocalTransport, AnswersWhatIsMissing) {
  Simulation sim;
  auto got = sim.Get(kConfigMaps, "a");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().status().message, "configmaps \"a\" not found");
}

TEST(LocalTransport, AppliesDeploymentsWithDefaults) {
  Simulation sim;
  auto applied = sim.Apply(kDeployments, kDeployment);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_EQ(
      Text(*applied, {"spec", "strategy"}),
      R"({"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}})");
  auto again = sim.Apply(kDeployments, kDeployment);
  ASSERT_TRUE(again);
  EXPECT_EQ(json::FindString(*again, {"metadata", "resourceVersion"}),
            json::FindString(*applied, {"metadata", "resourceVersion"}));
}

TEST(LocalTransport, DeliversEventsOfAWatch) {
  Simulation sim;
  kube::WatchOptions options;
  options.resource_version = std::to_string(sim.server.revision());
  auto watch = sim.Run(sim.client.Watch(kConfigMaps, "default", options, sim.stop.token()));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(sim.Create(kConfigMaps, kConfigMap));
  auto event = sim.Run((*watch)->Next());
  ASSERT_TRUE(event);
  ASSERT_TRUE(*event);
  EXPECT_EQ((*event)->type, kube::WatchEvent::Type::kAdded);
}

TEST(LocalTransport, ServesCustomResourcesOnceTheirDefinitionIsEstablished) {
  Simulation sim;
  auto definition = sim.Create(kDefinitions, kDefinition);
  ASSERT_TRUE(definition) << definition.error().message();
  sim.executor.Advance(1s);
  auto applied = sim.Apply(kWidgets, kWidget);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_EQ(Text(*applied, {"spec"}), R"({"a":"x","size":3})");
  EXPECT_EQ(Text(*applied, {"metadata", "generation"}), "1");
}

TEST(LocalTransport, MakesDeploymentsAvailable) {
  Simulation sim;
  ASSERT_TRUE(sim.Apply(kDeployments, kDeployment));
  sim.executor.Advance(1s);
  auto deployment = sim.Get(kDeployments, "web");
  ASSERT_TRUE(deployment);
  EXPECT_EQ(Text(*deployment, {"status", "availableReplicas"}), "2");
  EXPECT_EQ(Text(*deployment, {"status", "observedGeneration"}),
            Text(*deployment, {"metadata", "generation"}));
}

TEST(LocalTransport, CollectsWhatADeletedDeploymentOwned) {
  Simulation sim;
  ASSERT_TRUE(sim.Apply(kDeployments, kDeployment));
  sim.executor.Advance(1s);
  ASSERT_TRUE(sim.Run(sim.client.Delete(kDeployments, {"default", "web"}, {}, sim.stop.token())));
  sim.executor.Advance(60s);
  auto pods = sim.Run(sim.client.List({"", "v1", "pods"}, "default", {}, sim.stop.token()));
  ASSERT_TRUE(pods);
  EXPECT_TRUE(pods->items.empty());
}

TEST(LocalTransport, DeletesObjects) {
  Simulation sim;
  ASSERT_TRUE(sim.Create(kConfigMaps, kConfigMap));
  auto deleted = sim.Run(sim.client.Delete(kConfigMaps, {"default", "a"}, {}, sim.stop.token()));
  ASSERT_TRUE(deleted);
  EXPECT_FALSE(deleted->remaining);
  EXPECT_TRUE(kube::IsNotFound(sim.Get(kConfigMaps, "a").error()));
}

}  // namespace
}  // namespace kro::apiserver
