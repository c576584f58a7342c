// Runs the recorded cases of test/data/conformance/graph.json through the stages of the compiler.
//
// A case that fails in a stage that is here must fail with the recorded text, first; every other
// case must pass these stages, and an accepted one must give the recorded nodes. Cases that a later
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
};

Outcome RunStages(const api::RgdSpec& spec, std::size_t max_dimensions, const Kinds& kinds) {
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
  if (nodes) return {.nodes = std::move(*nodes)};
  const std::string& error = nodes.error()[0].compatible;
  const bool fields = error.find(": invalid combination of resource fields: ") != std::string::npos;
  return {.stage = fields ? "resource-fields" : "resource", .error = error};
}

bool IsOneOf(std::string_view error, const json::Value& test) {
  if (const auto* single = json::Find(test, "error")) return single->get_string() == error;
  return std::ranges::any_of(test.at("errors").as_array(), [&](const json::Value& one) {
    return one.get_string() == error;
  });
}

// A node as far as it is known without types and dependencies, in the form of the data.
json::Value ToData(const ResourceNode& node) {
  const api::Gvr& gvr = node.mapping.gvr;
  json::Object data{{"type", ToString(node.type)},
                    {"gvr", (gvr.group.empty() ? "" : gvr.group + "/") + gvr.version + "/" + gvr.resource},
                    {"namespaced", node.mapping.namespaced}};
  std::map<std::string, json::Value> by_path;
  for (const FieldExpression& field : node.fields) {
    json::Object expression{{"path", field.path.ToString()}, {"expr", field.text.Lowered()}};
    if (!field.text.standalone()) expression["template"] = field.text.source;
    by_path.emplace(field.path.ToString(), std::move(expression));
  }
  json::Array expressions;
  for (auto& [path, expression] : by_path) expressions.push_back(std::move(expression));
  if (!expressions.empty()) data["expressions"] = std::move(expressions);
  const auto add = [&](std::string_view name, const std::vector<TemplateString>& texts) {
    json::Array list;
    for (const auto& text : texts) list.push_back(json::Object{{"expr", text.Lowered()}});
    if (!list.empty()) data[name] = std::move(list);
  };
  add("includeWhen", node.include_when);
  add("readyWhen", node.ready_when);
  json::Array iterators;
  for (const Iterator& iterator : node.iterators) {
    iterators.push_back(json::Object{{"name", iterator.name}, {"expr", iterator.list.Lowered()}});
  }
  if (!iterators.empty()) data["forEach"] = std::move(iterators);
  return data;
}

// The recorded node without what types and dependencies add.
json::Value WithoutLaterFacts(const json::Value& node) {
  json::Value reduced = node;
  auto& object = reduced.as_object();
  object.erase("dependencies");
  for (const std::string_view list : {"expressions", "includeWhen", "readyWhen", "forEach"}) {
    auto* entries = object.if_contains(list);
    if (entries == nullptr) continue;
    for (auto& entry : entries->as_array()) {
      entry.as_object().erase("refs");
      entry.as_object().erase("kind");
    }
  }
  if (auto* expressions = object.if_contains("expressions")) {
    std::ranges::sort(expressions->as_array(), {}, [](const json::Value& expression) {
      return std::string(json::FindString(expression, {"path"}));
    });
  }
  return reduced;
}

void ExpectNodes(const std::vector<ResourceNode>& nodes, const json::Value& recorded) {
  const auto& expected = recorded.as_object();
  ASSERT_EQ(nodes.size(), expected.size());
  for (const ResourceNode& node : nodes) {
    const auto* found = expected.if_contains(node.id);
    ASSERT_NE(found, nullptr) << node.id;
    EXPECT_EQ(json::Canonical(ToData(node)), json::Canonical(WithoutLaterFacts(*found)));
  }
}

TEST(GraphConformance, RefusesAndReadsWhatTheRecordedEngineDoes) {
  const std::set<std::string_view> stages{"names", "spec-schema", "resource-fields", "resource"};
  const Kinds kinds = RecordedCluster();
  const json::Value data = ReadData("graph.json");
  int refused = 0;
  int read = 0;
  std::map<std::string, int> later;
  for (const auto& test : data.at("cases").as_array()) {
    SCOPED_TRACE(json::FindString(test, {"id"}));
    const api::RgdSpec spec = SpecOf(test, data.at("std"));
    const auto* limit = json::Find(test, "maxDims");
    const Outcome outcome = RunStages(
        spec, limit == nullptr ? kMaxDimensions : static_cast<std::size_t>(limit->to_number<int>()),
        kinds);
    const std::string stage(json::FindString(test, {"stage"}));
    if (stages.contains(stage)) {
      EXPECT_EQ(outcome.stage, stage) << outcome.error;
      EXPECT_TRUE(IsOneOf(outcome.error, test)) << outcome.error << "\n" << json::Serialize(test);
      ++refused;
      continue;
    }
    EXPECT_EQ(outcome.stage, "") << outcome.error << "\n" << json::Serialize(test);
    if (test.at("accepted").as_bool()) {
      ExpectNodes(outcome.nodes, test.at("nodes"));
      ++read;
    } else {
      ++later[stage];
    }
  }
  std::printf("refused as recorded: %d; nodes as recorded: %d; of later stages:", refused, read);
  for (const auto& [stage, count] : later) std::printf(" %s %d", stage.c_str(), count);
  std::printf("\n");
}

}  // namespace
}  // namespace kro::graph
