// Deletion: what to delete next of an instance that is being deleted.
//
// Needs nothing but the live members of the apply set: no graph, no CEL, no external object.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "runtime/member.h"

namespace kro::runtime {

struct DeletionStep {
  int wave = 0;
  std::vector<Deletion> deletions;     // of the wave, to be sent now
  std::vector<Departure> terminating;  // of the wave, on their way; waited for
  std::size_t later = 0;               // members of lower waves

  // No member is left: the finalizer may go.
  bool IsDone() const { return deletions.empty() && terminating.empty(); }
};

// The highest wave among `members`, of which those that are none of the set are ignored. The next
// wave starts only when none of this one is left.
DeletionStep PlanDeletion(std::span<const Member> members, std::string_view apply_set);

}  // namespace kro::runtime
