#include "apiserver/controllers/garbage_collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/internal/deletion.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kOrphan = "orphan";
// For owners whose kind is not served (yet).
constexpr auto kRetry = std::chrono::seconds(5);

std::string CollectorKey(const Collection& collection, const StoredObject& object);
bool Has(const StoredObject& object, std::string_view finalizer);

}  // namespace

void GarbageCollector::Observe(const Collection& collection, const Change& change,
                               const Enqueue& enqueue) {
  const std::string key = CollectorKey(collection, *change.object);
  if (change.previous != nullptr) {
    for (const OwnerReference& owner : change.previous->owners) {
      auto known = dependents_.find(owner.uid);
      if (known == dependents_.end()) continue;
      known->second.erase(key);
      if (known->second.empty()) dependents_.erase(known);
    }
  }
  if (change.type != ChangeType::kDeleted) {
    uids_.insert(change.object->uid);
    for (const OwnerReference& owner : change.object->owners) dependents_[owner.uid].insert(key);
    const bool finalizes = change.object->terminating() &&
                           (Has(*change.object, kForeground) || Has(*change.object, kOrphan));
    if (finalizes || !change.object->owners.empty()) enqueue(key);
  } else {
    uids_.erase(change.object->uid);
    // Its dependents lost an owner, its owners a dependent.
    if (auto known = dependents_.find(change.object->uid); known != dependents_.end()) {
      for (const std::string& dependent : known->second) enqueue(dependent);
    }
  }
  for (const OwnerReference& reference : change.object->owners) {
    auto parsed = api::GroupVersion::Parse(reference.api_version);
    if (!parsed) continue;
    ResourcePtr kind = core_.registry.FindKind(parsed->group, parsed->version, reference.kind);
    if (kind == nullptr) continue;
    StoredPtr owner = core_.CollectionOf(*kind).Find(
        kind->namespaced() ? change.object->name_space : "", reference.name);
    if (owner != nullptr && owner->terminating() && owner->uid == reference.uid) {
      enqueue(CollectorKey(core_.CollectionOf(*kind), *owner));
    }
  }
}

std::optional<Duration> GarbageCollector::Reconcile(const std::string& key) {
  auto place = Find(key);
  if (!place) return std::nullopt;
  if (place->object->terminating()) {
    if (auto again = Finalize(*place)) return again;
    place = Find(key);
    if (!place || place->object->terminating()) return std::nullopt;
  }
  if (place->object->owners.empty()) return std::nullopt;
  return JudgeDependent(*place);
}

std::optional<GarbageCollector::Place> GarbageCollector::Find(const std::string& key) const {
  std::size_t bar = key.find('|');
  std::size_t slash = key.find('/');
  std::string group = key.substr(0, slash);
  std::string resource_name = key.substr(slash + 1, bar - slash - 1);
  ResourcePtr resource = core_.registry.FindInAnyVersion(group, resource_name);
  if (resource == nullptr) return std::nullopt;
  auto [name_space, name] = SplitKey(std::string_view(key).substr(bar + 1));
  StoredPtr object = core_.CollectionOf(*resource).Find(name_space, name);
  if (object == nullptr) return std::nullopt;
  return Place{std::move(resource), std::move(object)};
}

// The verdicts of section 7.3. An owner is looked for where the dependent is.
GarbageCollector::Owner GarbageCollector::Judge(const StoredObject& dependent,
                                                const OwnerReference& reference,
                                                bool& foreign) const {
  auto parsed = api::GroupVersion::Parse(reference.api_version);
  if (!parsed) return Owner::kUnknown;
  ResourcePtr kind = core_.registry.FindKind(parsed->group, parsed->version, reference.kind);
  if (kind == nullptr) return Owner::kUnknown;
  if (kind->namespaced() && dependent.name_space.empty()) {
    foreign = true;
    return Owner::kUnknown;
  }
  const Collection& collection = core_.CollectionOf(*kind);
  StoredPtr owner = collection.Find(kind->namespaced() ? dependent.name_space : "", reference.name);
  if (owner == nullptr || owner->uid != reference.uid) {
    foreign = uids_.contains(reference.uid);
    return Owner::kAbsent;
  }
  if (owner->terminating() && Has(*owner, kForeground) && reference.block_owner_deletion) {
    return Owner::kWaiting;
  }
  return Owner::kSolid;
}

std::optional<Duration> GarbageCollector::Finalize(const Place& owner) {
  std::set<std::string> dependents;
  if (auto known = dependents_.find(owner.object->uid); known != dependents_.end()) {
    dependents = known->second;
  }
  if (Has(*owner.object, kOrphan)) {
    for (const std::string& key : dependents) {
      if (auto dependent = Find(key)) RemoveReferences(*dependent, {owner.object->uid});
    }
    RemoveFinalizer(owner, kOrphan);
    return std::nullopt;
  }
  if (!Has(*owner.object, kForeground)) return std::nullopt;
  bool blocked = false;
  for (const std::string& key : dependents) {
    auto dependent = Find(key);
    if (!dependent) continue;
    if (!dependent->object->terminating()) static_cast<void>(JudgeDependent(*dependent));
    dependent = Find(key);
    if (!dependent) continue;
    for (const OwnerReference& reference : dependent->object->owners) {
      blocked = blocked || (reference.uid == owner.object->uid && reference.block_owner_deletion);
    }
  }
  if (!blocked) RemoveFinalizer(owner, kForeground);
  return std::nullopt;
}

