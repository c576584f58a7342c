#include "controller/applied_fields.h"

#include "api/constants.h"
#include "base/hash.h"
#include "kube/field_set.h"

namespace kro::controller {
namespace {

// Exactly the fields of `desired` are owned.
bool OwnsExactly(const json::Value& object, const json::Value& desired);

// A hash of what kro owns in an object.
std::uint64_t OwnedFields(const json::Value& object);

}  // namespace

bool AppliedFields::Stand(const json::Value& live, const json::Value& desired,
                          const std::string& hash) const {
  const auto known = inexact_.find(std::string(json::FindString(live, {"metadata", "uid"})));
  if (known != inexact_.end() && known->second.hash == hash) {
    return known->second.fields == OwnedFields(live);
  }
  return OwnsExactly(live, desired);
}

void AppliedFields::Remember(const json::Value& answer, const json::Value& desired,
                             const std::string& hash) {
  std::string uid(json::FindString(answer, {"metadata", "uid"}));
  if (OwnsExactly(answer, desired)) {
    inexact_.erase(uid);
  } else {
    inexact_.insert_or_assign(std::move(uid), Inexact{hash, OwnedFields(answer)});
  }
}

namespace {

bool OwnsExactly(const json::Value& object, const json::Value& desired) {
  const auto entry = kube::FindApplyEntry(object, api::field_manager::kApplySet);
  return entry && *entry && (*entry)->fields.IsExactly(desired);
}

std::uint64_t OwnedFields(const json::Value& object) {
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return 0;
  std::uint64_t hash = 1;
  for (const json::Value& entry : entries->get_array()) {
    if (json::FindString(entry, {"manager"}) != api::field_manager::kApplySet) continue;
    if (json::FindString(entry, {"operation"}) != "Apply") continue;
    const json::Value* fields = json::Find(entry, "fieldsV1");
    if (fields != nullptr) hash = Hash64(json::Canonical(*fields), hash);
  }
  return hash;
}

}  // namespace
}  // namespace kro::controller
