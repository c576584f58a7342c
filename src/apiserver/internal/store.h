// Store: every object at its newest revision, and per collection the history that watches and
// consistent pages are served from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/stored_object.h"
#include "base/clock.h"

namespace kro::apiserver {

enum class ChangeType { kAdded, kModified, kDeleted };

struct Change {
  ChangeType type = ChangeType::kAdded;
  std::uint64_t revision = 0;
  StoredPtr object;    // as it became; of a deletion its last state
  StoredPtr previous;  // as it was before; nullptr for kAdded
  MonotonicTime when{};
};

// The objects of one resource in all its versions. Changed by the Store only.
class Collection {
 public:
  // By "<namespace>/<name>" or "<name>".
  using Objects = std::map<std::string, StoredPtr, std::less<>>;

  Collection(std::string group, std::string resource)
      : group_(std::move(group)), resource_(std::move(resource)) {}

  const std::string& group() const { return group_; }
  const std::string& resource() const { return resource_; }
  const Objects& objects() const { return objects_; }
  // nullptr if there is none.
  StoredPtr Find(std::string_view name_space, std::string_view name) const;

  // Whether all changes after `revision` are still known.
  bool Remembers(std::uint64_t revision) const { return revision >= forgotten_; }
  // The oldest revision that a watch can start from. It may be younger than what is remembered.
  std::uint64_t oldest() const { return std::max(forgotten_, watchable_); }
  // The first change after `revision`, or nullptr. The pointer is good until the next write.
  const Change* After(std::uint64_t revision) const;
  // The objects as they were at `revision`, which must be remembered.
  Objects At(std::uint64_t revision) const;

  static std::string Key(std::string_view name_space, std::string_view name);

 private:
  friend class Store;

  std::string group_;
  std::string resource_;
  Objects objects_;
  std::deque<Change> history_;
  std::uint64_t forgotten_ = 0;
  std::uint64_t watchable_ = 0;
};

class Store {
 public:
  // `clock` outlives the store.
  explicit Store(const Clock& clock) : clock_(clock) {}

  // Makes an empty one where there is none.
  Collection& Of(std::string_view group, std::string_view resource);

  // The revision of the last write.
  std::uint64_t revision() const { return revision_; }

  // Stores `object` in the place of what has its namespace and name, under the next revision.
  StoredPtr Put(Collection& collection, std::shared_ptr<StoredObject> object);
  // Removes the object; returns it as of its last revision. `final_state`, if given, is what the
  // deletion is said to have removed.
  void Remove(Collection& collection, const StoredObject& object,
              std::shared_ptr<StoredObject> final_state = nullptr);

  // Puts an object of an earlier run back: no change, and nobody is told. `object` has its revision.
  void PutBack(Collection& collection, StoredPtr object);
  // Goes on from this revision, the last of an earlier run; nothing before it is known.
  void GoOnFrom(std::uint64_t revision);
  void ForEach(const std::function<void(const Collection&, const StoredObject&)>& visit) const;

  // Watches of the collection start from here on, as those of a cache that was just filled.
  void BeginWatches(Collection& collection) const { collection.watchable_ = revision_; }

  // Forgets all history: watches and pages of older revisions are refused.
  void Compact();

  // Called after each write, with the change.
  void OnChange(std::function<void(Collection&, const Change&)> listener) {
    listeners_.push_back(std::move(listener));
  }

 private:
  void Commit(Collection& collection, Change change);

  const Clock& clock_;
  std::uint64_t revision_ = 1;
  std::uint64_t first_revision_ = 0;  // nothing before it is known
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Collection>> collections_;
  std::vector<std::function<void(Collection&, const Change&)>> listeners_;
};

}  // namespace kro::apiserver
