#include "controller/compile_definition.h"

#include <algorithm>
#include <utility>

#include "async/on_pool.h"
#include "graph/compile.h"

namespace kro::controller {

async::Task<Result<CompiledDefinition>> CompileDefinition(async::Executor& executor,
                                                          KindsLoader& loader, Settings settings,
                                                          std::string name, api::RgdSpec spec,
                                                          async::CancelToken cancel) {
  const std::vector<api::Gvk> named = graph::KindsIn(spec);
  auto loaded = co_await loader.Load(named, cancel);
  if (!loaded) co_return Annotate(loaded, "kinds of '{}'", name);

  const graph::CompileOptions options{
      .max_dimensions = settings.max_dimensions,
      .omit =
          settings.omit_function ? graph::OmitFunction::kEnabled : graph::OmitFunction::kDisabled,
  };
  const auto compile = [&] { return graph::Compile(name, spec, loaded->kinds, options); };
  auto graph = co_await async::OnPool(executor, compile);
  CompiledDefinition compiled{
      .graph = std::move(graph), .groups = {}, .kinds_missing = !loaded->missing.empty()};
  for (const api::Gvk& gvk : named) compiled.groups.insert(gvk.group);
  co_return compiled;
}

GraphOrder OrderOf(const graph::Graph& graph) {
  GraphOrder result;
  for (const std::size_t index : graph.order) {
    const graph::Node& node = graph.nodes[index];
    result.topological_order.push_back(node.id);
    if (node.dependencies.empty()) continue;
    api::ResourceDependencies resource{.id = node.id, .dependencies = {}};
    for (const std::size_t dependency : node.dependencies) {
      resource.dependencies.push_back(graph.nodes[dependency].id);
    }
    std::ranges::sort(resource.dependencies);
    result.resources.push_back(std::move(resource));
  }
  return result;
}

}  // namespace kro::controller
