// The acceptance table of the graph spec (section 16) and its traps (section 17): testdata/acceptance.yaml.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "graph/compile.h"
#include "graph/recorded_cluster_test_util.h"
#include "json/kubectl_yaml.h"
#include "json/path.h"

namespace kro::graph {
namespace {

// Kinds of a template in shorthand.
struct Template {
  std::string_view word;
  std::string_view api_version;
  std::string_view kind;
};
const Template kTemplates[] = {
    {"cm", "v1", "ConfigMap"},
    {"sec", "v1", "Secret"},
    {"pod", "v1", "Pod"},
    {"namespace", "v1", "Namespace"},
    {"wid", "example.com/v1", "Widget"},
    {"bare", "example.com/v1", "Bare"},
    {"vault", "azure.example/v1api20200601", "Vault"},
    {"crd", "apiextensions.k8s.io/v1", "CustomResourceDefinition"},
};

constexpr std::string_view kSpec =
    R"({name: string, num: integer, flag: boolean, f: float, xs: "[]string",
  ts: "[]string", m: "map[string]string", o: object})";

constexpr std::string_view kCrds = R"(
spec:
  group: example.com
  names: {kind: Widget}
  versions: [{name: v1, served: true, schema: {openAPIV3Schema: {type: object, properties: {
    spec: {type: object, properties: {
      size: {type: string}, count: {type: integer}, ratio: {type: number}, mode: {type: string, enum: [a, b]},
      tags: {type: array, items: {type: string}},
      ports: {type: array, items: {type: object, required: [name], properties: {name: {type: string}, port: {type: integer}}}},
      ios: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]},
      when: {type: string, format: date-time},
      cfg: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: integer}}},
      untyped: {x-kubernetes-preserve-unknown-fields: true},
      loose: {type: object, additionalProperties: true}}},
    status: {type: object, properties: {
      phase: {type: string}, ready: {type: boolean}, ids: {type: array, items: {type: string}}}}}}}}]
---
spec:
  group: example.com
  names: {kind: Bare}
  versions: [{name: v1, served: true, schema: {openAPIV3Schema: {type: object, properties: {
    spec: {type: object, properties: {
      ios: {x-kubernetes-int-or-string: true},
      emb: {type: object, x-kubernetes-embedded-resource: true}}}}}}}]
---
spec:
  group: azure.example
  names: {kind: Vault}
  versions: [{name: v1api20200601, served: true, schema: {openAPIV3Schema: {type: object, properties: {
    spec: {type: object, properties: {size: {type: string}}}}}}}]
)";

const Kinds& Cluster() {
  static const Kinds& cluster = [] -> const Kinds& {
    auto& kinds = *new Kinds(RecordedCluster());
    for (const json::Document& crd : json::ParseYaml(kCrds).value()) {
      const auto set = std::make_shared<schema::SchemaSet>();
      EXPECT_TRUE(set->AddCrd(crd.value));
      kinds.AddSchemas(set);
      for (const auto& [gvk, schema] : set->kinds()) {
        kinds.AddMapping(gvk, {{gvk.group, gvk.version, "things"}, true});
      }
    }
    return kinds;
  }();
  return cluster;
}

// The resource that the shorthand means.
json::Value ResourceOf(const json::Value& row) {
  const std::string id(json::FindString(row, {"id"}));
  json::Object resource{{"id", id}};
  if (const auto* raw = json::Find(row, "raw")) {
    for (const auto& member : raw->as_object()) resource[member.key()] = member.value();
  }
  if (const auto* ext = json::Find(row, "ext")) resource["externalRef"] = *ext;
  for (const Template& kind : kTemplates) {
    const auto* content = json::Find(row, kind.word);
    if (content == nullptr) continue;
    json::Object object = content->as_object();
    object["apiVersion"] = kind.api_version;
    object["kind"] = kind.kind;
    json::Object metadata{{"name", id}};
    for (const auto& [word, member] : {std::pair{"name", "name"},
                                       {"ns", "namespace"},
                                       {"labels", "labels"},
                                       {"annotations", "annotations"}}) {
      if (const auto* value = json::Find(row, word)) metadata[member] = *value;
    }
    object["metadata"] = std::move(metadata);
    resource["template"] = std::move(object);
  }
  for (const auto& [word, member] :
       {std::pair{"fe", "forEach"}, {"iw", "includeWhen"}, {"rw", "readyWhen"}}) {
    if (const auto* value = json::Find(row, word)) resource[member] = *value;
  }
  return resource;
}

api::RgdSpec SpecOf(const json::Value& row) {
  json::Value fields = json::ParseYamlDocument(kSpec).value().value;
  if (const auto* more = json::Find(row, "spec")) {
    for (const auto& member : more->as_object()) fields.as_object()[member.key()] = member.value();
  }
  json::Object schema{{"apiVersion", "v1alpha1"}, {"kind", "App"}, {"spec", std::move(fields)}};
  for (const std::string_view member : {"kind", "scope", "types"}) {
    if (const auto* value = json::Find(row, member)) schema[member] = *value;
  }
  json::Array resources;
  if (const auto* list = json::Find(row, "rgd")) {
    for (const auto& resource : list->as_array()) resources.push_back(ResourceOf(resource));
  } else if (json::Find(row, "block") != nullptr) {
    resources.push_back(ResourceOf(json::Object{{"id", "w"}, {"wid", json::Object()}}));
  }
  if (const auto* block = json::Find(row, "block")) schema["status"] = *block;
  const auto spec = api::DecodeRgdSpec(
      json::Object{{"schema", std::move(schema)}, {"resources", std::move(resources)}});
  EXPECT_TRUE(spec);
  return spec ? *spec : api::RgdSpec();
}

