#include "graph/internal/confidential.h"

#include <algorithm>

namespace kro::graph {
namespace {

bool IsSecret(const Node& node);
// The iterators of `node` have been marked.
bool ReadsConfidential(const Graph& graph, const Node* node, const Expression& expression);
void MarkNode(const Graph& graph, Node& node);

}  // namespace

void MarkConfidential(Graph& graph) {
  for (const std::size_t number : graph.order) MarkNode(graph, graph.nodes[number]);
  const auto mark = [&](Expression& expression) {
    expression.confidential = ReadsConfidential(graph, nullptr, expression);
  };
  for (Field& field : graph.status) mark(field.expression);
  for (Expression& condition : graph.conditions) mark(condition);
}

namespace {

void MarkNode(const Graph& graph, Node& node) {
  const auto mark = [&](Expression& expression) {
    expression.confidential = ReadsConfidential(graph, &node, expression);
  };
  if (IsSecret(node)) {
    // The annotation of `kubectl apply` holds all of it.
    node.confidential = {json::FieldPath({"data"}), json::FieldPath({"stringData"}),
                         json::FieldPath({"metadata", "annotations"})};
  }
  for (Dimension& dimension : node.dimensions) mark(dimension.list);
  for (Expression& condition : node.include_when) mark(condition);
  for (Field& field : node.fields) {
    mark(field.expression);
    if (node.IsConfidential(field.path)) {
      field.expression.confidential = true;
    } else if (field.expression.confidential) {
      node.confidential.push_back(field.path);
    }
  }
  for (Expression& condition : node.ready_when) mark(condition);
}

bool IsSecret(const Node& node) { return node.gvk.group.empty() && node.gvk.kind == "Secret"; }

bool ReadsConfidential(const Graph& graph, const Node* node, const Expression& expression) {
  const bool iterates = std::ranges::any_of(expression.inputs, [&](const Input& input) {
    return input.source == Input::Source::kIterator &&
           node->dimensions[input.index].list.confidential;
  });
  return iterates || std::ranges::any_of(expression.reads, [&](const NodePath& read) {
           return graph.nodes[read.node].IsConfidential(read.path);
         });
}

}  // namespace
}  // namespace kro::graph
