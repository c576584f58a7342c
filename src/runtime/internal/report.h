// Report: what a pass has come to so far, in upstream's words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "json/value.h"
#include "runtime/internal/run.h"
#include "runtime/outcome.h"

namespace kro::runtime {

class Report {
 public:
  // All outlive the report: `runs` is parallel to Graph::nodes, `conflicts` names pairs of nodes that describe one
  // object.
  Report(const graph::Graph& graph, const json::Value& instance, const std::vector<Run>& runs,
         const std::vector<std::string>& conflicts)
      : graph_(graph), instance_(instance), runs_(runs), conflicts_(conflicts) {}

  // Why a node is not ready, as those who need it tell it.
  std::string WhyNotReady(std::size_t number) const;
  NodeReport OfNode(std::size_t number) const;
  // State, readiness and message from the reports of all nodes.
  void Summarize(Outcome& outcome) const;

 private:
  // As the conditions tell it.
  Error CauseOf(std::size_t number) const;
  Wait WaitOf(std::size_t number) const;
  std::string Explain(const Outcome& outcome) const;

  const graph::Graph& graph_;
  const json::Value& instance_;
  const std::vector<Run>& runs_;
  const std::vector<std::string>& conflicts_;
};

}  // namespace kro::runtime
