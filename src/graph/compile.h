// Compile: from an RGD and the schemas of the cluster to a Graph. Where to start in this folder.
//
//   Kinds kinds = …;                                  // at least those of KindsIn(spec)
//   auto graph = Compile("web", spec, kinds);
//   if (!graph) return Report(graph.error());          // every fault of the RGD
//
// A pure function: no clock, no connection, nothing evaluated on made-up data. The stages, each in
// a file of its own, are those of the graph spec, section 1.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/dependencies.h"
#include "graph/graph.h"
#include "graph/kinds.h"
#include "graph/names.h"
#include "json/yaml.h"

namespace kro::graph {

struct CompileOptions {
  std::size_t max_dimensions = kMaxDimensions;
  OmitFunction omit = OmitFunction::kDisabled;
  // Where the RGD stands, for diagnostics: the name of its file and the positions in it, or
  // nothing.
  std::string_view source;
  const json::SourceMap* map = nullptr;
};

// The kinds that the resources of an RGD name literally, each once, in source order; what must be
// in Kinds for them to be found. Resources that name none are left out: Compile says what is wrong.
std::vector<api::Gvk> KindsIn(const api::RgdSpec& spec);

// All faults, those that upstream reports first in front; the first one's `compatible` is the text
// that upstream's controller gives.
//
// A kind that is not served (yet) is KRO601, and nothing else is. What uses it is taken as it is, so if
// all faults have that code, the definition may compile once the CRDs are there.
std::expected<std::shared_ptr<const Graph>, Diagnostics> Compile(
    std::string_view name, const api::RgdSpec& spec, const Kinds& kinds,
    const CompileOptions& options = {});

}  // namespace kro::graph
