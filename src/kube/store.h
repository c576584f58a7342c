// Store: the objects of one collection as last seen, with indexes.
//
// What the server tells later never gives way to what it told earlier: an event or list older than
// what is held (by resourceVersion, of the same UID) changes nothing. So the answer to a write of our
// own can be put in at once, and the watch event that repeats it has no effect.
//
// Objects are held packed, at a small part of their size as JSON values, and unpacked for whoever asks.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kube/internal/packed_object.h"
#include "kube/stored_object.h"

namespace kro::kube {

// What a call changed. `before` is null for an object that is new, `after` for one that is gone; `removed` is the
// state in which the server removed it, null where that was missed.
struct StoreChange {
  ObjectPtr before;
  ObjectPtr after;
  ObjectPtr removed = nullptr;
};

// The values under which an index finds an object.
using IndexFunction = std::function<std::vector<std::string>(const StoredObject&)>;

// Thread-safe.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Call before the first object is put in.
  void AddIndex(std::string name, IndexFunction values);

  enum class From { kWatch, kOwnWrite, kRead };
  // Puts an object in; no change if what is held is as new. An own write is also dropped if the watch
  // has already gone past it and no such object is there: it was deleted meanwhile. Of what is read
  // because the watch passed it over, that cannot be told here: see Informer::EndRead.
  StoreChange Put(ObjectPtr object, From from);

  // Takes an object out, `last` being its last state.
  StoreChange Remove(ObjectPtr last);

  // Takes an object out that is still there, but not wanted any more.
  void Forget(const ObjectKey& key);

  enum class Versions { kContinue, kStartOver };
  // Makes the contents those of a list made at `resource_version`. An object that is newer than the
  // list stays, unless versions start over (a restored server). One change for each difference.
  std::vector<StoreChange> Replace(std::vector<ObjectPtr> objects, std::string resource_version,
                                   Versions versions);

  // The watch has reached this version.
  void Advance(std::string resource_version);

  // Whether a Put of this state of an object would change nothing, as what is held is as new.
  bool IsAsNew(const ObjectKey& key, std::string_view uid, std::string_view resource_version) const;

  ObjectPtr Get(const ObjectKey& key) const;  // null if there is none
  std::vector<ObjectPtr> List() const;        // in order of keys
  std::vector<ObjectPtr> Find(std::string_view index, const std::string& value) const;
  std::size_t size() const;
  std::string resource_version() const;

 private:
  // By key.
  struct Less {
    using is_transparent = void;
    static std::pair<std::string_view, std::string_view> KeyOf(const PackedObject& object) {
      return object.key();
    }
    static std::pair<std::string_view, std::string_view> KeyOf(const ObjectKey& key) {
      return {key.name_space, key.name};
    }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return KeyOf(a) < KeyOf(b);
    }
  };
  using Objects = std::set<PackedObject, Less>;

  struct Index {
    IndexFunction values;
    std::unordered_map<std::string, std::vector<const PackedObject*>> entries;
  };

  // These expect mutex_ to be held.
  void Link(const PackedObject& place, const StoredObject& object);
  void Unlink(const PackedObject& place, const StoredObject& object);
  // Returns what was there.
  ObjectPtr PutLocked(const StoredObject& object);
  ObjectPtr Erase(Objects::iterator held);

  mutable std::mutex mutex_;
  StringPool pool_;                                    // guarded by mutex_
  Objects objects_;                                    // guarded by mutex_
  std::map<std::string, Index, std::less<>> indexes_;  // guarded by mutex_
  std::string resource_version_;                       // guarded by mutex_
};

}  // namespace kro::kube
