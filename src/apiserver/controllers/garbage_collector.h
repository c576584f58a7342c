// GarbageCollector: deletes what its owners are gone of, and sees through foreground and orphaning
// deletions (spec kube-server section 7.3).
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_set>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

// Knows objects by "<group>/<resource>|<namespace>/<name>".
class GarbageCollector final : public Controller {
 public:
  // `core` outlives it.
  explicit GarbageCollector(Core& core) : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  enum class Owner { kSolid, kAbsent, kWaiting, kUnknown };

  struct Place {
    ResourcePtr resource;
    StoredPtr object;
  };
  std::optional<Place> Find(const std::string& key) const;
  Owner Judge(const StoredObject& dependent, const OwnerReference& reference, bool& foreign) const;
  // Of a terminating owner: what its finalizers ask for.
  std::optional<Duration> Finalize(const Place& owner);
  std::optional<Duration> JudgeDependent(const Place& dependent);
  void RemoveReferences(const Place& dependent, const std::set<std::string>& uids);
  void RemoveFinalizer(const Place& place, std::string_view finalizer);
  void WarnOfForeignOwner(const Place& dependent, const OwnerReference& reference);

  Core& core_;
  ControllerClient client_;
  // Keys of the dependents of each UID.
  std::map<std::string, std::set<std::string>, std::less<>> dependents_;
  std::unordered_set<std::string> uids_;  // of all objects
};

}  // namespace kro::apiserver
