#include "runtime/deletion.h"

#include <algorithm>

namespace kro::runtime {

DeletionStep PlanDeletion(std::span<const Member> members, std::string_view apply_set) {
  const auto is_ours = [&](const Member& member) { return IsMemberOf(*member.object, apply_set); };
  DeletionStep step;
  for (const Member& member : members) {
    if (is_ours(member)) step.wave = std::max(step.wave, WaveOf(*member.object));
  }
  for (const Member& member : members) {
    if (!is_ours(member)) continue;
    Deletion deletion = DeletionOf(member);
    if (deletion.wave != step.wave) {
      ++step.later;
    } else if (IsTerminating(*member.object)) {
      step.terminating.push_back(DepartureOf(member));
    } else {
      step.deletions.push_back(std::move(deletion));
    }
  }
  return step;
}

}  // namespace kro::runtime
