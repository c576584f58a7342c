// The main job on a real API server: definitions become APIs, instances become running resources and go
// again, whatever happens to the controller meanwhile.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "e2e/operator_fixture.h"

namespace kro::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kWebApp = "kro.run/v1alpha1 WebApp";

class MainJob : public OperatorTest {
 protected:
  static void SetUpTestSuite() {
    OperatorTest::SetUpTestSuite();
    if (!user_) return;
    user_->ApplyFile("examples/webapp-with-db/table-crd.yaml");
    cluster_->PlayCloud();
    // Together: the second one composes the API that the first one makes.
    user_->ApplyFile("examples/webapp-with-db/rgd.yaml");
    user_->ApplyFile("examples/webapp/rgd.yaml");
    WaitUntilActive("kro.run/v1alpha1 ResourceGraphDefinition webapp");
    WaitUntilActive("kro.run/v1alpha1 ResourceGraphDefinition webapp-with-db");
  }

  static std::string Object(std::string_view kind, std::string_view name) {
    return fmt::format("{} default/{}", kind, name);
  }

  static void CreateWebApp(std::string_view name, std::string_view spec = "{replicas: 1}") {
    user_->Apply(
        fmt::format("apiVersion: kro.run/v1alpha1\nkind: WebApp\nmetadata:\n  name: {}\n"
                    "  namespace: default\nspec: {}\n",
                    name, spec));
  }

  // Objects of the kinds that a WebApp makes that carry kro's label.
  static std::vector<json::Value> Children() {
    std::vector<json::Value> all;
    for (const auto* kind :
         {"v1 ConfigMap", "apps/v1 Deployment", "v1 Service", "networking.k8s.io/v1 Ingress"}) {
      for (auto& object : user_->List(kind, "kro.run/owned=true")) all.push_back(std::move(object));
    }
    return all;
  }
};

TEST_F(MainJob, DefinitionsBecomeApisWithDefaultsAndValidation) {
  const auto crd = user_->Get("apiextensions.k8s.io/v1 CustomResourceDefinition webapps.kro.run");
  ASSERT_TRUE(crd);
  EXPECT_EQ(ConditionStatus(*crd, "Established"), "True");
  const auto mapping = user_->Await(user_->mapper().ForKind({"kro.run", "v1alpha1", "WebApp"}, {}));
  ASSERT_TRUE(mapping);
  const auto refused = user_->Await(user_->client().Create(
      mapping->gvr, "default", *json::Parse(R"({"apiVersion":"kro.run/v1alpha1","kind":"WebApp",
                       "metadata":{"name":"bad"},"spec":{"replicas":101}})"),
      {}, {}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("should be less than or equal to 100"));
}

TEST_F(MainJob, ChildrenComeInTheOrderOfTheirDependencies) {
  Writes();
  CreateWebApp("ordered", "{replicas: 2, message: Welcome}");
  WaitUntilActive(Object(kWebApp, "ordered"));
  const auto instance = user_->Get(Object(kWebApp, "ordered"));
  ASSERT_TRUE(instance);
  EXPECT_EQ(json::Find(*instance, {"status", "availableReplicas"})->to_number<int>(), 2);
  EXPECT_THAT(std::string(json::FindString(*instance, {"status", "address"})), HasSubstr(":80"));
  EXPECT_EQ(ConditionStatus(*instance, "Ready"), "True");

  std::vector<std::string> children;
  int statuses = 0;
  int others = 0;
  for (const auto& write : Writes()) {
    if (!write.resource.starts_with("webapps"))
      children.push_back(write.ToString());
    else
      ++(write.subresource == "status" ? statuses : others);
  }
  EXPECT_THAT(children, ::testing::ElementsAre("patch configmaps default/ordered-settings",
                                               "patch deployments.apps default/ordered",
                                               "patch services default/ordered"));
  // Finalizer, labels and inventory; the Service's kind follows when the Deployment is ready.
  EXPECT_EQ(others, 2);
  EXPECT_LE(statuses, 4) << "waiting, then as replicas become available";
}

