#include "runtime/prune.h"

#include <functional>
#include <map>

namespace kro::runtime {
namespace {

ObjectIdentity IdentityOf(const Member& member);

}  // namespace

PrunePlan PlanPrune(std::span<const Member> members, const std::set<ObjectIdentity>& desired,
                    std::string_view apply_set) {
  PrunePlan plan;
  std::map<int, std::vector<Deletion>, std::greater<>> waves;
  for (const Member& member : members) {
    if (!IsMemberOf(*member.object, apply_set)) continue;
    if (desired.contains(IdentityOf(member))) continue;
    if (IsTerminating(*member.object)) {
      plan.terminating.push_back(DepartureOf(member));
      continue;
    }
    Deletion deletion = DeletionOf(member);
    waves[deletion.wave].push_back(std::move(deletion));
  }
  for (auto& [wave, deletions] : waves) plan.waves.push_back(std::move(deletions));
  return plan;
}

namespace {

ObjectIdentity IdentityOf(const Member& member) {
  return {{member.gvk.group, member.gvk.kind},
          std::string(NamespaceOf(*member.object)),
          std::string(NameOf(*member.object))};
}

}  // namespace
}  // namespace kro::runtime
