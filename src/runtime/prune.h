// Pruning: which members of an apply set left the graph, and in which order they go.
#pragma once

#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/member.h"

namespace kro::runtime {

struct PrunePlan {
  // One after another, the last applied first; inside a wave at once. A wave does not wait for the
  // objects of the one before to be gone.
  std::vector<std::vector<Deletion>> waves;
  // Left over too, but already on their way.
  std::vector<Departure> terminating;

  bool empty() const { return waves.empty() && terminating.empty(); }
};

// Only if the outcome says may_prune. `members` are those found live; what is none of the set (IsMemberOf)
// is left alone, as is what is in `desired`.
PrunePlan PlanPrune(std::span<const Member> members, const std::set<ObjectIdentity>& desired,
                    std::string_view apply_set);

}  // namespace kro::runtime
