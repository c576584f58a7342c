// Confidential: which values of a graph come from Secrets, by who reads whom.
//
//   given (a Secret) <- ${string(given.data.url)} in settings.data.url <- ${settings.data.url} in web.spec.url
//
// The first expression reads what a Secret holds, so settings.data.url holds it too, and so on. Names, labels
// and the like of Secrets are open to everybody, so ${given.metadata.name} is not confidential, and neither is
// settings.data.other.
#pragma once

#include "graph/graph.h"

namespace kro::graph {

// Fills `confidential` of nodes and expressions, whose `reads` are there.
void MarkConfidential(Graph& graph);

}  // namespace kro::graph
