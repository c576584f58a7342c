// Controller: something that acts on changes of objects, as the controllers of a cluster do.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/core.h"
#include "apiserver/internal/object_writer.h"
#include "apiserver/internal/store.h"

namespace kro::apiserver {

// Writes as a controller does, through the same steps as any client.
class ControllerClient {
 public:
  // `core` outlives it.
  ControllerClient(Core& core, std::string_view user_agent)
      : core_(core), user_agent_(user_agent) {}

  // nullopt if it is not there or not served.
  std::optional<json::Value> Get(const api::Gvr& gvr, std::string_view name_space,
                                 std::string_view name) const;
  Answer<Written> Create(const api::Gvr& gvr, std::string_view name_space,
                         const json::Value& object);
  Answer<Written> Update(const api::Gvr& gvr, const json::Value& object,
                         std::string_view subresource = {});
  // POST to a subresource that one can only create.
  Answer<json::Value> CreateAt(const api::Gvr& gvr, std::string_view name_space,
                               std::string_view name, std::string_view subresource,
                               const json::Value& object);
  // Of one object: nothing happens unless it has this uid (where one is given).
  bool Delete(const api::Gvr& gvr, std::string_view name_space, std::string_view name,
              std::string_view uid, std::string_view propagation = {},
              std::optional<std::int64_t> grace_seconds = {});

  Core& core() { return core_; }
  ResourcePtr ResourceOf(const api::Gvr& gvr) const;
  // The objects of a namespace, of all if it is empty.
  std::vector<StoredPtr> List(const api::Gvr& gvr, std::string_view name_space) const;
  json::Value ValueOf(const api::Gvr& gvr, const StoredObject& object) const;
  std::string Now() const;

 private:
  Core& core_;
  std::string user_agent_;
};

class Controller {
 public:
  virtual ~Controller() = default;

  using Enqueue = std::function<void(std::string key)>;
  // Names the keys to look at after a change.
  virtual void Observe(const Collection& collection, const Change& change,
                       const Enqueue& enqueue) = 0;
  // Looks at one key. A delay: look again then.
  virtual std::optional<Duration> Reconcile(const std::string& key) = 0;
  // Whether it says what kinds are served. Where all is looked at, the others come after it.
  virtual bool ServesKinds() const { return false; }
};

// Runs controllers: each key a moment after the change, once however often it was named. A look that was
// asked for later is taken along by one that comes earlier.
class ControllerManager {
 public:
  // `core` outlives it.
  explicit ControllerManager(Core& core) : core_(core) {}

  void Add(std::unique_ptr<Controller> controller);
  void OnChange(const Collection& collection, const Change& change);

  // Looks at every object of the store, as after an earlier run. What definitions of custom resources
  // define is served when this returns; all other looks come later, when everything has been observed.
  void LookAtAll();

 private:
  void Schedule(std::size_t controller, std::string key, Duration delay);

  Core& core_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  // What waits to be looked at, and when.
  std::map<std::pair<std::size_t, std::string>, Agenda::Entry> waiting_;
};

// "<namespace>/<name>" in two.
std::pair<std::string, std::string> SplitKey(std::string_view key);
std::string KeyOf(const StoredObject& object);

}  // namespace kro::apiserver
