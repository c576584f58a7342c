// Compiles the recorded cases of test/data/conformance/graph.json: the first fault of a refused one
// has a recorded text, an accepted one gives the recorded nodes, orders, instance and status schema.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rgd.h"
#include "graph/compile.h"
#include "graph/graph.h"
#include "graph/kinds.h"
#include "graph/recorded_cluster_test_util.h"
#include "json/path.h"
#include "json/value.h"
#include "support/conformance.h"

namespace kro::graph {
namespace {

// The decoded spec of a case, with the standard schema sections put in.
json::Parsed<api::RgdSpec> SpecOf(const json::Value& test, const json::Value& standard) {
  json::Value rgd = test.at("rgd");
  if (auto* schema = json::Find(rgd, "schema")) {
    for (const std::string_view section : {"spec", "types"}) {
      if (json::FindString(*schema, {section}) != "$std") continue;
      schema->get_object()[section] = standard.at(section);
    }
  }
  return api::DecodeRgdSpec(rgd);
}

bool HasGate(const json::Value& test, std::string_view gate) {
  const auto* gates = json::Find(test, "gates");
  return gates != nullptr && json::Serialize(*gates).find(gate) != std::string::npos;
}

bool IsOneOf(std::string_view error, const json::Value& test) {
  if (const auto* single = json::Find(test, "error"))
    return Comparable(single->get_string()) == Comparable(error);
  return std::ranges::any_of(test.at("errors").as_array(), [&](const json::Value& one) {
    return Comparable(one.get_string()) == Comparable(error);
  });
}

json::Array ToArray(const std::vector<std::string>& names) {
  return json::Array(names.begin(), names.end());
}

// An expression in the form of the data; `written` is the string that it stands in.
json::Object ToData(const Expression& expression, std::string_view written) {
  json::Object data{{"expr", expression.text}};
  if (written != "${" + expression.text + "}") data["template"] = written;
  if (!expression.references.empty()) data["refs"] = ToArray(expression.references);
  return data;
}

// One that stands alone.
json::Object ToData(const Expression& expression) {
  return ToData(expression, "${" + expression.text + "}");
}

std::string GvrText(const api::Gvr& gvr) {
  return (gvr.group.empty() ? "" : gvr.group + "/") + gvr.version + "/" + gvr.resource;
}

void AddList(json::Object& data, std::string_view name, json::Array list) {
  if (!list.empty()) data[name] = std::move(list);
}

// Fields by their path.
json::Array ToData(const std::vector<Field>& fields, const json::Value& object,
                   const std::string& prefix) {
  std::map<std::string, json::Object> by_path;
  for (const Field& field : fields) {
    const auto* written = json::Get(object, field.path);
    if (written == nullptr) {
      ADD_FAILURE() << "nothing at " << field.path.ToString();
      continue;
    }
    json::Object expression = ToData(field.expression, written->as_string());
    const std::string path = prefix + field.path.ToString();
    expression["path"] = path;
    expression["kind"] = ToString(field.expression.kind);
    by_path.emplace(path, std::move(expression));
  }
  json::Array expressions;
  for (auto& [path, expression] : by_path) expressions.push_back(std::move(expression));
  return expressions;
}

json::Array SortedIds(const Graph& graph, const std::vector<std::size_t>& nodes, bool with_schema) {
  std::vector<std::string> ids;
  for (const std::size_t node : nodes) ids.push_back(graph.nodes[node].id);
  if (with_schema) ids.emplace_back("schema");
  std::ranges::sort(ids);
  return ToArray(ids);
}

// A node in the form of the data, its lists left out where they are empty.
json::Value ToData(const Graph& graph, const Node& node) {
  json::Object data{{"type", ToString(node.type)},
                    {"gvr", GvrText(node.mapping.gvr)},
                    {"namespaced", node.mapping.namespaced}};
  AddList(data, "dependencies", SortedIds(graph, node.dependencies, false));
  AddList(data, "expressions", ToData(node.fields, node.object, ""));
  json::Array conditions;
  for (const Expression& condition : node.include_when) conditions.push_back(ToData(condition));
  AddList(data, "includeWhen", std::move(conditions));
  json::Array readiness;
  for (const Expression& condition : node.ready_when) {
    readiness.push_back(json::Object{{"expr", condition.text}});
  }
  AddList(data, "readyWhen", std::move(readiness));
  json::Array iterators;
  for (const Dimension& dimension : node.dimensions) {
    json::Object iterator = ToData(dimension.list);
    iterator["name"] = dimension.name;
    iterators.push_back(std::move(iterator));
  }
  AddList(data, "forEach", std::move(iterators));
  return data;
}

json::Value InstanceToData(const Graph& graph, const api::RgdSpec& spec) {
  json::Object data{
      {"type", "Instance"}, {"gvr", GvrText(graph.gvr)}, {"namespaced", graph.namespaced}};
  const bool with_schema = std::ranges::any_of(graph.status, [](const Field& field) {
    return std::ranges::count(field.expression.references, "schema") > 0;
  });
  AddList(data, "dependencies", SortedIds(graph, graph.status_dependencies, with_schema));
  const json::Value nothing;
  AddList(data, "expressions",
          ToData(graph.status, spec.schema->status ? *spec.schema->status : nothing, "status."));
  json::Array conditions;
  for (const Expression& condition : graph.conditions) conditions.push_back(ToData(condition));
  AddList(data, "conditions", std::move(conditions));
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

// What differs from the record; empty: nothing.
std::string Difference(const Graph& graph, const api::RgdSpec& spec, const json::Value& test) {
  std::string difference;
  const auto compare = [&](std::string_view what, const json::Value& found,
                           const json::Value& expected) {
    const std::string left = json::Canonical(found);
    const std::string right = json::Canonical(expected);
    if (left != right) difference += fmt::format("{}: {}\n  expected {}\n", what, left, right);
  };
  const auto& nodes = test.at("nodes").as_object();
  if (graph.nodes.size() != nodes.size()) difference += "number of nodes\n";
  json::Object waves;
  for (const Node& node : graph.nodes) {
    const auto* found = nodes.if_contains(node.id);
    if (found == nullptr) return "no node " + node.id;
    compare(node.id, ToData(graph, node), Sorted(*found));
    waves[node.id] = node.apply_order;
  }
  compare("apply orders", waves, test.at("applyOrders"));
  std::vector<std::string> order;
  for (const std::size_t node : graph.order) order.push_back(graph.nodes[node].id);
  compare("order", ToArray(order), test.at("topologicalOrder"));
  compare("instance", InstanceToData(graph, spec), Sorted(test.at("instance")));
  const json::Value& version = graph.crd.at("spec").at("versions").at(0);
  const json::Value& status =
      *json::Find(version, {"schema", "openAPIV3Schema", "properties", "status"});
  if (const auto* expected = json::Find(test, "statusSchema")) {
    compare("status schema", status, *expected);
  } else if (const auto* several = json::Find(test, "statusSchemas")) {
    const bool is_one = std::ranges::any_of(several->as_array(), [&](const json::Value& one) {
      return json::Canonical(one) == json::Canonical(status);
    });
    if (!is_one) compare("status schema", status, *several);
  }
  return difference;
}

// What is wrong with the answer to a case; empty: nothing.
std::string Problem(const json::Value& test, const json::Value& standard, const Kinds& kinds) {
  const auto spec = SpecOf(test, standard);
  if (json::Find(test, "undecodable") != nullptr) return spec ? "decoded" : "";
  if (!spec) return "not decoded: " + spec.error()[0].message;
  CompileOptions options;
  if (const auto* limit = json::Find(test, "maxDims")) {
    options.max_dimensions = static_cast<std::size_t>(limit->to_number<int>());
  }
  if (HasGate(test, "CELOmitFunction")) options.omit = OmitFunction::kEnabled;
  const auto graph = Compile("r", *spec, kinds, options);
  if (test.at("accepted").as_bool()) {
    return graph ? Difference(**graph, *spec, test) : "refused: " + graph.error()[0].compatible;
  }
  if (graph) return "accepted";
  return IsOneOf(graph.error()[0].compatible, test) ? ""
                                                    : "refused: " + graph.error()[0].compatible;
}

TEST(GraphConformance, CompilesAndRefusesWhatTheRecordedEngineDoes) {
  const Kinds kinds = RecordedCluster();
  // What stands before the cases, which are read one by one: some may be no JSON for us.
  const std::string text = conformance::ReadData("conformance/graph.json");
  const auto head = json::Parse(text.substr(0, text.find('[', text.find("\"cases\":")) + 1) + "]}");
  const json::Value* standard = head ? json::Find(*head, "std") : nullptr;
  conformance::Tally tally("graph", "test/conformance/definition_differences.txt");
  for (const auto& test : conformance::ReadCases("conformance/graph.json")) {
    tally.Run(std::string(json::FindString(test, {"id"})), [&] {
      const std::string problem =
          Problem(test, standard != nullptr ? *standard : json::Value(), kinds);
      EXPECT_EQ(problem, "") << json::Serialize(test);
    });
  }
}

}  // namespace
}  // namespace kro::graph
