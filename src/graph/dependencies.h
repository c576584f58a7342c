// Dependencies: which resource needs which, read off the names in the expressions.
//
// Expressions of templates, forEach and includeWhen make edges; readyWhen and status never do (graph
// spec section 10). Expressions are parsed, not type-checked.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "cel/ast.h"
#include "cel/environment.h"
#include "graph/dag.h"
#include "graph/resource_node.h"

namespace kro::graph {

// When the value of an expression is known.
enum class ExpressionKind {
  kStatic,     // from the instance alone
  kDynamic,    // when the resources that it mentions are there
  kIteration,  // anew for every item of a collection
};

// "static", "dynamic", "iteration".
std::string_view ToString(ExpressionKind kind);

// Known names that an expression mentions, each once, in order of appearance: resource ids, iterators
// and `schema`.
struct References {
  std::vector<std::string> names;
  ExpressionKind kind = ExpressionKind::kStatic;
  bool uses_omit = false;
  std::optional<cel::Ast> ast;  // nothing if the expression is faulty
};

// Of one node, parallel to its members of the same name.
struct NodeReferences {
  std::vector<References> fields;
  std::vector<References> iterators;
  std::vector<References> include_when;
};

struct Dependencies {
  std::vector<NodeReferences> nodes;  // parallel to the nodes
  Dag dag;  // vertices are the nodes; without cycles if there are no faults
  Diagnostics faults;
};

// Whether omit() may be used: the gate CELOmitFunction.
enum class OmitFunction { kDisabled, kEnabled };

// Every fault, node by node: syntax (KRO401), unknown names (KRO402), omit() without its gate
// (KRO405), iterators that do not show in a collection's identity (KRO503) or read each other
// (KRO206), a resource that needs itself (KRO502); last a cycle (KRO501). `environment` says which
// functions there are; its variables do not matter. Of nodes of one name the first is meant.
Dependencies InferDependencies(const std::vector<ResourceNode>& nodes,
                               const cel::Environment& environment, OmitFunction omit);

}  // namespace kro::graph
