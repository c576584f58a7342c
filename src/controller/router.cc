#include "controller/router.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "api/constants.h"
#include "base/hash.h"
#include "controller/apply_set.h"
#include "json/value.h"

namespace kro::controller {
namespace {

// Whether `after` has all members of `metadata.<map>` of which the key is one of those, as they were.
bool KeepsEntries(const json::Value& before, const json::Value& after, std::string_view map,
                  bool (*is_one)(std::string_view key));
bool IsMark(std::string_view key);
// What a user may ask kro by.
bool IsWish(std::string_view key);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// Equal, or neither is there.
bool Same(const json::Value* a, const json::Value* b);
// Equal but for metadata.resourceVersion.
bool SameKept(const json::Value& before, const json::Value& after);
bool SameMetadata(const json::Value& before, const json::Value& after);

}  // namespace

bool InstanceNeedsLook(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
  if (before == nullptr || after == nullptr || MovedOn(*before, *after)) return true;
  const json::Value& was = before->value();
  const json::Value& is = after->value();
  return IsSuspended(was) != IsSuspended(is) || !KeepsEntries(was, is, "annotations", IsWish) ||
         !KeepsEntries(is, was, "annotations", IsWish);
}

bool MarksWereTouched(const kube::StoredObject& before, const kube::StoredObject& after) {
  const json::Value& was = before.value();
  const json::Value& is = after.value();
  return (HasFinalizer(was) && !HasFinalizer(is)) || !KeepsEntries(was, is, "labels", IsMark) ||
         !KeepsEntries(was, is, "annotations", IsMark);
}

bool StatusDiffers(const kube::StoredObject& before, const kube::StoredObject& after) {
  return !Same(json::Find(before.value(), "status"), json::Find(after.value(), "status"));
}

bool MovedOn(const kube::StoredObject& before, const kube::StoredObject& after) {
  return before.uid() != after.uid() || before.IsDeleting() != after.IsDeleting() ||
         !Same(json::Find(before.value(), {"metadata", "generation"}),
               json::Find(after.value(), {"metadata", "generation"}));
}

bool IsSuspended(const json::Value& instance) {
  const std::string_view value =
      json::FindString(instance, {"metadata", "annotations", api::annotation::kReconcile});
  return EqualsIgnoringCase(value, "suspended") || EqualsIgnoringCase(value, "disabled");
}

std::uint64_t WishOf(const json::Value& instance) {
  const json::Value* generation = json::Find(instance, {"metadata", "generation"});
  std::uint64_t wish = generation == nullptr ? 0 : Hash64(json::Canonical(*generation));
  const json::Value* annotations = json::Find(instance, {"metadata", "annotations"});
  if (annotations == nullptr || !annotations->is_object()) return wish;
  for (const auto& entry : annotations->get_object()) {
    // Added up: their order says nothing.
    if (IsWish(entry.key())) wish += Hash64(json::Canonical(entry.value()), Hash64(entry.key()));
  }
  return wish;
}

bool ObjectDiffers(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
  if (before == nullptr || after == nullptr) return before != after;
  return !SameKept(before->value(), after->value());
}

std::optional<kube::ObjectKey> InstanceOf(const kube::StoredObject& child,
                                          const api::GroupKind& kind) {
  if (child.Label(api::label::kInstanceKind) != kind.kind ||
      child.Label(api::label::kInstanceGroup) != kind.group) {
    return std::nullopt;
  }
  return kube::ObjectKey{std::string(child.Label(api::label::kInstanceNamespace)),
                         std::string(child.Label(api::label::kInstanceName))};
}

namespace {

bool KeepsEntries(const json::Value& before, const json::Value& after, std::string_view map,
                  bool (*is_one)(std::string_view key)) {
  const json::Value* was = json::Find(before, {"metadata", map});
  const json::Value* is = json::Find(after, {"metadata", map});
  if (was == nullptr || !was->is_object()) return true;
  return std::ranges::all_of(was->get_object(), [&](const auto& entry) {
    if (!is_one(entry.key())) return true;
    const json::Value* other = is == nullptr ? nullptr : json::Find(*is, entry.key());
    return other != nullptr && *other == entry.value();
  });
}

bool IsMark(std::string_view key) {
  return key.starts_with(api::kLabelPrefix) || key.starts_with(api::kInternalLabelPrefix) ||
         key.starts_with("applyset.kubernetes.io/");
}

bool IsWish(std::string_view key) { return key.starts_with(api::kLabelPrefix); }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool Same(const json::Value* a, const json::Value* b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

bool SameKept(const json::Value& before, const json::Value& after) {
  if (!before.is_object() || !after.is_object()) return before == after;
  if (before.get_object().size() != after.get_object().size()) return false;
  return std::ranges::all_of(before.get_object(), [&](const auto& member) {
    const json::Value* other = json::Find(after, member.key());
    if (other == nullptr) return false;
    return member.key() == "metadata" ? SameMetadata(member.value(), *other)
                                      : member.value() == *other;
  });
}

bool SameMetadata(const json::Value& before, const json::Value& after) {
  if (!before.is_object() || !after.is_object()) return before == after;
  if (before.get_object().size() != after.get_object().size()) return false;
  return std::ranges::all_of(before.get_object(), [&](const auto& member) {
    const json::Value* other = json::Find(after, member.key());
    return other != nullptr && (member.key() == "resourceVersion" || member.value() == *other);
  });
}

}  // namespace
}  // namespace kro::controller
