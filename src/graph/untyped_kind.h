// A kind that nothing is known of, taken for one that may hold anything.
#pragma once

#include "api/gvk.h"
#include "graph/kinds.h"

namespace kro::graph {

// What expressions read of it besides its metadata is dyn. It is taken to be namespaced, with the usual name
// for its collection.
void AddUntyped(const api::Gvk& gvk, Kinds& kinds);

}  // namespace kro::graph
