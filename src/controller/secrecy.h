// Secrecy: whether the API server's words about an object may be told, as it repeats what it refuses.
#pragma once

#include "api/gvk.h"
#include "graph/graph.h"
#include "kube/api_error.h"
#include "kube/options.h"

namespace kro::controller {

// kConfidential: they may quote what a Secret holds.
enum class Secrecy { kNone, kConfidential };

// Of an instance, whose status is made of what its expressions read. Of a graph that is not known (nullptr) everything
// is confidential.
Secrecy SecrecyOf(const graph::Graph* graph);

// Of the objects of this kind that were made for an instance; also confidential if an earlier revision made them.
Secrecy SecrecyOf(const graph::Graph* graph, const api::Gvr& kind);

kube::ApiError Tellable(const kube::ApiError& error, Secrecy secrecy);
kube::Warnings WarningsOf(Secrecy secrecy);

}  // namespace kro::controller
