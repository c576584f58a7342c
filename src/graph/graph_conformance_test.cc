// Runs the recorded cases of test/data/conformance/graph.json through the stages of the compiler.
//
// A case that fails in a stage that is here must fail with the recorded text, first; every other
// case must pass these stages, and an accepted one must give the recorded nodes and order. Cases that a later
// stage decides are counted by the name of that stage.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rgd.h"
#include "cel/environment.h"
#include "graph/dependencies.h"
#include "graph/kinds.h"
#include "graph/names.h"
#include "graph/resource_node.h"
#include "json/value.h"
#include "schema/simpleschema.h"

namespace kro::graph {
namespace {

json::Value ReadData(const std::string& name) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/test/data/conformance/" + name,
                     std::ios::binary);
  auto value = json::Parse(std::string{std::istreambuf_iterator<char>(file), {}});
  if (!value) {
    ADD_FAILURE() << name << ": " << value.error().message();
    return json::Object{{"cases", json::Array()}};
  }
  return *value;
}

// Replaces references by what they refer to, as the compiler's schemas must come (graph spec section
// 7.2). A reference to what is open already becomes an object without properties.
class Inliner {
 public:
  explicit Inliner(const json::Object& components) : components_(components) {}

  json::Value Inline(const json::Value& node) {
    if (!node.is_object()) return node;
    if (const std::string_view name = ReferenceOf(node); !name.empty()) {
      const auto* target = components_.if_contains(name);
      if (target == nullptr || !open_.insert(name).second) return json::Object{{"type", "object"}};
      json::Value inlined = Inline(*target);
      open_.erase(name);
      return inlined;
    }
    json::Value copy = node;
    if (auto* properties = json::Find(copy, "properties")) {
      for (auto& property : properties->get_object()) property.value() = Inline(property.value());
    }
    for (const std::string_view member : {"additionalProperties", "items"}) {
      if (auto* schema = json::Find(copy, member)) *schema = Inline(json::Value(*schema));
    }
    return copy;
  }

 private:
  // Of the node or of the first member of allOf that has one.
  static std::string_view ReferenceOf(const json::Value& node) {
    constexpr std::string_view kPrefix = "#/components/schemas/";
    std::string_view reference = json::FindString(node, {"$ref"});
    const auto* all = json::Find(node, "allOf");
    if (reference.empty() && all != nullptr) {
      for (const auto& member : all->get_array()) {
        reference = json::FindString(member, {"$ref"});
        if (!reference.empty()) break;
      }
    }
    return reference.starts_with(kPrefix) ? reference.substr(kPrefix.size()) : std::string_view();
  }

  const json::Object& components_;
  std::set<std::string_view> open_;
};

api::Gvk GvkOf(const json::Value& value) {
  return {std::string(json::FindString(value, {"group"})),
          std::string(json::FindString(value, {"version"})),
          std::string(json::FindString(value, {"kind"}))};
}

// The cluster that the cases were recorded with.
Kinds RecordedCluster() {
  Kinds kinds;
  const json::Value documents = ReadData("fixtures/openapi.json");
  for (const auto& document : documents.at("cases").as_array()) {
    std::string_view api_version = json::FindString(document, {"path"});
    api_version.remove_prefix(api_version.find('/') + 1);
    kinds.AddGroupVersion(api_version);
    const auto& components = document.at("components").at("schemas").as_object();
    for (const auto& component : components) {
      const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
      if (gvks == nullptr) continue;
      std::shared_ptr<const json::Value> schema;
      for (const auto& entry : gvks->get_array()) {
        const api::Gvk gvk = GvkOf(entry);
        if (gvk.ApiVersion() != api_version) continue;
        if (schema == nullptr) {
          schema = std::make_shared<json::Value>(Inliner(components).Inline(component.value()));
        }
        kinds.AddSchema(gvk, schema);
      }
    }
  }
  const json::Value mappings = ReadData("fixtures/kinds.json");
  for (const auto& entry : mappings.at("cases").as_array()) {
    const api::Gvk gvk = GvkOf(entry);
    kinds.AddMapping(gvk, {{gvk.group, gvk.version, std::string(json::FindString(entry, {"resource"}))},
                           entry.at("namespaced").as_bool()});
  }
  return kinds;
}

