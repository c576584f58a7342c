#include "runtime/member.h"

#include <algorithm>
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

bool IsMemberOf(const json::Value& object, std::string_view apply_set) {
  if (LabelOf(object, api::label::kPartOf) != apply_set) return false;
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return false;
  return std::ranges::any_of(entries->get_array(), [](const json::Value& entry) {
    return json::FindString(entry, {"manager"}) == api::field_manager::kApplySet &&
           json::FindString(entry, {"operation"}) == "Apply" &&
           json::Find(entry, {"fieldsV1", "f:metadata", "f:labels", kPartOfField}) != nullptr;
  });
}

int WaveOf(const json::Value& object) {
  const std::string_view text = AnnotationOf(object, api::annotation::kApplyOrder);
  int wave = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wave);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && wave > 0 ? wave : 0;
}

}  // namespace kro::runtime
