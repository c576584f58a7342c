// ServedApi: what the controller knows about one API whose instances it serves.
//
// The watch of its instances, those of the kinds that its graph makes or its instances' inventories
// name, and what has to be remembered of single instances between two looks at them. Lives on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/event.h"
#include "base/log.h"
#include "controller/applied_fields.h"
#include "controller/contests.h"
#include "controller/instance_controller.h"
#include "controller/next_attempt.h"
#include "controller/retry_pace.h"
#include "controller/setbacks.h"
#include "controller/waits.h"
#include "controller/watch_fleet.h"
#include "graph/graph.h"
#include "runtime/member.h"

namespace kro::controller {

// An object that an instance has or wants.
struct Child {
  api::Gvr kind;
  kube::ObjectKey key;

  // How setbacks and contests name it: "deployments.apps default/web".
  std::string Name() const;
};

// Of one instance, by UID: nothing of a deleted one passes to its namesake.
struct InstanceMemo {
  std::string uid;
  Setbacks setbacks;
  std::unique_ptr<Waits> waits;  // while it is not ready
  // Since when its conditions should have other messages, and nothing else.
  std::optional<MonotonicTime> other_words_since;
  // Namespaces that a child's namespace was missing from: the UID of what stood there when that was said.
  std::map<std::string, std::string> missing_namespaces;
  // What its external references name.
  std::map<WatchScope, std::shared_ptr<WatchFleet::Lease>> references;
  // While it is deleted: the kinds of which a member was seen since. When the store of such a kind
  // holds none any more, the watch has told of a deletion that is younger than all that we made.
  std::set<api::GroupKind> emptied;
  // A write went unanswered: it may still be carried out, so no watch proves anything.
  bool uncertain = false;
  // Objects of others that stand where its own should: when they go or change, it looks again.
  std::set<std::pair<api::Gvr, kube::ObjectKey>> claims;
  Contests contests;
  // What the server made of a status that it did not keep as it was sent.
  std::uint64_t status_sent = 0;
  std::uint64_t status_kept = 0;
  // A write of its status went unanswered. It may be carried out after a look that found the status as it should be,
  // so that the next change of it is looked at.
  bool status_open = false;
  // A write of its status is under way: a change of it that shows is most likely that one.
  bool status_under_way = false;

  bool IsEmpty() const {
    return setbacks.empty() && waits == nullptr && !other_words_since &&
           missing_namespaces.empty() && references.empty() && emptied.empty() && !uncertain &&
           claims.empty() && contests.empty() && status_sent == 0 && !status_open &&
           !status_under_way;
  }
};

class ServedApi {
 public:
  // Puts a key, at once or when that has passed, or those of all instances, into the queue.
  struct Wake {
    std::function<void(const kube::ObjectKey& key)> one;
    std::function<void(const kube::ObjectKey& key, Duration delay)> later;
    std::function<void()> all;
    // When a look that fails now would be followed by another; nothing: by an event only.
    std::function<std::optional<NextAttempt>(const kube::ObjectKey& key)> back_off;
    // How many keys may be in work at once; zero: as many as of any other API.
    std::function<void(std::size_t capacity)> limit;
  };
  // `fleet` outlives the API. The watch of the instances starts at once.
  ServedApi(InstanceApi api, WatchFleet& fleet, async::Executor& executor, const Logger& logger,
            Wake wake);

  const InstanceApi& api() const { return api_; }
  void SetApi(InstanceApi api) { api_ = std::move(api); }

  // Names the API as controller; a line adds namespace and name of the instance.
  const Logger& logger() const { return logger_; }

  // When the instance is looked at again if this look fails; nothing: only after an event.
  std::optional<NextAttempt> AttemptAfterFailure(const kube::ObjectKey& key) const {
    return wake_.back_off(key);
  }

  WatchFleet::Lease& parents() { return *parents_; }

  // The CRD was made or changed for this revision: instances may read differently now.
  void NoteRevision(std::int64_t revision);

  // Watches what the graph makes. Kinds that only the graph before made are kept until no instance
  // needs them.
  void UseGraph(std::shared_ptr<const graph::Graph> graph);
  const std::shared_ptr<const graph::Graph>& graph() const { return graph_; }
  // Since when it is used.
  MonotonicTime graph_since() const { return graph_since_; }

  // The graph's expressions take longer than anybody may wait for: they are evaluated on the pool, those of one
  // instance at a time.
  bool is_heavy() const { return heavy_; }
  void NoteHeavy();

  // When this revision was first seen to be pending.
  MonotonicTime PendingSince(std::int64_t revision);

  // Whether all of the graph's kinds can be read.
  bool GraphIsWatched() const;

  // The watch of a kind; nullptr if there is none.
  std::shared_ptr<WatchFleet::Lease> KindLease(const api::Gvr& gvr) const;
  std::shared_ptr<WatchFleet::Lease> KindLease(const api::GroupKind& kind) const;

