// What authors do wrong, on a real API server: each fault is reported on its own definition, at its place,
// and in the log; other definitions notice nothing.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "e2e/operator_fixture.h"

namespace kro::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct BadInput {
  const char* name;
  const char* spec;  // of the definition
  // What the message names: the place, and what is wrong there.
  std::vector<std::string_view> message;
  std::string_view condition = "GraphAccepted";
};

const BadInput kBadInputs[] = {
    {"unparsable-expression",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadParse, spec: {name: string}}
  resources:
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.spec.name +}"}
)",
     {"spec.resources[0].template.metadata.name", "Syntax error"}},
    {"unknown-kind",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadKind, spec: {name: string}}
  resources:
  - id: thing
    template:
      apiVersion: nowhere.example.com/v1
      kind: Thing
      metadata: {name: thing}
)",
     {"thing", "nowhere.example.com/v1", "spec.resources[0].template.kind"}},
    {"cycle",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadCycle, spec: {name: string}}
  resources:
  - id: a
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: a}
      data: {x: "${b.data.x}"}
  - id: b
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: b}
      data: {x: "${a.data.x}"}
)",
     {"cycle", "a", "b"}},
    {"misspelt-field",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadField, spec: {name: string}}
  resources:
  - id: deployment
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${schema.spec.name}"}
      spec:
        replicsa: 2
        selector: {matchLabels: {app: a}}
        template:
          metadata: {labels: {app: a}}
          spec: {containers: [{name: a, image: a}]}
)",
     {"deployment", "spec.replicsa", "did you mean"}},
    {"type-mismatch",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadType, spec: {name: string}}
  resources:
  - id: deployment
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${schema.spec.name}"}
      spec:
        replicas: "${schema.spec.name}"
        selector: {matchLabels: {app: a}}
        template:
          metadata: {labels: {app: a}}
          spec: {containers: [{name: a, image: a}]}
)",
     {"deployment", "spec.replicas", "string", "int"}},
    {"undeclared-reference",
     R"(
  schema: {apiVersion: v1alpha1, kind: BadReference, spec: {name: string}}
  resources:
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.spec.name}"}
      data: {host: "${databse.status.host}"}
)",
     {"spec.resources[0].template.data.host", "databse"}},
    {"kind-of-another-crd",
     R"(
  schema: {apiVersion: v1alpha1, kind: Taken, group: taken.example.com, spec: {name: string}}
  resources:
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.spec.name}"}
)",
     {"takens.taken.example.com"},
     "KindReady"},
};

class BadInputs : public OperatorTest {
 protected:
  static void SetUpTestSuite() {
    OperatorTest::SetUpTestSuite();
    if (!user_) return;
    user_->Apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: takens.taken.example.com}
spec:
  group: taken.example.com
  names: {kind: Taken, listKind: TakenList, plural: takens, singular: taken}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)");
    user_->ApplyFile("examples/webapp/rgd.yaml");
    WaitUntilActive("kro.run/v1alpha1 ResourceGraphDefinition webapp");
  }
};

TEST_F(BadInputs, AreReportedAtTheirPlaceAndDisturbNobody) {
  constexpr std::string_view kGood = "kro.run/v1alpha1 ResourceGraphDefinition webapp";
  Writes();
  const auto before = user_->Get(kGood);
  ASSERT_TRUE(before);
  for (const BadInput& bad : kBadInputs) {
    SCOPED_TRACE(bad.name);
    const std::string object = fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", bad.name);
    user_->Apply(
        fmt::format("apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\n"
                    "metadata: {{name: {}}}\nspec:{}",
                    bad.name, bad.spec));
    user_->WaitUntil("the fault is reported", [&] {
      const auto found = user_->Get(object);
      return found && ConditionStatus(*found, bad.condition) == "False";
    });
    const auto found = user_->Get(object);
    ASSERT_TRUE(found);
    for (const auto words : bad.message) {
      EXPECT_THAT(ConditionMessage(*found, bad.condition), HasSubstr(std::string(words)));
    }
    EXPECT_EQ(json::FindString(*found, {"status", "state"}), "Inactive");
    user_->WaitUntil("the log names the definition",
                     [&] { return controller_->Log().find(bad.name) != std::string::npos; });
  }
  const auto after = user_->Get(kGood);
  ASSERT_TRUE(after);
  EXPECT_EQ(json::FindString(*after, {"metadata", "resourceVersion"}),
            json::FindString(*before, {"metadata", "resourceVersion"}));
  user_->Apply(
      "apiVersion: kro.run/v1alpha1\nkind: WebApp\nmetadata: {name: fine}\nspec: {replicas: 1}\n");
  WaitUntilActive("kro.run/v1alpha1 WebApp default/fine");
}

}  // namespace
}  // namespace kro::e2e
