// Whether tools that wait for instances wait for the right thing: kubectl wait, and those that go by kstatus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "e2e/kubectl.h"
#include "e2e/operator_fixture.h"
#include "support/kstatus.h"

namespace kro::e2e {
namespace {

using ::testing::HasSubstr;

// An instance is ready once somebody has opened its gate for what the spec wants.
constexpr std::string_view kGated = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: gated}
spec:
  schema: {apiVersion: v1alpha1, kind: Gated, spec: {wanted: string}}
  resources:
  - id: gate
    readyWhen: ["${gate.data.?open.orValue('') == gate.data.wanted}"]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-gate"}
      data: {wanted: "${schema.spec.wanted}"}
  - id: behind
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-behind"}
      data: {wanted: "${gate.data.wanted}"}
)";
constexpr std::string_view kInstance = "kro.run/v1alpha1 Gated default/a";
constexpr std::string_view kGate = "v1 ConfigMap default/a-gate";

class Waiting : public OperatorTest {
 protected:
  static KubectlAnswer Wait(const std::string& what) {
    return Kubectl(cluster_->kubeconfig(), "wait gated.kro.run/a " + what);
  }
  static std::string_view KstatusNow() {
    const auto instance = user_->Get(kInstance);
    return instance ? test_support::Kstatus(*instance) : "gone";
  }
};

TEST_F(Waiting, EndsWhenTheInstanceIsReadyAndNotBefore) {
  user_->Apply(kGated);
  user_->WaitFor("kro.run/v1alpha1 ResourceGraphDefinition gated", {"status", "state"}, "Active");
  user_->Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Gated, metadata: {name: a, namespace: default}, "
      "spec: {wanted: one}}");

  // A first time, and again after an edit: the condition of the generation before does not count.
  for (const std::string wanted : {"one", "two"}) {
    user_->Patch(kInstance, "{spec: {wanted: " + wanted + "}}");
    const auto early = Wait("--for=condition=Ready --timeout=0");
    EXPECT_FALSE(early.succeeded) << early.text;
    user_->WaitFor(kGate, {"data", "wanted"}, wanted);
    user_->WaitUntil("the status follows", [] { return KstatusNow() == "InProgress"; });
    EXPECT_FALSE(Wait("--for=jsonpath={.status.state}=ACTIVE --timeout=0").succeeded);

    user_->Patch(kGate, "{data: {open: " + wanted + "}}");
    const auto ready = Wait("--for=condition=Ready --timeout=60s");
    EXPECT_TRUE(ready.succeeded) << ready.text;
    EXPECT_THAT(ready.text, HasSubstr("condition met"));
    const auto active = Wait("--for=jsonpath={.status.state}=ACTIVE --timeout=60s");
    EXPECT_TRUE(active.succeeded) << active.text;
    EXPECT_EQ(KstatusNow(), "Current");
    const auto behind = user_->Get("v1 ConfigMap default/a-behind");
    ASSERT_TRUE(behind);
    EXPECT_EQ(json::FindString(*behind, {"data", "wanted"}), wanted);
  }

  // Somebody holds the gate: the deletion is on its way, and waited for.
  user_->Patch(kGate, "{metadata: {finalizers: [example.com/hold]}}");
  const auto deleted = Kubectl(cluster_->kubeconfig(), "delete gated.kro.run/a --wait=false");
  EXPECT_TRUE(deleted.succeeded) << deleted.text;
  EXPECT_FALSE(Wait("--for=delete --timeout=0").succeeded);
  EXPECT_EQ(KstatusNow(), "Terminating");
  user_->Patch(kGate, "{metadata: {finalizers: null}}");
  const auto gone = Wait("--for=delete --timeout=60s");
  EXPECT_TRUE(gone.succeeded) << gone.text;
  EXPECT_FALSE(user_->Get(kGate));
}

}  // namespace
}  // namespace kro::e2e