  // Watches a kind that an inventory names and the graph does not, for the instance `user`.
  std::shared_ptr<WatchFleet::Lease> WatchKind(const api::Gvk& gvk, const api::Gvr& gvr,
                                               const kube::ObjectKey& user);
  // The kinds that the instance needs beside the graph's are now these.
  void SetExtraKinds(const kube::ObjectKey& user, const std::set<api::GroupKind>& kinds);
  // Ends watches that nobody needs since `age`.
  void DropUnusedKinds(MonotonicTime now, Duration age);

  // The members of an apply set in all kinds that are watched.
  std::vector<runtime::Member> MembersOf(std::string_view apply_set) const;

  // What the server removed of an instance although our finalizer was on it, nullptr if it did not: of a DELETE
  // that meets the write of the finalizer, some servers carry out both. What was made for it has to go too.
  kube::ObjectPtr LeftBehindBy(const kube::ObjectKey& key) const;
  void ForgetLeftBehind(const kube::ObjectKey& key) { left_behind_.erase(key); }

  // A DELETE was answered well; until the watch tells of the end, the object is on its way. kHeld: it waits for
  // finalizers or its grace period.
  enum class Leaving { kGone, kHeld };
  void NoteDeleted(const runtime::Deletion& deletion, Leaving leaving);
  bool IsLeaving(const std::string& uid) const { return leaving_.contains(uid); }
  bool IsHeld(const std::string& uid) const {
    const auto found = leaving_.find(uid);
    return found != leaving_.end() && found->second == Leaving::kHeld;
  }

  // The instance waits for these objects of others.
  void SetClaims(const kube::StoredObject& instance,
                 std::set<std::pair<api::Gvr, kube::ObjectKey>> claims);

  // Instances that changed so that they are looked at. A sweep over all counts as an update of each.
  struct InstanceEvents {
    std::uint64_t added = 0;
    std::uint64_t updated = 0;
    std::uint64_t deleted = 0;
  };
  const InstanceEvents& instance_events() const { return instance_events_; }
  void CountSweep(std::size_t instances) { instance_events_.updated += instances; }

  // How often a change of an object of this kind woke an instance.
  const std::map<api::Gvr, std::uint64_t>& matches() const { return matches_; }
  // How many instances have what must be remembered.
  std::size_t memos() const { return memos_.size(); }
  // Refusals by the API server that are waited out now.
  std::size_t CountSetbacks() const;

  AppliedFields& applied_fields() { return applied_fields_; }

  // A child was refused: when it is tried again depends on how many others were. `told` is what a user is told of it.
  const Setback& NoteRefusal(const kube::StoredObject& instance, const Child& child, Trial trial,
                             const kube::ApiError& error, Error told, const kube::Random& random);
  // A child was applied: what others were refused for the same may be mended too.
  void NoteApplied(const kube::StoredObject& instance, const Child& child);

  // Of the instance as it is now.
  InstanceMemo& MemoOf(const kube::StoredObject& instance);
  void ForgetInstance(const kube::ObjectKey& key);
  // Between two looks: keeps no memo that says nothing.
  void DropEmptyMemo(const kube::ObjectKey& key);

  // Keys in work, and the wish to end.
  int in_work = 0;
  bool stopping = false;
  async::Event idle;

 private:
  struct Kind {
    api::Gvk gvk;
    std::shared_ptr<WatchFleet::Lease> lease;
    bool in_graph = false;
    std::set<kube::ObjectKey> users;  // beside the graph
    MonotonicTime unused_since{};
  };

  void DropClaims(const kube::ObjectKey& key, InstanceMemo& memo);
  WatchListener ChildListener(const api::Gvr& gvr);
  void OnInstanceRemoved(const kube::ObjectPtr& removed);
  // Somebody deleted a child.
  void NoteLoss(const std::optional<kube::ObjectKey>& owner, const Child& child);
  void OnInstance(const kube::ObjectPtr& before, const kube::ObjectPtr& after);
  void OnChild(const api::Gvr& gvr, const kube::ObjectPtr& before, const kube::ObjectPtr& after);

  InstanceApi api_;
  WatchFleet& fleet_;
  async::Executor& executor_;
  const Logger logger_;
  Wake wake_;
  std::shared_ptr<const graph::Graph> graph_;
  MonotonicTime graph_since_{};
  bool heavy_ = false;
  std::int64_t noted_revision_ = 0;
  std::int64_t pending_revision_ = 0;
  MonotonicTime pending_since_{};
  std::unique_ptr<WatchFleet::Lease> parents_;
  std::map<api::Gvr, Kind> kinds_;
  std::unordered_map<std::string, Leaving> leaving_;  // by UID
  std::map<kube::ObjectKey, kube::ObjectPtr> left_behind_;
  InstanceEvents instance_events_;
  std::map<api::Gvr, std::uint64_t> matches_;
  AppliedFields applied_fields_;
  RetryPace pace_;
  std::unordered_map<kube::ObjectKey, InstanceMemo> memos_;
  // Who waits for an object of another to change.
  std::map<std::pair<api::Gvr, kube::ObjectKey>, std::set<kube::ObjectKey>> claims_;
};

}  // namespace kro::controller
