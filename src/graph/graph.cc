#include "graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "json/yaml.h"

namespace kro::graph {
namespace {

using Text = fmt::memory_buffer;

template <typename... Args>
void Line(Text& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  text.push_back('\n');
}

void DumpNode(Text& text, const Graph& graph, const Node& node);
std::string Describe(const Expression& expression, const Graph& graph, const Node* node);
std::string Name(const Input& input, const Graph& graph, const Node* node);
std::string Place(const api::Gvk& gvk, const api::Gvr& gvr, bool namespaced);
std::string Ids(const std::vector<std::size_t>& numbers, const Graph& graph);

}  // namespace

bool Node::IsConfidential(const json::FieldPath& path) const {
  return std::ranges::any_of(confidential, [&](const json::FieldPath& hidden) {
    const auto& a = hidden.segments();
    const auto& b = path.segments();
    const auto length = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
    return std::equal(a.begin(), a.begin() + length, b.begin());
  });
}

const Node* Graph::Find(std::string_view id) const {
  const auto found = std::ranges::find(nodes, id, &Node::id);
  return found == nodes.end() ? nullptr : &*found;
}

std::string Dump(const Graph& graph) {
  Text text;
  Line(text, "graph {}", graph.name);
  Line(text, "instance: {}", Place(graph.gvk, graph.gvr, graph.namespaced));
  Line(text, "order: {}", Ids(graph.order, graph));
  for (const Node& node : graph.nodes) DumpNode(text, graph, node);
  Line(text, "status");
  for (const Field& field : graph.status) {
    Line(text, "  {} = {}", field.path.ToString(), Describe(field.expression, graph, nullptr));
  }
  for (const Expression& condition : graph.conditions) {
    Line(text, "  condition {}", Describe(condition, graph, nullptr));
  }
  Line(text, "  needs: {}", Ids(graph.status_dependencies, graph));
  Line(text, "crd");
  text.append(json::ToYaml(graph.crd));
  return fmt::to_string(text);
}

namespace {

void DumpNode(Text& text, const Graph& graph, const Node& node) {
  Line(text, "node {}: {}, {}", node.id, ToString(node.type),
       Place(node.gvk, node.mapping.gvr, node.mapping.namespaced));
  Line(text, "  wave: {}", node.apply_order);
  if (!node.dependencies.empty()) Line(text, "  needs: {}", Ids(node.dependencies, graph));
  for (const json::FieldPath& path : node.reads) {
    Line(text, "  read: {}", path.empty() ? "everything" : path.ToString());
  }
  for (const Dimension& dimension : node.dimensions) {
    Line(text, "  for each {} in {}", dimension.name, Describe(dimension.list, graph, &node));
  }
  for (const Expression& condition : node.include_when) {
    Line(text, "  include when {}", Describe(condition, graph, &node));
  }
  for (const Field& field : node.fields) {
    Line(text, "  {} = {}", field.path.ToString(), Describe(field.expression, graph, &node));
  }
  for (const Expression& condition : node.ready_when) {
    Line(text, "  ready when {}", Describe(condition, graph, &node));
  }
  Line(text, "  object: {}", json::Canonical(node.object));
}

// schema.spec.name : string, static, from schema
std::string Describe(const Expression& expression, const Graph& graph, const Node* node) {
  std::string inputs;
  for (const Input& input : expression.inputs) {
    inputs += fmt::format("{}{}", inputs.empty() ? ", from " : " ", Name(input, graph, node));
  }
  return fmt::format("{} : {}, {}{}", expression.text, expression.program->type().ToString(),
                     ToString(expression.kind), inputs);
}

std::string Name(const Input& input, const Graph& graph, const Node* node) {
  switch (input.source) {
    case Input::Source::kSchema:
      return "schema";
    case Input::Source::kNode:
      return graph.nodes[input.index].id;
    case Input::Source::kIterator:
      return node->dimensions[input.index].name;
    case Input::Source::kEach:
      return "each";
    case Input::Source::kRuntime:
      return "runtime";
  }
  return "";
}

// v1 ConfigMap (configmaps), namespaced
std::string Place(const api::Gvk& gvk, const api::Gvr& gvr, bool namespaced) {
  return fmt::format("{} {} ({}), {}", gvk.ApiVersion(), gvk.kind, gvr.resource,
                     namespaced ? "namespaced" : "cluster-scoped");
}

std::string Ids(const std::vector<std::size_t>& numbers, const Graph& graph) {
  std::string ids;
  for (const std::size_t number : numbers) {
    ids += fmt::format("{}{}", ids.empty() ? "" : " ", graph.nodes[number].id);
  }
  return ids;
}

}  // namespace
}  // namespace kro::graph
