// The status block of an RGD: its fields and conditions, typed and turned into programs (graph spec
// section 13).
#pragma once

#include <vector>

#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/graph.h"
#include "graph/internal/program_builder.h"

namespace kro::graph {

struct InstancePrograms {
  std::vector<Field> status;
  std::vector<Expression> conditions;
  json::Value status_schema;  // what was inferred; null: nothing
  Diagnostics faults;
};

InstancePrograms BuildInstancePrograms(const api::RgdSchema& schema, ProgramBuilder& builder);

}  // namespace kro::graph
