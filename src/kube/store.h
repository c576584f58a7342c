// Store: the objects of one collection as last seen, with indexes.
//
// What the server tells later never gives way to what it told earlier: an event or list older than
// what is held (by resourceVersion, of the same UID) changes nothing. So the answer to a write of our
// own can be put in at once, and the watch event that repeats it has no effect.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kube/stored_object.h"

namespace kro::kube {

// What a call changed. `before` is null for an object that is new, `after` for one that is gone.
struct StoreChange {
  ObjectPtr before;
  ObjectPtr after;
};

// The values under which an index finds an object.
using IndexFunction = std::function<std::vector<std::string>(const StoredObject&)>;

// Thread-safe. Objects are shared and never change.
class Store {
 public:
  // Call before the first object is put in.
  void AddIndex(std::string name, IndexFunction values);

  enum class From { kWatch, kOwnWrite };
  // Puts an object in; no change if what is held is as new. An own write is also dropped if the watch
  // has already gone past it and no such object is there: it was deleted meanwhile.
  StoreChange Put(ObjectPtr object, From from);

  // Takes an object out, `last` being its last state.
  StoreChange Remove(ObjectPtr last);

  enum class Versions { kContinue, kStartOver };
  // Makes the contents those of a list made at `resource_version`. An object that is newer than the
  // list stays, unless versions start over (a restored server). One change for each difference.
  std::vector<StoreChange> Replace(std::vector<ObjectPtr> objects, std::string resource_version,
                                   Versions versions);

  // The watch has reached this version.
  void Advance(std::string resource_version);

  ObjectPtr Get(const ObjectKey& key) const;  // null if there is none
  std::vector<ObjectPtr> List() const;        // in order of keys
  std::vector<ObjectPtr> Find(std::string_view index, const std::string& value) const;
  std::size_t size() const;
  std::string resource_version() const;

 private:
  struct Index {
    IndexFunction values;
    std::unordered_map<std::string, std::map<ObjectKey, ObjectPtr>> entries;
  };

  // These expect mutex_ to be held.
  void Link(const ObjectPtr& object);
  void Unlink(const ObjectPtr& object);
  StoreChange PutLocked(ObjectPtr object);

  mutable std::mutex mutex_;
  std::map<ObjectKey, ObjectPtr> objects_;            // guarded by mutex_
  std::map<std::string, Index, std::less<>> indexes_;  // guarded by mutex_
  std::string resource_version_;                      // guarded by mutex_
};

}  // namespace kro::kube