// Upstream's text for a row that is refused; empty if it is not.
std::string ExpectedError(const json::Value& row) {
  for (const auto& member : row.as_object()) {
    const std::string_view key = member.key();
    if (!member.value().is_string()) continue;
    const std::string text(member.value().as_string());
    if (key == "error") return text;
    if (key == "V") return "failed to validate resourcegraphdefinition: " + text;
    if (key == "D") return "failed to build dependency graph: " + text;
    if (key == "S") return "failed to build instance status schema: " + text;
    if (key == "N") return "failed to build instance conditions: " + text;
    if (key.starts_with("B "))
      return fmt::format("failed to build resource \"{}\": {}", key.substr(2), text);
    if (key.starts_with("C "))
      return fmt::format("failed to validate resource \"{}\": {}", key.substr(2), text);
  }
  return "";
}

bool IsText(std::string_view found, std::string_view expected) {
  constexpr std::string_view kOpen = "…";
  if (!expected.ends_with(kOpen)) return found == expected;
  return found.starts_with(expected.substr(0, expected.size() - kOpen.size()));
}

json::Value IdsOf(const Graph& graph, const std::vector<std::size_t>& numbers) {
  json::Array ids;
  for (const std::size_t number : numbers) ids.emplace_back(graph.nodes[number].id);
  return ids;
}

void ExpectAccepted(const json::Value& row, const Graph& graph) {
  EXPECT_EQ(json::Serialize(IdsOf(graph, graph.order)), json::Serialize(row.at("ok")));
  if (const auto* deps = json::Find(row, "deps")) {
    for (const auto& entry : deps->as_object()) {
      EXPECT_EQ(json::Serialize(IdsOf(graph, graph.Find(entry.key())->dependencies)),
                json::Serialize(entry.value()));
    }
  }
  if (const auto* waves = json::Find(row, "waves")) {
    for (const auto& entry : waves->as_object()) {
      EXPECT_EQ(graph.Find(entry.key())->apply_order, entry.value().to_number<int>())
          << entry.key();
    }
  }
  if (const auto* dimensions = json::Find(row, "dimensions")) {
    json::Array names;
    for (const Dimension& dimension : graph.nodes[0].dimensions) names.emplace_back(dimension.name);
    EXPECT_EQ(json::Serialize(names), json::Serialize(*dimensions));
  }
  if (const auto* paths = json::Find(row, "paths")) {
    json::Object found;
    for (const Node& node : graph.nodes) {
      for (const Field& field : node.fields) {
        found[fmt::format("{} {}", node.id, field.path.ToString())] =
            ToString(field.expression.kind);
      }
    }
    EXPECT_EQ(json::Canonical(found), json::Canonical(*paths));
  }
  if (const auto* instance = json::Find(row, "instance")) {
    EXPECT_EQ(json::Serialize(IdsOf(graph, graph.status_dependencies)), json::Serialize(*instance));
  }
  if (const auto* status = json::Find(row, "status")) {
    const auto& version = graph.crd.at("spec").at("versions").at(0);
    const auto* fields =
        json::Find(version, {"schema", "openAPIV3Schema", "properties", "status", "properties"});
    ASSERT_NE(fields, nullptr);
    for (const auto& entry : status->as_object()) {
      EXPECT_EQ(json::Canonical(fields->at(entry.key())), json::Canonical(entry.value()))
          << entry.key();
    }
  }
}

TEST(Acceptance, EveryRowOfTheTableAndEveryTrapIsAsTheSpecSays) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/src/graph/testdata/acceptance.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto read = json::ParseKubectlYaml(text, "acceptance.yaml");
  ASSERT_TRUE(read) << Render(read.error()[0]);
  EXPECT_TRUE(read->warnings.empty()) << Render(read->warnings[0]);
  ASSERT_EQ(read->documents.size(), 1U);
  std::vector<bool> seen(147);
  for (const json::Value& row : read->documents[0].value.as_array()) {
    const auto& number = row.at("row");
    SCOPED_TRACE(
        fmt::format("row {} {}", json::Serialize(number), json::FindString(row, {"case"})));
    if (number.is_int64()) seen[static_cast<std::size_t>(number.as_int64())] = true;
    CompileOptions options;
    if (json::Find(row, "omit") != nullptr) options.omit = OmitFunction::kEnabled;
    const auto graph = Compile("r", SpecOf(row), Cluster(), options);
    const std::string expected = ExpectedError(row);
    if (expected.empty()) {
      EXPECT_TRUE(graph) << graph.error()[0].compatible;
      if (graph) ExpectAccepted(row, **graph);
      continue;
    }
    ASSERT_FALSE(graph);
    const std::string& found = graph.error()[0].compatible;
    EXPECT_TRUE(IsText(found, expected)) << found << "\n  is not\n" << expected;
    EXPECT_NE(found.find(json::FindString(row, {"has"})), found.npos) << found;
  }
  for (std::size_t i = 1; i < seen.size(); ++i)
    EXPECT_TRUE(seen[i]) << "row " << i << " is not there";
}

}  // namespace
}  // namespace kro::graph
