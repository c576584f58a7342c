#include "kube/store.h"

#include "kube/resource_version.h"

namespace kro::kube {
namespace {

// `a` is an earlier or the same state of the object than `b`. False if the versions cannot be compared.
bool NotNewer(const StoredObject& a, const StoredObject& b);
// The same state, but shown otherwise: its kind has got other defaults or other fields since.
bool IsShownOtherwise(const StoredObject& a, const StoredObject& b);

}  // namespace

void Store::AddIndex(std::string name, IndexFunction values) {
  std::lock_guard lock(mutex_);
  indexes_.emplace(std::move(name), Index{std::move(values), {}});
}

StoreChange Store::Put(ObjectPtr object, From from) {
  std::lock_guard lock(mutex_);
  auto held = objects_.find(object->key());
  if (from == From::kWatch) resource_version_ = object->resource_version();
  if (held != objects_.end() && held->second->uid() == object->uid() &&
      NotNewer(*object, *held->second)) {
    return {};
  }
  if (from == From::kOwnWrite) {
    // Of two namesakes the one with the later version is the one that exists.
    bool passed = CompareResourceVersions(object->resource_version(), resource_version_) <= 0;
    bool replaced = held != objects_.end() && held->second->uid() != object->uid() &&
                    NotNewer(*object, *held->second);
    if ((held == objects_.end() && passed) || replaced) return {};
  }
  return PutLocked(std::move(object));
}

StoreChange Store::Remove(ObjectPtr last) {
  std::lock_guard lock(mutex_);
  if (!last->resource_version().empty()) resource_version_ = last->resource_version();
  auto held = objects_.find(last->key());
  if (held == objects_.end()) return {};
  // The deletion of an earlier namesake says nothing about the one that is here.
  if (!last->uid().empty() && held->second->uid() != last->uid() &&
      NotNewer(*last, *held->second)) {
    return {};
  }
  StoreChange change{held->second, nullptr};
  Unlink(held->second);
  objects_.erase(held);
  return change;
}

std::vector<StoreChange> Store::Replace(std::vector<ObjectPtr> objects,
                                        std::string resource_version, Versions versions) {
  std::lock_guard lock(mutex_);
  std::vector<StoreChange> changes;
  std::map<ObjectKey, ObjectPtr> next;
  for (ObjectPtr& object : objects) next.insert_or_assign(object->key(), std::move(object));
  for (auto held = objects_.begin(); held != objects_.end();) {
    ObjectPtr object = held->second;
    ++held;
    if (next.contains(object->key())) continue;
    bool newer = CompareResourceVersions(object->resource_version(), resource_version) > 0;
    if (versions == Versions::kContinue && newer) continue;
    changes.push_back({object, nullptr});
    Unlink(object);
    objects_.erase(object->key());
  }
  for (auto& [key, object] : next) {
    auto held = objects_.find(key);
    bool keep = held != objects_.end() && held->second->uid() == object->uid() &&
                (versions == Versions::kContinue
                     ? NotNewer(*object, *held->second)
                     : object->resource_version() == held->second->resource_version()) &&
                !IsShownOtherwise(*object, *held->second);
    if (!keep) changes.push_back(PutLocked(std::move(object)));
  }
  resource_version_ = std::move(resource_version);
  return changes;
}

void Store::Advance(std::string resource_version) {
  std::lock_guard lock(mutex_);
  resource_version_ = std::move(resource_version);
}

ObjectPtr Store::Get(const ObjectKey& key) const {
  std::lock_guard lock(mutex_);
  auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> Store::List() const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectPtr> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

std::vector<ObjectPtr> Store::Find(std::string_view index, const std::string& value) const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectPtr> found;
  auto chosen = indexes_.find(index);
  if (chosen == indexes_.end()) return found;
  auto entry = chosen->second.entries.find(value);
  if (entry == chosen->second.entries.end()) return found;
  for (const auto& [key, object] : entry->second) found.push_back(object);
  return found;
}

std::size_t Store::size() const {
  std::lock_guard lock(mutex_);
  return objects_.size();
}

std::string Store::resource_version() const {
  std::lock_guard lock(mutex_);
  return resource_version_;
}

StoreChange Store::PutLocked(ObjectPtr object) {
  StoreChange change{nullptr, object};
  auto [held, added] = objects_.try_emplace(object->key(), object);
  if (!added) {
    change.before = held->second;
    Unlink(held->second);
    held->second = object;
  }
  Link(object);
  return change;
}

void Store::Link(const ObjectPtr& object) {
  for (auto& [name, index] : indexes_) {
    for (std::string& value : index.values(*object)) {
      index.entries[std::move(value)].insert_or_assign(object->key(), object);
    }
  }
}

void Store::Unlink(const ObjectPtr& object) {
  for (auto& [name, index] : indexes_) {
    for (const std::string& value : index.values(*object)) {
      auto entry = index.entries.find(value);
      if (entry == index.entries.end()) continue;
      entry->second.erase(object->key());
      if (entry->second.empty()) index.entries.erase(entry);
    }
  }
}

namespace {

bool NotNewer(const StoredObject& a, const StoredObject& b) {
  return CompareResourceVersions(a.resource_version(), b.resource_version()) <= 0;
}

bool IsShownOtherwise(const StoredObject& a, const StoredObject& b) {
  return a.resource_version() == b.resource_version() && a.value() != b.value();
}

}  // namespace
}  // namespace kro::kube