TEST_F(MainJob, AnEditWritesOnlyWhatItChanges) {
  CreateWebApp("edited");
  WaitUntilActive(Object(kWebApp, "edited"));
  Writes();

  user_->Patch(Object(kWebApp, "edited"), "spec: {replicas: 3}");
  user_->WaitUntil("three replicas are reported", [&] {
    const auto instance = user_->Get(Object(kWebApp, "edited"));
    const auto* replicas = json::Find(*instance, {"status", "availableReplicas"});
    return replicas != nullptr && replicas->to_number<int>() == 3;
  });
  WaitUntilActive(Object(kWebApp, "edited"));
  EXPECT_THAT(WritesInWords(), Each(AnyOf("patch deployments.apps default/edited",
                                          HasSubstr("webapps.kro.run/status default/edited"))));

  user_->Patch(Object(kWebApp, "edited"), "spec: {message: Changed}");
  user_->WaitFor("v1 ConfigMap default/edited-settings", {"data", "MESSAGE"}, "Changed");
  const auto rolled = WritesInWords();
  EXPECT_THAT(rolled, Contains("patch configmaps default/edited-settings"));
  EXPECT_THAT(rolled, Contains("patch deployments.apps default/edited"));
  EXPECT_THAT(rolled, Not(Contains(HasSubstr("services"))));
  WaitUntilActive(Object(kWebApp, "edited"));
}

TEST_F(MainJob, AnOptionalChildAppearsAndIsPruned) {
  CreateWebApp("optional");
  WaitUntilActive(Object(kWebApp, "optional"));
  EXPECT_FALSE(user_->Get("networking.k8s.io/v1 Ingress default/optional"));

  user_->Patch(Object(kWebApp, "optional"), "spec: {ingress: {enabled: true}}");
  user_->WaitUntil("the ingress is there", [&] {
    return user_->Get("networking.k8s.io/v1 Ingress default/optional").has_value();
  });
  WaitUntilActive(Object(kWebApp, "optional"));

  user_->Patch(Object(kWebApp, "optional"), "spec: {ingress: {enabled: false}}");
  user_->WaitUntilGone("networking.k8s.io/v1 Ingress default/optional");
  WaitUntilActive(Object(kWebApp, "optional"));
  EXPECT_TRUE(user_->Get("v1 Service default/optional"));
}

TEST_F(MainJob, AChildDeletedByHandIsBackAtOnce) {
  CreateWebApp("drifted");
  WaitUntilActive(Object(kWebApp, "drifted"));
  const auto before = user_->Get("v1 Service default/drifted");
  ASSERT_TRUE(before);
  user_->Delete("v1 Service default/drifted");
  const auto took = user_->WaitUntil("the service is back", [&] {
    const auto found = user_->Get("v1 Service default/drifted");
    return found && json::FindString(*found, {"metadata", "uid"}) !=
                        json::FindString(*before, {"metadata", "uid"});
  });
  EXPECT_LT(took, std::chrono::seconds(2));
}

TEST_F(MainJob, AnApiComposesAnotherOne) {
  user_->ApplyFile("examples/webapp-with-db/instance.yaml");
  WaitUntilActive("kro.run/v1alpha1 WebAppWithDB default/orders");
  const auto instance = user_->Get("kro.run/v1alpha1 WebAppWithDB default/orders");
  ASSERT_TRUE(instance);
  EXPECT_EQ(json::FindString(*instance, {"status", "table"}),
            "orders.default.tables.cloud.example.com");
  const auto settings = user_->Get("v1 ConfigMap default/orders-settings");
  ASSERT_TRUE(settings);
  EXPECT_EQ(json::FindString(*settings, {"data", "DATABASE"}),
            "orders.default.tables.cloud.example.com");
  user_->Delete("kro.run/v1alpha1 WebAppWithDB default/orders");
  user_->WaitUntilGone("kro.run/v1alpha1 WebAppWithDB default/orders");
  EXPECT_FALSE(user_->Get("cloud.example.com/v1 Table default/orders"));
  EXPECT_FALSE(user_->Get("kro.run/v1alpha1 WebApp default/orders"));
  EXPECT_FALSE(user_->Get("apps/v1 Deployment default/orders"));
}

TEST_F(MainJob, ADeletedInstanceTakesItsChildrenAlongInReverseOrder) {
  CreateWebApp("leaving");
  WaitUntilActive(Object(kWebApp, "leaving"));
  Writes();
  user_->Delete(Object(kWebApp, "leaving"));
  user_->WaitUntilGone(Object(kWebApp, "leaving"));
  std::vector<std::string> deletes;
  for (const auto& write : Writes()) {
    if (write.verb == "delete") deletes.push_back(write.ToString());
  }
  EXPECT_THAT(deletes, ::testing::ElementsAre("delete services default/leaving",
                                              "delete deployments.apps default/leaving",
                                              "delete configmaps default/leaving-settings"));
  EXPECT_FALSE(user_->Get("apps/v1 Deployment default/leaving"));
}

