#include "runtime/internal/report.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "api/constants.h"
#include "runtime/internal/seen.h"
#include "runtime/member.h"

namespace kro::runtime {

using graph::Node;
using graph::NodeType;

std::string Report::WhyNotReady(std::size_t number) const {
  const Run& run = runs_[number];
  const Node& node = graph_.nodes[number];
  if (run.state == NodeState::kPending || run.state == NodeState::kConflicting || !run.cause) {
    return node.type == NodeType::kCollection
               ? fmt::format("node \"{}\": collection not computed (waiting for readiness)",
                             node.id)
               : fmt::format("node \"{}\": no observed state: waiting for readiness", node.id);
  }
  return run.cause->message();
}

NodeReport Report::OfNode(std::size_t number) const {
  const Run& run = runs_[number];
  NodeReport report;
  report.node = number;
  report.state = run.state;
  report.desired = run.items.size();
  report.applied =
      static_cast<std::size_t>(std::ranges::count(run.items, Item::State::kDone, &Item::state));
  if (run.state == NodeState::kSynced || run.state == NodeState::kSkipped) return report;
  report.cause = CauseOf(number);
  const bool waits = run.state == NodeState::kPending || run.state == NodeState::kWaiting ||
                     run.state == NodeState::kTerminating;
  if (waits) report.wait = WaitOf(number);
  return report;
}

Error Report::CauseOf(std::size_t number) const {
  const Run& run = runs_[number];
  const Node& node = graph_.nodes[number];
  if (run.state == NodeState::kConflicting) {
    return Error(ErrorCode::kInvalid,
                 fmt::format("found resources with conflicts: {}", fmt::join(conflicts_, ", ")));
  }
  if (!run.cause) {
    return Error(ErrorCode::kPending, fmt::format("node \"{}\": not finished", node.id));
  }
  if (run.state != NodeState::kWaiting) return *run.cause;
  const std::string cause = run.cause->message();
  switch (node.type) {
    case NodeType::kExternal:
      return Error(ErrorCode::kPending,
                   fmt::format("waiting for external reference \"{}\": {}", node.id,
                               run.observed.empty() ? "not found" : cause));
    case NodeType::kExternalCollection:
      return Error(ErrorCode::kPending,
                   fmt::format("waiting for external collection \"{}\": {}", node.id, cause));
    case NodeType::kResource:
    case NodeType::kCollection:
      break;
  }
  return Error(ErrorCode::kPending, fmt::format("waiting for node \"{}\": {}", node.id, cause));
}

Wait Report::WaitOf(std::size_t number) const {
  const Run& run = runs_[number];
  Wait wait;
  wait.node = run.waits_for;
  if (wait.node) {
    const Node& node = graph_.nodes[*wait.node];
    const Run& awaited = runs_[*wait.node];
    wait.gvr = node.mapping.gvr;
    const std::size_t item = *wait.node == number ? run.wanting_item : 0;
    const bool is_one = !node.IsList() || *wait.node == number;
    if (awaited.reference != nullptr && !node.IsList()) {
      wait.ns = NamespaceOf(*awaited.reference);
      wait.name = NameOf(*awaited.reference);
    } else if (is_one && item < awaited.items.size()) {
      wait.ns = awaited.items[item].ns;
      wait.name = awaited.items[item].name;
      const LiveObject& live = awaited.items[item].observed;
      if (live != nullptr && IsTerminating(*live)) wait.finalizers = FinalizersOf(*live);
    }
  } else {
    wait.gvr = graph_.gvr;
    wait.ns = graph_.namespaced ? NamespaceOf(instance_) : std::string_view();
    wait.name = NameOf(instance_);
  }
  if (run.blocking == nullptr) return wait;

  wait.expression = run.blocking->text;
  std::vector<std::string> ids = {"schema", "each"};
  for (const Node& node : graph_.nodes) ids.push_back(node.id);
  wait.seen = ValuesSeen(wait.expression, ids, [&](std::string_view id) -> SeenObject {
    if (id == "schema") return {&instance_, nullptr};
    if (id == "each") {
      if (run.wanting_item >= run.observed.size()) return {};
      return {run.observed[run.wanting_item].get(), &graph_.nodes[number]};
    }
    const Node* node = graph_.Find(id);
    if (node == nullptr || node->IsList()) return {};
    const Run& read = runs_[static_cast<std::size_t>(node - graph_.nodes.data())];
    if (read.observed.empty()) return {};
    return {read.observed.front().get(), node};
  });
  return wait;
}

void Report::Summarize(Outcome& outcome) const {
  bool is_error = false;
  bool is_active = true;
  outcome.may_prune = true;
  for (const NodeReport& report : outcome.nodes) {
    const bool is_settled =
        report.state == NodeState::kSynced || report.state == NodeState::kSkipped;
    is_error = is_error || report.state == NodeState::kError;
    is_active = is_active && is_settled;
    const bool stands = is_settled || report.state == NodeState::kWaiting ||
                        runs_[report.node].failure == Run::Failure::kReadiness;
    outcome.may_prune = outcome.may_prune && stands;
  }
  outcome.state = is_error    ? api::state::kError
                  : is_active ? api::state::kActive
                              : api::state::kInProgress;
  outcome.ready = is_active;
  if (outcome.ready) return;
  outcome.reason = api::reason::kNotReady;
  outcome.message = Explain(outcome);

  const auto going = std::ranges::find(outcome.nodes, NodeState::kTerminating, &NodeReport::state);
  if (going == outcome.nodes.end() || is_error) return;
  outcome.reason = api::reason::kResourceDeleting;
  outcome.message = going->cause->message();
}

// Upstream's text for the first of these that applies: faults end its pass, so it tells nothing
// else.
std::string Report::Explain(const Outcome& outcome) const {
  std::vector<std::string> faults;
  std::vector<std::string> results;
  const NodeReport* pending = nullptr;
  bool has_failed_apply = false;
  for (const NodeReport& report : outcome.nodes) {
    const Run& run = runs_[report.node];
    if (run.failure == Run::Failure::kFault) {
      faults.push_back(report.cause->message());
    } else if (report.state == NodeState::kError || report.state == NodeState::kWaiting) {
      results.push_back(report.cause->message());
      has_failed_apply = has_failed_apply || report.state == NodeState::kError;
    } else if (report.state == NodeState::kPending && pending == nullptr) {
      pending = &report;
    }
  }
  constexpr std::string_view kPrefix = "resource reconciliation failed: ";
  const auto applied = [&] {
    return fmt::format("apply results contain errors: {}", fmt::join(results, "\n"));
  };
  if (!faults.empty()) {
    if (has_failed_apply) faults.push_back(applied());
    return fmt::format("{}{}", kPrefix, fmt::join(faults, "\n"));
  }
  if (!conflicts_.empty()) {
    return fmt::format("{}found resources with conflicts: {}", kPrefix,
                       fmt::join(conflicts_, ", "));
  }
  if (!results.empty()) return fmt::format("{}{}", kPrefix, applied());
  if (pending != nullptr) {
    return fmt::format("{}waiting for unresolved resource: gvr \"{}\": {}", kPrefix,
                       graph_.nodes[pending->node].mapping.gvr.ToString(),
                       pending->cause->message());
  }
  return "awaiting resource readiness";
}

}  // namespace kro::runtime
