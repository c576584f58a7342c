// What a server holds, as those see it who keep it or show it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace kro::apiserver {

// An object as it is kept: enough to have it again in another process.
struct SavedObject {
  std::string group;
  std::string resource;          // "deployments"
  std::uint64_t revision = 0;    // of its last write
  std::uint64_t definition = 0;  // names the schema of a custom resource that it was stored under
  // The members of the object but for apiVersion, kind and resourceVersion: `"metadata":{…},"spec":{…}`.
  std::string members;
};

struct SavedState {
  std::uint64_t revision = 0;  // of the last write of all
  std::vector<SavedObject> objects;
};

// One object, put in place or removed. The views are good for the duration of the call.
struct ObjectChange {
  enum class Type { kPut, kRemoved };

  Type type = Type::kPut;
  std::uint64_t revision = 0;
  std::uint64_t definition = 0;
  std::string_view group;
  std::string_view resource;
  std::string_view name_space;  // empty: not in a namespace
  std::string_view name;
  std::string_view uid;
  const std::vector<std::pair<std::string, std::string>>& labels;
  std::string_view members;  // as in SavedObject; of a removal its last state
};

// Hears of every change, in the order of the revisions. Must not call the server.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;

  virtual void OnChange(const ObjectChange& change) = 0;

  // After each request that changed something, and after what the server did by itself. The request is
  // answered when this returns; after an error it is answered with that, as a 500.
  virtual Result<void> OnSettled() = 0;
};

}  // namespace kro::apiserver
