#include "controller/secrecy.h"

#include <algorithm>

namespace kro::controller {

Secrecy SecrecyOf(const graph::Graph* graph) {
  const bool none = graph != nullptr && std::ranges::all_of(graph->nodes, [](const auto& node) {
                      return node.confidential.empty();
                    });
  return none ? Secrecy::kNone : Secrecy::kConfidential;
}

Secrecy SecrecyOf(const graph::Graph* graph, const api::Gvr& kind) {
  if (graph == nullptr) return Secrecy::kConfidential;
  bool made = false;
  for (const graph::Node& node : graph->nodes) {
    if (node.IsExternal() || node.mapping.gvr != kind) continue;
    if (!node.confidential.empty()) return Secrecy::kConfidential;
    made = true;
  }
  return made ? Secrecy::kNone : Secrecy::kConfidential;
}

kube::ApiError Tellable(const kube::ApiError& error, Secrecy secrecy) {
  return secrecy == Secrecy::kNone ? error : kube::WithoutValues(error);
}

kube::Warnings WarningsOf(Secrecy secrecy) {
  return secrecy == Secrecy::kNone ? kube::Warnings::kLog : kube::Warnings::kDrop;
}

}  // namespace kro::controller