std::optional<Duration> GarbageCollector::JudgeDependent(const Place& dependent) {
  std::set<std::string> dangling;
  bool solid = false;
  bool waiting = false;
  for (const OwnerReference& reference : dependent.object->owners) {
    bool foreign = false;
    switch (Judge(*dependent.object, reference, foreign)) {
      case Owner::kSolid:
        solid = true;
        break;
      case Owner::kAbsent:
        dangling.insert(reference.uid);
        break;
      case Owner::kWaiting:
        waiting = true;
        dangling.insert(reference.uid);
        break;
      case Owner::kUnknown:
        if (foreign) WarnOfForeignOwner(dependent, reference);
        return foreign ? std::nullopt : std::optional<Duration>(kRetry);
    }
    if (foreign) WarnOfForeignOwner(dependent, reference);
  }
  if (solid) {
    if (!dangling.empty()) RemoveReferences(dependent, dangling);
    return std::nullopt;
  }
  DeleteOptions options;
  options.uid = dependent.object->uid;
  options.resource_version = std::to_string(dependent.object->revision);
  const bool own_dependents = dependents_.contains(dependent.object->uid);
  if (waiting && own_dependents) {
    options.propagation = "Foreground";
  } else if (Has(*dependent.object, kForeground)) {
    options.propagation = "Foreground";
  } else if (Has(*dependent.object, kOrphan)) {
    options.propagation = "Orphan";
  } else {
    options.propagation = "Background";
  }
  static_cast<void>(Delete(core_, *dependent.resource, dependent.object->name_space,
                           dependent.object->name, options));
  return std::nullopt;
}

void GarbageCollector::RemoveReferences(const Place& dependent, const std::set<std::string>& uids) {
  json::Value object = ObjectValue(*dependent.resource, *dependent.object);
  json::Array kept;
  for (const json::Value& reference : ArrayAt(object, {"metadata", "ownerReferences"})) {
    if (!uids.contains(std::string(StringAt(reference, {"uid"})))) kept.push_back(reference);
  }
  json::Object& metadata = MetadataOf(object);
  if (kept.empty()) {
    metadata.erase("ownerReferences");
  } else {
    metadata["ownerReferences"] = std::move(kept);
  }
  static_cast<void>(client_.Update(
      {dependent.resource->group, dependent.resource->version, dependent.resource->name}, object));
}

void GarbageCollector::RemoveFinalizer(const Place& place, std::string_view finalizer) {
  json::Value object = ObjectValue(*place.resource, *place.object);
  json::Array kept;
  for (const json::Value& other : ArrayAt(object, {"metadata", "finalizers"})) {
    if (other != json::Value(finalizer)) kept.push_back(other);
  }
  MetadataOf(object)["finalizers"] = std::move(kept);
  static_cast<void>(client_.Update(
      {place.resource->group, place.resource->version, place.resource->name}, object));
}

void GarbageCollector::WarnOfForeignOwner(const Place& dependent, const OwnerReference& reference) {
  const StoredObject& object = *dependent.object;
  const std::string name_space = object.name_space.empty() ? "default" : object.name_space;
  json::Object event;
  event["apiVersion"] = "v1";
  event["kind"] = "Event";
  json::Object& metadata = Child(event, "metadata");
  metadata["name"] = fmt::format("{}.{}", object.name, core_.ids.Suffix(10));
  metadata["namespace"] = name_space;
  json::Object& about = Child(event, "involvedObject");
  about["apiVersion"] = dependent.resource->ApiVersion();
  about["kind"] = dependent.resource->kind;
  about["name"] = object.name;
  about["uid"] = object.uid;
  if (!object.name_space.empty()) about["namespace"] = object.name_space;
  event["type"] = "Warning";
  event["reason"] = "OwnerRefInvalidNamespace";
  event["message"] = fmt::format(
      "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace \"{}\"",
      reference.api_version, reference.kind, object.name_space, reference.name, reference.uid,
      object.name_space);
  event["count"] = 1;
  event["firstTimestamp"] = client_.Now();
  event["lastTimestamp"] = client_.Now();
  Child(event, "source")["component"] = "garbage-collector-controller";
  static_cast<void>(client_.Create({"", "v1", "events"}, name_space, event));
}

namespace {

std::string CollectorKey(const Collection& collection, const StoredObject& object) {
  return fmt::format("{}/{}|{}", collection.group(), collection.resource(), KeyOf(object));
}

bool Has(const StoredObject& object, std::string_view finalizer) {
  return std::ranges::find(object.finalizers, finalizer) != object.finalizers.end();
}

}  // namespace
}  // namespace kro::apiserver