// The decoded spec of a case, with the standard schema sections put in.
api::RgdSpec SpecOf(const json::Value& test, const json::Value& standard) {
  json::Value rgd = test.at("rgd");
  if (auto* schema = json::Find(rgd, "schema")) {
    for (const std::string_view section : {"spec", "types"}) {
      if (json::FindString(*schema, {section}) != "$std") continue;
      schema->get_object()[section] = standard.at(section);
    }
  }
  auto spec = api::DecodeRgdSpec(rgd);
  if (!spec) {
    ADD_FAILURE() << "cannot decode: " << spec.error()[0].message;
    return {};
  }
  return *spec;
}

// Where a case ends, in the words of the data.
struct Outcome {
  std::string stage;  // empty: nothing refused it
  std::string error;
  std::vector<ResourceNode> nodes;
  std::optional<Dependencies> dependencies;
};

Outcome RunStages(const api::RgdSpec& spec, std::size_t max_dimensions, OmitFunction omit,
                  const Kinds& kinds) {
  if (Diagnostics faults = CheckNames(spec, max_dimensions); !faults.empty()) {
    return {.stage = "names", .error = faults[0].compatible};
  }
  const auto section = [](const std::optional<json::Value>& value) {
    return value ? &*value : nullptr;
  };
  if (auto built = schema::BuildSpecSchema(section(spec.schema->spec), section(spec.schema->types));
      !built) {
    return {.stage = "spec-schema",
            .error = "failed to build resourcegraphdefinition \"r\": failed to build OpenAPI schema for "
                     "instance: " + built.error()[0].compatible};
  }
  auto nodes = ReadResources(spec, kinds);
  if (!nodes) {
    const std::string& error = nodes.error()[0].compatible;
    const bool fields =
        error.find(": invalid combination of resource fields: ") != std::string::npos;
    return {.stage = fields ? "resource-fields" : "resource", .error = error};
  }
  static const cel::Environment kEnvironment = cel::Environment::Kro();
  auto dependencies = InferDependencies(*nodes, kEnvironment, omit);
  if (!dependencies) return {.stage = "dependencies", .error = dependencies.error()[0].compatible};
  return {.nodes = std::move(*nodes), .dependencies = std::move(*dependencies)};
}

// Of a CEL text the place and the reason count, of a syntax error the place (cel spec).
std::string_view Comparable(std::string_view error) {
  const std::size_t cel = error.find("ERROR: <input>:");
  if (cel == std::string_view::npos) return error;
  constexpr std::string_view kSyntax = "Syntax error";
  error = error.substr(0, error.find("\n | ", cel));  // upstream may list more faults after this one
  const std::size_t syntax = error.find(kSyntax, cel);
  return syntax == std::string_view::npos ? error : error.substr(0, syntax + kSyntax.size());
}

bool HasGate(const json::Value& test, std::string_view gate) {
  const auto* gates = json::Find(test, "gates");
  return gates != nullptr && json::Serialize(*gates).find(gate) != std::string::npos;
}

bool IsOneOf(std::string_view error, const json::Value& test) {
  if (const auto* single = json::Find(test, "error")) return Comparable(single->get_string()) == Comparable(error);
  return std::ranges::any_of(test.at("errors").as_array(), [&](const json::Value& one) {
    return Comparable(one.get_string()) == Comparable(error);
  });
}

json::Array ToArray(const std::vector<std::string>& names) {
  return json::Array(names.begin(), names.end());
}

// An expression in the form of the data.
json::Object ToData(const TemplateString& text, const References& references) {
  json::Object data{{"expr", text.Lowered()}};
  if (!text.standalone()) data["template"] = text.source;
  if (!references.names.empty()) data["refs"] = ToArray(references.names);
  return data;
}

// A node in the form of the data, its lists left out where they are empty.
json::Value ToData(const ResourceNode& node, const NodeReferences& read, const Dag& dag) {
  const api::Gvr& gvr = node.mapping.gvr;
  const std::string group = gvr.group.empty() ? "" : gvr.group + "/";
  json::Object data{{"type", ToString(node.type)},
                    {"gvr", group + gvr.version + "/" + gvr.resource},
                    {"namespaced", node.mapping.namespaced}};
  const auto add = [&](std::string_view name, json::Array list) {
    if (!list.empty()) data[name] = std::move(list);
  };
  std::vector<std::string> ids;
  for (const std::size_t needed : dag.DependenciesOf(node.index)) ids.push_back(dag.names()[needed]);
  std::ranges::sort(ids);
  add("dependencies", ToArray(ids));

  std::map<std::string, json::Object> by_path;
  for (std::size_t i = 0; i < node.fields.size(); ++i) {
    json::Object expression = ToData(node.fields[i].text, read.fields[i]);
    const std::string path = node.fields[i].path.ToString();
    expression["path"] = path;
    expression["kind"] = ToString(read.fields[i].kind);
    by_path.emplace(path, std::move(expression));
  }
  json::Array expressions;
  for (auto& [path, expression] : by_path) expressions.push_back(std::move(expression));
  add("expressions", std::move(expressions));

  json::Array conditions;
  for (std::size_t i = 0; i < node.include_when.size(); ++i) {
    conditions.push_back(ToData(node.include_when[i], read.include_when[i]));
  }
  add("includeWhen", std::move(conditions));
  json::Array readiness;
  for (const TemplateString& text : node.ready_when) readiness.push_back(ToData(text, {}));
  add("readyWhen", std::move(readiness));
  json::Array iterators;
  for (std::size_t i = 0; i < node.iterators.size(); ++i) {
    json::Object iterator = ToData(node.iterators[i].list, read.iterators[i]);
    iterator["name"] = node.iterators[i].name;
    iterators.push_back(std::move(iterator));
  }
  add("forEach", std::move(iterators));
  return data;
}

