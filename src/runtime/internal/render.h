// Rendering: from a node to the objects that it describes, expressions replaced by their values.
#pragma once

#include <cstddef>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "json/value.h"
#include "runtime/internal/evaluation.h"

namespace kro::runtime {

// The object of a node that is no collection. kPending: data is missing; else kInvalid. Messages
// are upstream's; `blocking`, if given, is set to the expression that failed.
Result<json::Value*> RenderObject(const graph::Node& node, Evaluation& evaluation,
                                  const graph::Expression** blocking);

// The objects of a collection, in order: the first dimension is the outermost loop.
Result<std::vector<json::Value*>> RenderCollection(const graph::Node& node, std::size_t max_size,
                                                   Evaluation& evaluation,
                                                   const graph::Expression** blocking);

}  // namespace kro::runtime
