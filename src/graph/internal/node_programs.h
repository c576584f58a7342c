// The expressions of the resources, typed and turned into programs (graph spec stages 9 to 11).
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "graph/dependencies.h"
#include "graph/graph.h"
#include "graph/internal/program_builder.h"
#include "graph/resource_node.h"

namespace kro::graph {

// omit() where an object needs a concrete value. KRO405.
Diagnostics CheckOmit(const std::vector<ResourceNode>& nodes, const Dependencies& dependencies,
                      api::Scope instance_scope);

// Fills fields, conditions and dimensions of `built` (parallel to `nodes`) and takes the trees out of
// `dependencies`. Faults: types (KRO403), conditions that are not bool (KRO404), names (KRO402).
Diagnostics BuildNodePrograms(const std::vector<ResourceNode>& nodes, Dependencies& dependencies,
                              ProgramBuilder& builder, std::vector<Node>& built);

}  // namespace kro::graph
