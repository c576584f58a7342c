// Whether people see what happened: events on a real API server, as `kubectl events` shows them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "e2e/devcluster.h"
#include "e2e/kubectl.h"
#include "e2e/operator_fixture.h"

namespace kro::e2e {
namespace {

using ::testing::HasSubstr;

TEST(Events, AreShownByKubectl) {
  const Devcluster cluster("events");
  ASSERT_FALSE(cluster.kubeconfig().empty());
  ClusterUser user(cluster.kubeconfig());
  const ControllerProcess controller(
      cluster.kubeconfig(), cluster.kubeconfig() + ".log",
      {"--feature-gates=InstanceConditionEvents=true,InstanceConditionMetrics=true",
       "--leader-elect", "--leader-election-namespace=default"});
  user.Apply(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: told}
spec:
  schema: {apiVersion: v1alpha1, kind: Told, spec: {text: string}}
  resources:
  - id: child
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
)");
  user.WaitFor("kro.run/v1alpha1 ResourceGraphDefinition told", {"status", "state"}, "Active",
               std::chrono::minutes(2));
  user.Apply(
      "{apiVersion: kro.run/v1alpha1, kind: Told, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  user.WaitFor("kro.run/v1alpha1 Told default/a", {"status", "state"}, "ACTIVE");
  // Suspended and resumed, twice: the second time counts up.
  for (int i = 0; i < 2; ++i) {
    for (const char* value : {"suspended", "null"}) {
      user.Patch("kro.run/v1alpha1 Told default/a",
                 fmt::format("metadata: {{annotations: {{kro.run/reconcile: {}}}}}", value));
      user.WaitUntil("the condition follows", [&] {
        const auto told = user.Get("kro.run/v1alpha1 Told default/a");
        return told &&
               (ConditionStatus(*told, "Ready") == "True") == (std::string_view(value) == "null");
      });
    }
  }
  std::int64_t count = 0;
  user.WaitUntil("the events are there", [&] {
    count = 0;
    for (const json::Value& event : user.List("v1 Event")) {
      if (json::FindString(event, {"message"}) != "True -> False: ReconciliationSuspended")
        continue;
      if (json::FindString(event, {"reason"}) != "Ready") continue;
      count = json::Find(event, "count")->as_int64();
    }
    return count == 2;
  });
  const std::string shown = Kubectl(cluster.kubeconfig(), "events --for told.kro.run/a").text;
  EXPECT_THAT(shown, HasSubstr("ReconciliationSuspended"));
  EXPECT_THAT(shown, HasSubstr("(x2 over"));
  EXPECT_THAT(shown, HasSubstr("Warning"));
  EXPECT_THAT(
      Kubectl(cluster.kubeconfig(), "events --for lease.coordination.k8s.io/controller.kro.run")
          .text,
      HasSubstr("became leader"));
}

}  // namespace
}  // namespace kro::e2e
