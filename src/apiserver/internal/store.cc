#include "apiserver/internal/store.h"

#include <algorithm>
#include <chrono>

namespace kro::apiserver {
namespace {

// What a real server keeps at least (spec section 6.3), and a bound for bursts.
constexpr auto kHistoryAge = std::chrono::seconds(75);
constexpr std::size_t kHistoryLeast = 100;
constexpr std::size_t kHistoryMost = 20'000;

}  // namespace

StoredPtr Collection::Find(std::string_view name_space, std::string_view name) const {
  auto found = objects_.find(Key(name_space, name));
  return found == objects_.end() ? nullptr : found->second;
}

const Change* Collection::After(std::uint64_t revision) const {
  auto found = std::ranges::upper_bound(history_, revision, {}, &Change::revision);
  return found == history_.end() ? nullptr : &*found;
}

Collection::Objects Collection::At(std::uint64_t revision) const {
  Objects objects = objects_;
  for (auto change = history_.rbegin(); change != history_.rend(); ++change) {
    if (change->revision <= revision) break;
    std::string key = Key(change->object->name_space, change->object->name);
    if (change->previous == nullptr) {
      objects.erase(key);
    } else {
      objects[key] = change->previous;
    }
  }
  return objects;
}

std::string Collection::Key(std::string_view name_space, std::string_view name) {
  std::string key(name_space);
  if (!key.empty()) key += '/';
  return key += name;
}

Collection& Store::Of(std::string_view group, std::string_view resource) {
  auto& slot = collections_[{std::string(group), std::string(resource)}];
  if (!slot) {
    slot = std::make_unique<Collection>(std::string(group), std::string(resource));
    slot->forgotten_ = first_revision_;
  }
  return *slot;
}

StoredPtr Store::Put(Collection& collection, std::shared_ptr<StoredObject> object) {
  object->revision = ++revision_;
  StoredPtr& slot = collection.objects_[Collection::Key(object->name_space, object->name)];
  StoredPtr previous = std::exchange(slot, std::move(object));
  StoredPtr now = slot;
  Commit(collection, {previous ? ChangeType::kModified : ChangeType::kAdded, revision_, now,
                      std::move(previous), clock_.Monotonic()});
  return now;
}

void Store::Remove(Collection& collection, const StoredObject& object,
                   std::shared_ptr<StoredObject> final_state) {
  auto found = collection.objects_.find(Collection::Key(object.name_space, object.name));
  if (found == collection.objects_.end()) return;
  StoredPtr previous = std::move(found->second);
  collection.objects_.erase(found);
  ++revision_;
  StoredPtr last = final_state ? StoredPtr(std::move(final_state)) : previous;
  Commit(collection, {ChangeType::kDeleted, revision_, std::move(last), std::move(previous),
                      clock_.Monotonic()});
}

void Store::PutBack(Collection& collection, StoredPtr object) {
  std::string key = Collection::Key(object->name_space, object->name);
  collection.objects_.insert_or_assign(std::move(key), std::move(object));
}

void Store::GoOnFrom(std::uint64_t revision) {
  revision_ = first_revision_ = revision;
  Compact();
}

void Store::ForEach(
    const std::function<void(const Collection&, const StoredObject&)>& visit) const {
  for (const auto& [name, collection] : collections_) {
    for (const auto& [key, object] : collection->objects()) visit(*collection, *object);
  }
}

void Store::Compact() {
  for (auto& [name, collection] : collections_) {
    collection->history_.clear();
    collection->forgotten_ = revision_;
  }
}

void Store::Commit(Collection& collection, Change change) {
  auto& history = collection.history_;
  const MonotonicTime now = change.when;
  history.push_back(change);
  while (history.size() > kHistoryMost ||
         (history.size() > kHistoryLeast && history.front().when + kHistoryAge < now)) {
    collection.forgotten_ = history.front().revision;
    history.pop_front();
  }
  for (const auto& listener : listeners_) listener(collection, change);
}

}  // namespace kro::apiserver
