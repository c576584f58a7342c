// The conditions that an RGD declares in its status (graph spec section 13.4).
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "graph/graph.h"
#include "graph/internal/program_builder.h"

namespace kro::graph {

struct ConditionPrograms {
  std::vector<Expression> programs;
  Diagnostics faults;
};

// `entries` are standalone expressions; empty ones were reported and are left out.
ConditionPrograms BuildConditions(const std::vector<TemplateString>& entries,
                                  ProgramBuilder& builder);

}  // namespace kro::graph
