// Dag: which node depends on which, and the two orders that follow.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace kro::graph {

// Vertices are numbered in source order; names are only for messages.
class Dag {
 public:
  explicit Dag(std::vector<std::string> names)
      : names_(std::move(names)), dependencies_(names_.size()) {}

  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }

  // Says that `dependent` needs `dependency`. Repeats are ignored. kInvalid for a vertex that depends
  // on itself: "self references are not allowed".
  Result<void> AddEdge(std::size_t dependent, std::size_t dependency);

  // In the order they were added.
  std::span<const std::size_t> DependenciesOf(std::size_t vertex) const {
    return dependencies_[vertex];
  }

  // The vertices of one cycle, from its member with the lowest number along "depends on", closed by
  // that member again; empty if there is none.
  std::vector<std::size_t> FindCycle() const;

  // Dependencies first. Of the vertices whose dependencies are all placed, the one with the lowest
  // number comes next (Kahn's algorithm with a heap): a vertex released late overtakes those behind it
  // in the source. kInvalid: "graph contains a cycle: a -> b -> a".
  Result<std::vector<std::size_t>> TopologicalOrder() const;

  // The wave of each vertex for deletion, from 1. Layers are peeled from the side of the dependents:
  // vertices that nobody depends on are in the last wave, however shallow they are. The graph has no
  // cycle.
  std::vector<int> ApplyOrders() const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<std::size_t>> dependencies_;
};

}  // namespace kro::graph
