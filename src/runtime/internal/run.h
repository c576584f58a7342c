// Run: what is known of one node in a pass, and of its objects.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "json/value.h"
#include "runtime/live_object.h"
#include "runtime/outcome.h"

namespace kro::runtime {

// One object of a managed node.
struct Item {
  enum class State { kRendered, kIssued, kDone, kTerminating, kFailed };
  State state = State::kRendered;
  json::Value* desired = nullptr;
  std::string_view ns;
  std::string_view name;
  std::string_view hash;
  LiveObject live;      // before the apply
  LiveObject observed;  // after it
  std::optional<Error> error;
};

// What is known of a node in this pass.
struct Run {
  enum class Phase { kUndecided, kRendered, kIssued, kConcluded };
  // How a failure is told: upstream ends the pass at some, and tells only them.
  enum class Failure { kNone, kFault, kApply, kReadiness };

  Phase phase = Phase::kUndecided;
  NodeState state = NodeState::kInProgress;
  Failure failure = Failure::kNone;
  std::optional<Error> cause;
  std::vector<Item> items;
  std::size_t open = 0;  // unanswered actions
  std::vector<LiveObject> observed;
  json::Value* reference = nullptr;  // of an external node

  // What it waits for.
  std::optional<std::size_t> waits_for;
  const graph::Expression* blocking = nullptr;
  std::size_t wanting_item = 0;
};

}  // namespace kro::runtime
