#include "controller/apply_set.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/constants.h"

namespace kro::controller {
namespace {

api::Labels StringsOf(const json::Value& object, std::string_view map);
bool HasAll(const api::Labels& live, const api::Labels& wanted);
bool HasAnyInventory(const api::Labels& labels, const api::Labels& annotations);
json::Object ToJson(const api::Labels& labels);
api::Inventory InventoryOf(const api::ApplySetParent& parent,
                           const runtime::ApplySetContent& content);

}  // namespace

api::Labels LabelsOf(const json::Value& object) { return StringsOf(object, "labels"); }

api::Labels AnnotationsOf(const json::Value& object) { return StringsOf(object, "annotations"); }

bool HasFinalizer(const json::Value& object) {
  const json::Value* finalizers = json::Find(object, {"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->is_array()) return false;
  return std::ranges::any_of(finalizers->get_array(), [](const json::Value& finalizer) {
    return finalizer.is_string() && std::string_view(finalizer.get_string()) == api::kFinalizer;
  });
}

api::ApplySetParent ParentOf(const InstanceApi& api, const json::Value& instance) {
  return {.name = std::string(json::FindString(instance, {"metadata", "name"})),
          .ns = std::string(json::FindString(instance, {"metadata", "namespace"})),
          .kind = api.gvk.kind,
          .group = api.gvk.group};
}

Result<ApplySet> ApplySet::Open(const InstanceApi& api, const json::Value& instance,
                                std::string_view version) {
  const api::Labels labels = LabelsOf(instance);
  const api::Labels annotations = AnnotationsOf(instance);
  const bool managed = HasFinalizer(instance);

  ApplySet set;
  set.gvk_ = api.gvk;
  set.parent_ = ParentOf(api, instance);
  set.uid_ = json::FindString(instance, {"metadata", "uid"});
  set.labels_ = api::SystemLabels(version);
  set.labels_.merge(api::RgdLabels(api.rgd_name, api.rgd_uid));
  set.tooling_ = api::Tooling(version);

  if (HasAnyInventory(labels, annotations)) {
    auto content = managed ? api::ParseInventory(annotations)
                           : api::CheckInventory(set.parent_, labels, annotations);
    if (!content && !managed) {
      return Annotate(content,
                      "cannot install finalizer with invalid ApplySet inventory; repair the "
                      "metadata, or remove it only after confirming no managed members remain");
    }
    // An instance whose inventory was cut down to less than it takes to read it starts a new one;
    // what it listed is found again through the kinds of the graph.
    const bool unreadable = !content &&
                            annotations.contains(api::annotation::kContainsGroupKinds) &&
                            annotations.contains(api::annotation::kAdditionalNamespaces);
    if (unreadable) return Annotate(content, "project failed");
    if (content) {
      set.remembered_.group_kinds.insert(content->group_kinds.begin(), content->group_kinds.end());
      set.remembered_.namespaces.insert(content->namespaces.begin(), content->namespaces.end());
    }
  }

  const api::Inventory stored = InventoryOf(set.parent_, set.remembered_);
  const auto tooling = annotations.find(api::annotation::kTooling);
  set.needs_marks_ = !managed || !HasAll(labels, set.labels_) || !HasAll(labels, stored.labels) ||
                     !HasAll(annotations, stored.annotations) || tooling == annotations.end() ||
                     tooling->second != set.tooling_;
  return set;
}

bool ApplySet::Covers(const runtime::ApplySetContent& content) const {
  return std::ranges::includes(remembered_.group_kinds, content.group_kinds) &&
         std::ranges::includes(remembered_.namespaces, content.namespaces);
}

json::Value ApplySet::Write(const runtime::ApplySetContent& content) const {
  api::Inventory inventory = InventoryOf(parent_, content);
  inventory.annotations.insert_or_assign(std::string(api::annotation::kTooling), tooling_);
  inventory.labels.insert(labels_.begin(), labels_.end());
  json::Object metadata;
  metadata["name"] = parent_.name;
  if (!parent_.ns.empty()) metadata["namespace"] = parent_.ns;
  metadata["uid"] = uid_;
  metadata["labels"] = ToJson(inventory.labels);
  metadata["annotations"] = ToJson(inventory.annotations);
  metadata["finalizers"] = json::Array{json::Value(api::kFinalizer)};
  json::Object object;
  object["apiVersion"] = gvk_.ApiVersion();
  object["kind"] = gvk_.kind;
  object["metadata"] = std::move(metadata);
  return object;
}

runtime::ApplySetContent Union(runtime::ApplySetContent a, const runtime::ApplySetContent& b) {
  a.group_kinds.insert(b.group_kinds.begin(), b.group_kinds.end());
  a.namespaces.insert(b.namespaces.begin(), b.namespaces.end());
  return a;
}

namespace {

api::Labels StringsOf(const json::Value& object, std::string_view map) {
  api::Labels labels;
  const json::Value* found = json::Find(object, {"metadata", map});
  if (found == nullptr || !found->is_object()) return labels;
  for (const auto& [key, value] : found->get_object()) {
    if (value.is_string()) labels.emplace(key, value.get_string());
  }
  return labels;
}

bool HasAll(const api::Labels& live, const api::Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = live.find(label.first);
    return found != live.end() && found->second == label.second;
  });
}

bool HasAnyInventory(const api::Labels& labels, const api::Labels& annotations) {
  return labels.contains(api::label::kApplySetId) ||
         annotations.contains(api::annotation::kTooling) ||
         annotations.contains(api::annotation::kContainsGroupKinds) ||
         annotations.contains(api::annotation::kAdditionalNamespaces) ||
         annotations.contains(api::annotation::kInventoryHash);
}

json::Object ToJson(const api::Labels& labels) {
  json::Object object;
  for (const auto& [key, value] : labels) object[key] = value;
  return object;
}

api::Inventory InventoryOf(const api::ApplySetParent& parent,
                           const runtime::ApplySetContent& content) {
  return api::MakeInventory(parent, {content.group_kinds.begin(), content.group_kinds.end()},
                            {content.namespaces.begin(), content.namespaces.end()});
}

}  // namespace
}  // namespace kro::controller
