// CompileDefinition: loads what an RGD names and compiles it, away from the loop.
#pragma once

#include <expected>
#include <memory>
#include <set>
#include <string>

#include "api/rgd.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/diagnostic.h"
#include "controller/kinds_loader.h"
#include "controller/settings.h"
#include "graph/graph.h"

namespace kro::controller {

struct CompiledDefinition {
  std::expected<std::shared_ptr<const graph::Graph>, Diagnostics> graph;
  std::set<std::string> groups;  // that its kinds belong to
  bool kinds_missing = false;    // some kind is not served, or not yet
};

// Fails only if the cluster could not be asked; what is wrong with the RGD is in `graph`. `executor`
// and `loader` outlive the task.
async::Task<Result<CompiledDefinition>> CompileDefinition(async::Executor& executor,
                                                          KindsLoader& loader, Settings settings,
                                                          std::string name, api::RgdSpec spec,
                                                          async::CancelToken cancel);

// Of a graph, as the status of an RGD and of a revision shows it.
struct GraphOrder {
  std::vector<std::string> topological_order;
  std::vector<api::ResourceDependencies> resources;  // only those that depend on others
};
GraphOrder OrderOf(const graph::Graph& graph);

}  // namespace kro::controller