// A restart finishes what was begun, and does nothing twice.
TEST_F(MainJob, AControllerKilledInTheMiddleOfFiftyInstancesFinishesThem) {
  constexpr int kInstances = 50;
  const auto name = [](int i) { return fmt::format("many-{}", i); };
  Writes();
  for (int i = 0; i < kInstances; ++i) CreateWebApp(name(i), "{replicas: 0}");
  user_->WaitUntil("some, but not all are made",
                   [&] { return user_->List("v1 Service", "kro.run/owned=true").size() > 10; });
  controller_->Kill();
  StartController();
  for (int i = 0; i < kInstances; ++i) WaitUntilActive(Object(kWebApp, name(i)));

  std::map<std::string, int> created;
  for (const auto& write : Writes()) {
    if (!write.name.starts_with("many-")) continue;
    EXPECT_NE(write.verb, "delete") << write.ToString();
    // An apply that made the object answers 201.
    if (write.code == 201) ++created[write.ToString()];
  }
  for (const auto& [child, times] : created) EXPECT_EQ(times, 1) << child;
  // The answers to the last requests of the killed process went nowhere, and the log has no code.
  EXPECT_GT(created.size(), 2u * kInstances);
  for (int i = 0; i < kInstances; ++i) {
    EXPECT_TRUE(user_->Get("v1 ConfigMap default/" + name(i) + "-settings"));
    EXPECT_TRUE(user_->Get("v1 Service default/" + name(i)));
  }
  for (int i = 0; i < kInstances; ++i) user_->Delete(Object(kWebApp, name(i)));
  for (int i = 0; i < kInstances; ++i) user_->WaitUntilGone(Object(kWebApp, name(i)));
}

TEST_F(MainJob, ARestartWithoutAChangeWritesNothing) {
  CreateWebApp("rested");
  WaitUntilActive(Object(kWebApp, "rested"));
  Writes();
  controller_->Stop();
  StartController();
  // It serves again: an edit is carried out, and is all that is written to these children.
  CreateWebApp("after-restart");
  WaitUntilActive(Object(kWebApp, "after-restart"));
  for (const auto& write : Writes()) {
    EXPECT_THAT(write.name, StartsWith("after-restart")) << write.ToString();
  }
}

TEST_F(MainJob, TheOlderFormOfADefinitionIsAccepted) {
  user_->Apply(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGroup
metadata: {name: older, namespace: default}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Older
    spec: {text: string | default=hello}
    status: {text: "${settings.data.text}"}
  resources:
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
)");
  WaitUntilActive("kro.run/v1alpha1 ResourceGroup default/older");
  user_->Apply("apiVersion: kro.run/v1alpha1\nkind: Older\nmetadata: {name: old}\n");
  WaitUntilActive("kro.run/v1alpha1 Older default/old");
  user_->Delete("kro.run/v1alpha1 Older default/old");
  user_->WaitUntilGone("kro.run/v1alpha1 Older default/old");
  user_->Delete("kro.run/v1alpha1 ResourceGroup default/older");
  user_->WaitUntilGone("kro.run/v1alpha1 ResourceGroup default/older");
}

// Last: googletest keeps the order of the file.
TEST_F(MainJob, AfterTheInstancesAndTheDefinitionsNothingIsLeft) {
  for (const auto& instance : user_->List(kWebApp)) {
    user_->Delete(Object(kWebApp, json::FindString(instance, {"metadata", "name"})));
  }
  user_->WaitUntil("no instance is left", [&] { return user_->List(kWebApp).empty(); });
  EXPECT_THAT(Children(), IsEmpty());
  for (const auto* name : {"webapp-with-db", "webapp"}) {
    const std::string definition = fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", name);
    user_->Delete(definition);
    user_->WaitUntilGone(definition);
  }
  user_->WaitUntilGone("apiextensions.k8s.io/v1 CustomResourceDefinition webapps.kro.run");
  user_->WaitUntil("no revision is left",
                   [] { return user_->List("internal.kro.run/v1alpha1 GraphRevision").empty(); });
}

}  // namespace
}  // namespace kro::e2e
