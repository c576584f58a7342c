#include "kube/store.h"

#include <algorithm>

#include "kube/resource_version.h"

namespace kro::kube {
namespace {

// `a` is an earlier or the same version than `b`. False if they cannot be compared.
bool NotNewer(std::string_view a, std::string_view b);

}  // namespace

void Store::AddIndex(std::string name, IndexFunction values) {
  std::lock_guard lock(mutex_);
  indexes_.emplace(std::move(name), Index{std::move(values), {}});
}

StoreChange Store::Put(ObjectPtr object, From from) {
  std::lock_guard lock(mutex_);
  const auto held = objects_.find(object->key());
  const bool is_held = held != objects_.end();
  if (from == From::kWatch) resource_version_ = object->resource_version();
  if (is_held && held->uid() == object->uid() &&
      NotNewer(object->resource_version(), held->resource_version())) {
    return {};
  }
  if (from != From::kWatch) {
    // Of two namesakes the one with the later version is the one that exists.
    bool passed =
        from == From::kOwnWrite && NotNewer(object->resource_version(), resource_version_);
    bool replaced = is_held && held->uid() != object->uid() &&
                    NotNewer(object->resource_version(), held->resource_version());
    if ((!is_held && passed) || replaced) return {};
  }
  ObjectPtr before = PutLocked(*object);
  return {std::move(before), std::move(object)};
}

StoreChange Store::Remove(ObjectPtr last) {
  std::lock_guard lock(mutex_);
  if (!last->resource_version().empty()) resource_version_ = last->resource_version();
  const auto held = objects_.find(last->key());
  if (held == objects_.end()) return {};
  // The deletion of an earlier namesake says nothing about the one that is here.
  if (!last->uid().empty() && held->uid() != last->uid() &&
      NotNewer(last->resource_version(), held->resource_version())) {
    return {};
  }
  return {.before = Erase(held), .after = nullptr, .removed = std::move(last)};
}

void Store::Forget(const ObjectKey& key) {
  std::lock_guard lock(mutex_);
  if (const auto held = objects_.find(key); held != objects_.end()) Erase(held);
}

std::vector<StoreChange> Store::Replace(std::vector<ObjectPtr> objects,
                                        std::string resource_version, Versions versions) {
  std::lock_guard lock(mutex_);
  std::vector<StoreChange> changes;
  std::map<ObjectKey, ObjectPtr> next;
  for (ObjectPtr& object : objects) next.insert_or_assign(object->key(), std::move(object));
  for (auto held = objects_.begin(); held != objects_.end();) {
    const auto gone = held++;
    const auto [name_space, name] = gone->key();
    if (next.contains({std::string(name_space), std::string(name)})) continue;
    bool newer = CompareResourceVersions(gone->resource_version(), resource_version) > 0;
    if (versions == Versions::kContinue && newer) continue;
    changes.push_back({Erase(gone), nullptr});
  }
  for (auto& [key, object] : next) {
    const auto held = objects_.find(key);
    bool keep = held != objects_.end() && held->uid() == object->uid() &&
                (versions == Versions::kContinue
                     ? NotNewer(object->resource_version(), held->resource_version())
                     : object->resource_version() == held->resource_version());
    // The same state is shown otherwise where its kind has got other defaults or fields since.
    keep = keep && (object->resource_version() != held->resource_version() ||
                    object->value() == held->Unpack(pool_)->value());
    if (keep) continue;
    ObjectPtr before = PutLocked(*object);
    changes.push_back({std::move(before), std::move(object)});
  }
  resource_version_ = std::move(resource_version);
  return changes;
}

void Store::Advance(std::string resource_version) {
  std::lock_guard lock(mutex_);
  resource_version_ = std::move(resource_version);
}

bool Store::IsAsNew(const ObjectKey& key, std::string_view uid,
                    std::string_view resource_version) const {
  std::lock_guard lock(mutex_);
  const auto held = objects_.find(key);
  return held != objects_.end() && held->uid() == uid &&
         NotNewer(resource_version, held->resource_version());
}

ObjectPtr Store::Get(const ObjectKey& key) const {
  std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->Unpack(pool_);
}

std::vector<ObjectPtr> Store::List() const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectPtr> all;
  all.reserve(objects_.size());
  for (const PackedObject& object : objects_) all.push_back(object.Unpack(pool_));
  return all;
}

std::vector<ObjectPtr> Store::Find(std::string_view index, const std::string& value) const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectPtr> found;
  const auto chosen = indexes_.find(index);
  if (chosen == indexes_.end()) return found;
  const auto entry = chosen->second.entries.find(value);
  if (entry == chosen->second.entries.end()) return found;
  auto places = entry->second;
  std::ranges::sort(places, {}, [](const PackedObject* object) { return object->key(); });
  found.reserve(places.size());
  for (const PackedObject* object : places) found.push_back(object->Unpack(pool_));
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

ObjectPtr Store::PutLocked(const StoredObject& object) {
  PackedObject packed(object, pool_);
  const auto held = objects_.find(object.key());
  if (held == objects_.end()) {
    Link(*objects_.insert(std::move(packed)).first, object);
    return nullptr;
  }
  ObjectPtr before = held->Unpack(pool_);
  Unlink(*held, *before);
  held->Release(pool_);
  // The key is the same, so the place is.
  auto node = objects_.extract(held);
  node.value() = std::move(packed);
  Link(*objects_.insert(std::move(node)).position, object);
  return before;
}

ObjectPtr Store::Erase(Objects::iterator held) {
  ObjectPtr before = held->Unpack(pool_);
  Unlink(*held, *before);
  held->Release(pool_);
  objects_.erase(held);
  return before;
}

void Store::Link(const PackedObject& place, const StoredObject& object) {
  for (auto& [name, index] : indexes_) {
    for (std::string& value : index.values(object)) {
      auto& places = index.entries[std::move(value)];
      if (places.empty() || places.back() != &place) places.push_back(&place);
    }
  }
}

void Store::Unlink(const PackedObject& place, const StoredObject& object) {
  for (auto& [name, index] : indexes_) {
    for (const std::string& value : index.values(object)) {
      const auto entry = index.entries.find(value);
      if (entry == index.entries.end()) continue;
      std::erase(entry->second, &place);
      if (entry->second.empty()) index.entries.erase(entry);
    }
  }
}

namespace {

bool NotNewer(std::string_view a, std::string_view b) { return CompareResourceVersions(a, b) <= 0; }

}  // namespace
}  // namespace kro::kube