// The recorded node with its expressions in the order of their paths.
json::Value Sorted(const json::Value& node) {
  json::Value sorted = node;
  if (auto* expressions = sorted.as_object().if_contains("expressions")) {
    std::ranges::sort(expressions->as_array(), {}, [](const json::Value& expression) {
      return std::string(json::FindString(expression, {"path"}));
    });
  }
  return sorted;
}

void ExpectGraph(const Outcome& outcome, const json::Value& test) {
  const auto& expected = test.at("nodes").as_object();
  ASSERT_EQ(outcome.nodes.size(), expected.size());
  ASSERT_TRUE(outcome.dependencies);
  const Dag& dag = outcome.dependencies->dag;
  for (std::size_t i = 0; i < outcome.nodes.size(); ++i) {
    const auto* found = expected.if_contains(outcome.nodes[i].id);
    ASSERT_NE(found, nullptr) << outcome.nodes[i].id;
    EXPECT_EQ(json::Canonical(ToData(outcome.nodes[i], outcome.dependencies->nodes[i], dag)),
              json::Canonical(Sorted(*found)));
  }
  std::vector<std::string> order;
  const auto vertices = dag.TopologicalOrder();
  ASSERT_TRUE(vertices);
  for (const std::size_t vertex : *vertices) order.push_back(dag.names()[vertex]);
  EXPECT_EQ(json::Value(ToArray(order)), test.at("topologicalOrder"));
  json::Object waves;
  const std::vector<int> apply_orders = dag.ApplyOrders();
  for (std::size_t i = 0; i < apply_orders.size(); ++i) waves[dag.names()[i]] = apply_orders[i];
  EXPECT_EQ(json::Canonical(waves), json::Canonical(test.at("applyOrders")));
}

TEST(GraphConformance, RefusesAndReadsWhatTheRecordedEngineDoes) {
  const std::set<std::string_view> stages{"names", "spec-schema", "resource-fields", "resource",
                                         "dependencies"};
  const Kinds kinds = RecordedCluster();
  const json::Value data = ReadData("graph.json");
  int refused = 0;
  int read = 0;
  std::map<std::string, int> later;
  for (const auto& test : data.at("cases").as_array()) {
    SCOPED_TRACE(json::FindString(test, {"id"}));
    const api::RgdSpec spec = SpecOf(test, data.at("std"));
    const auto* limit = json::Find(test, "maxDims");
    const std::size_t max_dimensions =
        limit == nullptr ? kMaxDimensions : static_cast<std::size_t>(limit->to_number<int>());
    const bool omit = HasGate(test, "CELOmitFunction");
    const Outcome outcome =
        RunStages(spec, max_dimensions, omit ? OmitFunction::kEnabled : OmitFunction::kDisabled, kinds);
    const std::string stage(json::FindString(test, {"stage"}));
    if (stages.contains(stage)) {
      EXPECT_EQ(outcome.stage, stage) << outcome.error;
      EXPECT_TRUE(IsOneOf(outcome.error, test)) << outcome.error << "\n" << json::Serialize(test);
      ++refused;
      continue;
    }
    EXPECT_EQ(outcome.stage, "") << outcome.error << "\n" << json::Serialize(test);
    if (test.at("accepted").as_bool()) {
      ExpectGraph(outcome, test);
      ++read;
    } else {
      ++later[stage];
    }
  }
  std::printf("refused as recorded: %d; graphs as recorded: %d; of later stages:", refused, read);
  for (const auto& [stage, count] : later) std::printf(" %s %d", stage.c_str(), count);
  std::printf("\n");
}

}  // namespace
}  // namespace kro::graph
