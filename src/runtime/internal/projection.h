// Projection: what an author's status block yields from what was observed.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "json/value.h"
#include "runtime/internal/evaluation.h"
#include "runtime/outcome.h"

namespace kro::runtime {

struct Projection {
  json::Object fields;
  std::vector<StatusProblem> problems;
};

// Each field by itself: one whose data is missing, or that is null, is left out; one that fails
// keeps its value in `stored` (may be nullptr) and is named. An array is there when all of its
// elements are.
Projection ProjectStatus(const graph::Graph& graph, const json::Value* stored,
                         Evaluation& evaluation);

// Call Evaluation::ShowConditions before. Times and generations are not set.
AuthorConditions ProjectConditions(const graph::Graph& graph, Evaluation& evaluation);

}  // namespace kro::runtime
