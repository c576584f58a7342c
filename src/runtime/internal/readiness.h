// Readiness: whether what was observed of a node is what its dependents may build on.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/error.h"
#include "graph/graph.h"
#include "runtime/internal/evaluation.h"

namespace kro::runtime {

struct Readiness {
  // Nothing: ready. kPending: a change of the object mends it; else a fault of the expression.
  std::optional<Error> cause;
  // What was found wanting, and in which object.
  const graph::Expression* expression = nullptr;
  std::size_t item = 0;
};

// `observed` is bound in `evaluation`; of a collection, `desired` objects are wanted.
Readiness CheckReadiness(std::size_t node, std::span<const LiveObject> observed,
                         std::size_t desired, const graph::Graph& graph, Evaluation& evaluation);

}  // namespace kro::runtime
