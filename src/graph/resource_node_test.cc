#include "graph/resource_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "json/yaml.h"

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document) << text;
  return document ? document->value : json::Value();
}

// ConfigMap and Namespace.
Kinds SmallCluster() {
  const auto set = std::make_shared<schema::SchemaSet>();
  const KindSchema schema(set, set->Add(Yaml(R"(
    type: object
    properties:
      apiVersion: {type: string}
      kind: {type: string}
      metadata: {type: object, properties: {
        name: {type: string}, namespace: {type: string},
        labels: {type: object, additionalProperties: {type: string}}}}
      data: {type: object, additionalProperties: {type: string}}
  )")));
  Kinds kinds;
  kinds.AddSchema({"", "v1", "ConfigMap"}, schema);
  kinds.AddMapping({"", "v1", "ConfigMap"}, {{"", "v1", "configmaps"}, true});
  kinds.AddSchema({"", "v1", "Namespace"}, schema);
  kinds.AddMapping({"", "v1", "Namespace"}, {{"", "v1", "namespaces"}, false});
  return kinds;
}

api::RgdSpec Spec(std::string_view resources, std::string_view scope = "Namespaced") {
  json::Value spec =
      json::Object{{"schema", {{"apiVersion", "v1"}, {"kind", "App"}, {"scope", scope}}},
                   {"resources", Yaml(resources)}};
  auto decoded = api::DecodeRgdSpec(spec);
  EXPECT_TRUE(decoded);
  return decoded ? *decoded : api::RgdSpec();
}

std::vector<std::string> Faults(const api::RgdSpec& spec) {
  std::vector<std::string> lines;
  for (const Diagnostic& fault : ReadResources(spec, SmallCluster()).faults) {
    lines.push_back(fault.code + " " + fault.where.path + ": " + fault.message);
  }
  return lines;
}

TEST(ResourceNode, ReadsEveryTypeOfNode) {
  const auto [nodes, faults] = ReadResources(Spec(R"(
    - id: one
      template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: "${schema.spec.k}"}}
      readyWhen: ["${one.data.k != ''}"]
      includeWhen: ["${schema.spec.on}"]
    - id: many
      template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "m-${x}"}}
      forEach: [{x: "${schema.spec.xs}"}]
    - id: other
      externalRef: {apiVersion: v1, kind: Namespace, metadata: {name: "${schema.spec.ns}"}}
    - id: others
      externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {selector: {matchLabels: {app: "${schema.spec.k}"}}}}
  )"),
                                             SmallCluster());
  ASSERT_THAT(faults, IsEmpty());
  std::vector<std::string> lines;
  for (const ResourceNode& node : nodes) {
    std::string line = node.id + " " + std::string(ToString(node.type));
    for (const FieldExpression& field : node.fields) {
      line += " " + field.path.ToString() + "=" + field.text.Lowered();
    }
    lines.push_back(line);
  }
  EXPECT_THAT(
      lines,
      ElementsAre("one Resource data.k=schema.spec.k", "many Collection metadata.name=\"m-\" + (x)",
                  "other External metadata.name=schema.spec.ns",
                  "others ExternalCollection metadata.selector.matchLabels.app=schema.spec.k"));
  EXPECT_EQ(nodes[0].ready_when[0].Lowered(), "one.data.k != ''");
  EXPECT_EQ(nodes[0].include_when[0].Lowered(), "schema.spec.on");
  EXPECT_EQ(nodes[1].iterators[0].name, "x");
  EXPECT_FALSE(nodes[2].mapping.namespaced);
}

TEST(ResourceNode, ReportsEveryFaultWithItsPlace) {
  EXPECT_THAT(
      Faults(Spec(R"(
    - id: a
      template: {apiVersion: v1, kind: ConfigMp, metadata: {name: a}}
      readyWhen: ["a.ready"]
    - id: b
    - id: c
      template: {kind: 3}
    - id: d
      template: {apiVersion: v1, kind: Namespace, metadata: {namespace: x, labels: {kro.run/a: b}}, data: {k: 1}}
  )")),
      ElementsAre(HasSubstr("KRO205 spec.resources[1]: "),
                  "KRO601 spec.resources[0].template.kind: no kind 'ConfigMp' in 'v1'",
                  "KRO401 spec.resources[0].readyWhen[0]: only standalone expressions are allowed",
                  "KRO604 spec.resources[2].template: apiVersion field not found",
                  "KRO604 spec.resources[2].template.kind: kind field is not a string",
                  "KRO604 spec.resources[2].template: metadata field not found",
                  HasSubstr("KRO504 spec.resources[3].template.metadata.namespace: "),
                  HasSubstr("KRO604 spec.resources[3].template.metadata.labels[\"kro.run/a\"]: "),
                  "KRO604 spec.resources[3].template.data.k: expected string, got integer"));
}

TEST(ResourceNode, ANamespacedResourceOfAClusterScopedInstanceNeedsANamespace) {
  const char* resources = R"(
    - id: a
      template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "  "}}
    - id: b
      template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "${schema.spec.ns}"}}
    - id: c
      externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {selector: {}}}
  )";
  EXPECT_THAT(Faults(Spec(resources)), IsEmpty());
  EXPECT_THAT(Faults(Spec(resources, "Cluster")),
              ElementsAre(HasSubstr("KRO504 spec.resources[0].template.metadata: ")));
}

}  // namespace
}  // namespace kro::graph
