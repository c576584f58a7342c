#include "controller/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::controller {
namespace {

Diagnostic Fault(std::string compatible, std::string hint = {}) {
  Diagnostic fault{.code = "KRO403"};
  fault.message = "undefined field 'nme'";
  fault.where.path = "spec.resources[0].template";
  fault.compatible = std::move(compatible);
  fault.hint = std::move(hint);
  return fault;
}

TEST(ConditionText, BeginsWithUpstreamsText) {
  const std::pair<Diagnostics, const char*> kCases[] = {
      // then comes the place
      {{Fault("failed to build")}, "failed to build (at spec.resources[0].template)"},
      {{Fault("failed to build", "did you mean 'name'?")},
       "failed to build (at spec.resources[0].template); did you mean 'name'?"},
      {{Fault("a"), Fault("b")}, "a (at spec.resources[0].template); and 1 more error"},
      {{Fault("a", "h"), Fault("b"), Fault("c")},
       "a (at spec.resources[0].template); h; and 2 more errors"},
      // where upstream has none, the place stands in front
      {{Fault("")}, "spec.resources[0].template: undefined field 'nme'"},
      {{}, ""},
  };
  for (const auto& [faults, expected] : kCases) EXPECT_EQ(ConditionText(faults), expected);
}

TEST(ReadDefinition, TakesAResourceGroupAsItWasMeant) {
  const json::Value group = json::ParseYamlDocument(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGroup
metadata: {name: web, namespace: team}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec:
      a: string | required=yes
      b: string | required=false description="required=no is text"
      c: {d: integer | default=1}
  resources: []
)")
                                ->value;
  const auto definition = ReadDefinition({kResourceGroups, {"team", "web"}}, group, "team-web");
  ASSERT_TRUE(definition);
  EXPECT_TRUE(definition->IsResourceGroup());
  EXPECT_EQ(definition->rgd.name, "team-web");
  EXPECT_EQ(json::Serialize(*definition->rgd.spec.schema->spec),
            R"({"a":"string | required=true",)"
            R"("b":"string | required=true description=\"required=no is text\"",)"
            R"("c":{"d":"integer | default=1"}})");
}

TEST(ReadDefinition, LeavesTheMarkersOfAnRgdAlone) {
  const json::Value rgd = json::ParseYamlDocument(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec: {schema: {apiVersion: v1alpha1, kind: Web, spec: {a: string | required=false}}, resources: []}
)")
                              ->value;
  const auto definition = ReadDefinition({kRgds, {"", "web"}}, rgd, "web");
  ASSERT_TRUE(definition);
  EXPECT_EQ(json::Serialize(*definition->rgd.spec.schema->spec),
            R"({"a":"string | required=false"})");
}

}  // namespace
}  // namespace kro::controller
