#include "runtime/member.h"

#include <charconv>

#include "api/constants.h"

namespace kro::runtime {
namespace {

constexpr std::string_view kPartOfField = "f:applyset.kubernetes.io/part-of";

}  // namespace

Deletion DeletionOf(const Member& member) {
  const json::Value& object = *member.object;
  return {member.gvr,
          std::string(NamespaceOf(object)),
          std::string(NameOf(object)),
          std::string(UidOf(object)),
          std::string(LabelOf(object, api::label::kNodeId)),
          WaveOf(object)};
}

Departure DepartureOf(const Member& member) {
  const json::Value& object = *member.object;
  auto since = api::ParseTimestamp(json::FindString(object, {"metadata", "deletionTimestamp"}));
  // The server writes when the grace period will be over.
  const json::Value* grace = json::Find(object, {"metadata", "deletionGracePeriodSeconds"});
  if (since && grace != nullptr && grace->is_int64()) {
    *since -= std::chrono::seconds(grace->get_int64());
  }
  return {member.gvr, std::string(NamespaceOf(object)), std::string(NameOf(object)), since,
          FinalizersOf(object)};
}

std::vector<std::string> FinalizersOf(const json::Value& object) {
  std::vector<std::string> finalizers;
  const json::Value* list = json::Find(object, {"metadata", "finalizers"});
  if (list == nullptr || !list->is_array()) return finalizers;
  for (const json::Value& finalizer : list->get_array()) {
    if (finalizer.is_string()) finalizers.emplace_back(finalizer.get_string());
  }
  return finalizers;
}

bool IsMemberOf(const json::Value& object, std::string_view apply_set) {
  if (LabelOf(object, api::label::kPartOf) != apply_set) return false;
  bool has_owner = false;
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries != nullptr && entries->is_array()) {
    for (const json::Value& entry : entries->get_array()) {
      if (!json::Find(entry, {"fieldsV1", "f:metadata", "f:labels", kPartOfField})) continue;
      has_owner = true;
      if (json::FindString(entry, {"manager"}) == api::field_manager::kApplySet &&
          json::FindString(entry, {"operation"}) == "Apply") {
        return true;
      }
    }
  }
  return !has_owner && !AnnotationOf(object, api::annotation::kDesiredHash).empty();
}

int WaveOf(const json::Value& object) {
  const std::string_view text = AnnotationOf(object, api::annotation::kApplyOrder);
  int wave = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wave);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && wave > 0 ? wave : 0;
}

}  // namespace kro::runtime
