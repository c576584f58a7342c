// What tools that go by kstatus see of an instance, at every moment of its life.
#include "support/kstatus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "player.h"
#include "recorder.h"
#include "scenario.h"
#include "world.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The child becomes ready by itself, a while after it has got what is wanted; a name with a capital is refused.
constexpr std::string_view kScenario = R"(
controllers: [deployment-controller, replicaset-controller]
steps:
- apply: |
    apiVersion: kro.run/v1alpha1
    kind: ResourceGraphDefinition
    metadata: {name: shop}
    spec:
      schema: {apiVersion: v1alpha1, kind: Shop, spec: {replicas: integer, suffix: string}}
      resources:
      - id: app
        readyWhen: ["${app.status.?readyReplicas.orValue(0) == app.spec.replicas}"]
        template:
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: "${schema.metadata.name}"}
          spec:
            replicas: ${schema.spec.replicas}
            selector: {matchLabels: {app: a}}
            template:
              metadata: {labels: {app: a}}
              spec: {containers: [{name: main, image: nginx}]}
      - id: settings
        template:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: "${app.metadata.name}-${schema.spec.suffix}"}
- wait: {of: kro.run/v1alpha1 ResourceGraphDefinition shop, ready: true}
- apply: |
    {apiVersion: kro.run/v1alpha1, kind: Shop, metadata: {name: x, namespace: default},
     spec: {replicas: 2, suffix: one}}
)";

class KstatusOfAnInstance : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto scenario = ReadScenario("shop", kScenario);
    ASSERT_TRUE(scenario);
    world_.emplace(WorldOptions{.controllers = *ControllersOf(*scenario),
                                .observe = [this](const auto&) { Look(); }},
                   *OptionsOf(*scenario));
    recorder_.emplace(*world_, std::vector<std::string>());
    Player player(*world_, *recorder_);
    const auto played = player.Play(*scenario);
    ASSERT_TRUE(played) << played.error().message();
    ASSERT_TRUE(world_->Advance(1min));
  }

  void Patch(std::string body) {
    world_->Ask({.method = "PATCH",
                 .target = kInstance,
                 .headers = {{"Content-Type", "application/merge-patch+json"}},
                 .body = std::move(body)});
    ASSERT_TRUE(world_->Advance(1min));
  }

  // Takes note of what the instance shows now, and of whether that is so.
  void Look() {
    if (!world_) return;
    const json::Value instance = world_->Get(kInstance);
    // Before the first status there is nothing to go by, and a status tells of the generation that it is of.
    if (Lookup(instance, "status.conditions[Ready]") == nullptr) return;
    if (*Lookup(instance, "status.conditions[Ready].observedGeneration") !=
        *Lookup(instance, "metadata.generation")) {
      return;
    }
    const std::string shown(test_support::Kstatus(instance));
    if (seen_.empty() || seen_.back() != shown) seen_.push_back(shown);
    if (shown != "Current") return;
    const json::Value app = world_->Get(kApp);
    const json::Value* wanted = Lookup(instance, "spec.replicas");
    const json::Value* ready = Lookup(app, "status.readyReplicas");
    if (ready == nullptr || *ready != *wanted || *Lookup(app, "spec.replicas") != *wanted) {
      wrong_.push_back("app: " + json::Serialize(app));
    }
    const std::string settings =
        "/api/v1/namespaces/default/configmaps/x-" + Shown(*Lookup(instance, "spec.suffix"));
    if (world_->Get(settings).is_null()) wrong_.push_back("no " + settings);
  }

  static constexpr const char* kInstance = "/apis/kro.run/v1alpha1/namespaces/default/shops/x";
  static constexpr const char* kApp = "/apis/apps/v1/namespaces/default/deployments/x";

  std::optional<World> world_;
  std::optional<Recorder> recorder_;
  std::vector<std::string> seen_;
  std::vector<std::string> wrong_;
};

TEST_F(KstatusOfAnInstance, IsCurrentOnlyWhenAllChildrenAreReadyAtThatGeneration) {
  EXPECT_THAT(seen_, ElementsAre("InProgress", "Current"));
  seen_.clear();
  Patch(R"({"spec": {"replicas": 3}})");
  EXPECT_THAT(seen_, ElementsAre("InProgress", "Current"));
  EXPECT_THAT(wrong_, IsEmpty());
}

TEST_F(KstatusOfAnInstance, IsNotCurrentWhileAChildIsRefused) {
  seen_.clear();
  Patch(R"({"spec": {"suffix": "Capital"}})");
  EXPECT_THAT(seen_, ElementsAre("InProgress"));
  Patch(R"({"spec": {"suffix": "two"}})");
  EXPECT_THAT(seen_, ElementsAre("InProgress", "Current"));
  EXPECT_THAT(wrong_, IsEmpty());
}

TEST_F(KstatusOfAnInstance, IsTerminatingWhileItsChildrenGo) {
  world_->Ask({.method = "PATCH",
               .target = kApp,
               .headers = {{"Content-Type", "application/merge-patch+json"}},
               .body = R"({"metadata": {"finalizers": ["example.com/hold"]}})"});
  world_->Ask({.method = "DELETE", .target = kInstance});
  seen_.clear();
  ASSERT_TRUE(world_->Advance(1min));
  EXPECT_THAT(seen_, ElementsAre("Terminating"));
}

}  // namespace
}  // namespace kro::simulation
