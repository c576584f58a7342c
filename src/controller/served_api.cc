#include "controller/served_api.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controller/apply_set.h"
#include "controller/router.h"

namespace kro::controller {
namespace {

// What somebody took of an instance's marks is put back after this: he may be about to put it back himself, or to
// delete the instance, which an inventory that was edited has to stop.
constexpr Duration kMarksPatience = std::chrono::seconds(30);

// A status that changed without a write of this process is looked at after this: the process before it may have
// written it after what this one first read, or somebody who must not be answered at his own pace.
constexpr Duration kStatusPatience = std::chrono::seconds(5);

// What was made of a kind. A deletion that began with an old list would take what the others need first.
WatchScope ScopeOfMade(const api::Gvr& gvr) {
  return {.gvr = gvr,
          .label_selector = std::string(kOwnedSelector),
          .first_list = kube::FirstList::kNewest};
}

// By collection, what the graph reads of the objects that it makes.
std::map<api::Gvr, std::pair<api::Gvk, std::vector<json::FieldPath>>> MadeKinds(
    const graph::Graph& graph);

// What was refused of instances of one API is tried again no more often than this.
constexpr int kRetriesPerSecond = 5;

runtime::LiveObject LiveOf(const kube::ObjectPtr& object) { return {object, &object->value()}; }

}  // namespace

std::string Child::Name() const {
  return fmt::format("{}{}{} {}", kind.resource, kind.group.empty() ? "" : ".", kind.group,
                     key.CacheKey());
}

ServedApi::ServedApi(InstanceApi api, WatchFleet& fleet, async::Executor& executor,
                     const Logger& logger, Wake wake)
    : idle(executor, async::EventReset::kManual),
      api_(std::move(api)),
      fleet_(fleet),
      executor_(executor),
      logger_(logger.With({{"logger", api_.gvr.resource + "-controller"},
                           {"controller", api_.gvr.resource},
                           {"controllerGroup", api_.gvr.group},
                           {"controllerKind", api_.gvk.kind}})),
      wake_(std::move(wake)),
      pace_(kRetriesPerSecond) {
  const json::FieldPath whole[] = {json::FieldPath()};
  // Who takes an instance for alive that is gone makes its children again, and nobody would come for them.
  parents_ = fleet_.Acquire(
      {.gvr = api_.gvr, .first_list = kube::FirstList::kNewest}, whole,
      {.on_change = [this](const auto& before, const auto& after) { OnInstance(before, after); },
       .on_own_write =
           [this](const auto& before, const auto& after) {
             if (InstanceNeedsLook(before, after)) wake_.one(after->key());
           },
       .on_removed = [this](const auto& removed) { OnInstanceRemoved(removed); },
       .on_ready = wake_.all});
}

void ServedApi::NoteRevision(std::int64_t revision) {
  if (revision == noted_revision_) return;
  if (noted_revision_ != 0) parents_->Refresh();
  noted_revision_ = revision;
}

void ServedApi::UseGraph(std::shared_ptr<const graph::Graph> graph) {
  graph_ = std::move(graph);
  if (std::exchange(heavy_, false)) wake_.limit(0);
  const auto made = MadeKinds(*graph_);
  for (const auto& [gvr, what] : made) {
    Kind& kind = kinds_[gvr];
    kind.gvk = what.first;
    kind.in_graph = true;
    kind.lease = fleet_.Acquire(ScopeOfMade(gvr), what.second, ChildListener(gvr));
  }
  const MonotonicTime now = executor_.clock().Monotonic();
  graph_since_ = now;
  for (auto& [gvr, kind] : kinds_) {
    if (made.contains(gvr) || !kind.in_graph) continue;
    kind.in_graph = false;
    kind.unused_since = now;
  }
}

void ServedApi::NoteHeavy() {
  heavy_ = true;
  wake_.limit(1);
}

MonotonicTime ServedApi::PendingSince(std::int64_t revision) {
  if (pending_revision_ != revision) {
    pending_revision_ = revision;
    pending_since_ = executor_.clock().Monotonic();
  }
  return pending_since_;
}

bool ServedApi::GraphIsWatched() const {
  return std::ranges::all_of(kinds_, [](const auto& entry) {
    return !entry.second.in_graph || entry.second.lease->store() != nullptr;
  });
}

std::shared_ptr<WatchFleet::Lease> ServedApi::KindLease(const api::Gvr& gvr) const {
  const auto found = kinds_.find(gvr);
  return found == kinds_.end() ? nullptr : found->second.lease;
}

std::shared_ptr<WatchFleet::Lease> ServedApi::KindLease(const api::GroupKind& kind) const {
  std::shared_ptr<WatchFleet::Lease> lease;
  for (const auto& [gvr, entry] : kinds_) {
    if (entry.gvk.group != kind.group || entry.gvk.kind != kind.kind) continue;
    if (lease == nullptr || lease->store() == nullptr) lease = entry.lease;
  }
  return lease;
}

std::shared_ptr<WatchFleet::Lease> ServedApi::WatchKind(const api::Gvk& gvk, const api::Gvr& gvr,
                                                        const kube::ObjectKey& user) {
  Kind& kind = kinds_[gvr];
  if (kind.lease == nullptr) {
    kind.gvk = gvk;
    kind.lease = fleet_.Acquire(ScopeOfMade(gvr), {}, ChildListener(gvr));
  }
  kind.users.insert(user);
  return kind.lease;
}

void ServedApi::SetExtraKinds(const kube::ObjectKey& user, const std::set<api::GroupKind>& kinds) {
  const MonotonicTime now = executor_.clock().Monotonic();
  for (auto& [gvr, kind] : kinds_) {
    if (kinds.contains({kind.gvk.group, kind.gvk.kind})) {
      kind.users.insert(user);
    } else if (kind.users.erase(user) > 0 && kind.users.empty()) {
      kind.unused_since = now;
    }
  }
}

void ServedApi::DropUnusedKinds(MonotonicTime now, Duration age) {
  std::erase_if(kinds_, [&](const auto& entry) {
    const auto& [gvr, kind] = entry;
    if (kind.in_graph || !kind.users.empty() || now - kind.unused_since < age) return false;
    matches_.erase(gvr);
    return true;
  });
}

std::vector<runtime::Member> ServedApi::MembersOf(std::string_view apply_set) const {
  std::vector<runtime::Member> members;
  std::set<std::string, std::less<>> seen;  // an object may be watched in two versions
  for (const auto& [gvr, kind] : kinds_) {
    const kube::Store* store = kind.lease->store();
    if (store == nullptr) continue;
    for (const kube::ObjectPtr& object : store->Find(kPartOfIndex, std::string(apply_set))) {
      if (!runtime::IsMemberOf(object->value(), apply_set)) continue;
      if (!seen.insert(object->uid()).second) continue;
      members.push_back({.gvr = gvr, .gvk = kind.gvk, .object = LiveOf(object)});
    }
  }
  return members;
}

void ServedApi::NoteDeleted(const runtime::Deletion& deletion, Leaving leaving) {
  const auto lease = KindLease(deletion.gvr);
  const kube::Store* store = lease == nullptr ? nullptr : lease->store();
  const kube::ObjectPtr held =
      store == nullptr ? nullptr : store->Get({deletion.ns, deletion.name});
  // The watch may have been faster than the answer.
  if (held != nullptr && held->uid() == deletion.uid) leaving_.emplace(deletion.uid, leaving);
}

void ServedApi::SetClaims(const kube::StoredObject& instance,
                          std::set<std::pair<api::Gvr, kube::ObjectKey>> claims) {
  InstanceMemo& memo = MemoOf(instance);
  if (memo.claims == claims) return;
  DropClaims(instance.key(), memo);
  for (const auto& claim : claims) claims_[claim].insert(instance.key());
  memo.claims = std::move(claims);
}

void ServedApi::DropClaims(const kube::ObjectKey& key, InstanceMemo& memo) {
  for (const auto& claim : memo.claims) {
    const auto found = claims_.find(claim);
    if (found == claims_.end()) continue;
    found->second.erase(key);
    if (found->second.empty()) claims_.erase(found);
  }
  memo.claims.clear();
}

InstanceMemo& ServedApi::MemoOf(const kube::StoredObject& instance) {
  InstanceMemo& memo = memos_[instance.key()];
  if (memo.uid != instance.uid()) {
    DropClaims(instance.key(), memo);
    memo = InstanceMemo();
    memo.uid = instance.uid();
  }
  return memo;
}

const Setback& ServedApi::NoteRefusal(const kube::StoredObject& instance, const Child& child,
                                      Trial trial, const kube::ApiError& error, Error told,
                                      const kube::Random& random) {
  const MonotonicTime now = executor_.clock().Monotonic();
  const std::string object = child.Name();
  Setbacks& setbacks = MemoOf(instance).setbacks;
  std::optional<Duration> retry_after;
  if (error.status().retry_after) retry_after = *error.status().retry_after;
  const Setback& setback = setbacks.Record(object, std::move(trial), CauseOf(error),
                                           std::move(told), retry_after, now, random);
  setbacks.Enqueue(object, pace_.Reserve({setback.cause, child.kind}, {instance.key(), object},
                                         setback.next - now, now));
  return setback;
}

void ServedApi::NoteApplied(const kube::StoredObject& instance, const Child& child) {
  const std::string object = child.Name();
  Setbacks& setbacks = MemoOf(instance).setbacks;
  const Setback* outlived = setbacks.Find(object);
  if (outlived == nullptr) return;
  const RetryPace::Line line{outlived->cause, child.kind};
  setbacks.Clear(object);
  for (const RetryPace::Waiter& waiter : pace_.Open(line)) {
    const auto memo = memos_.find(waiter.instance);
    if (memo == memos_.end()) continue;
    memo->second.setbacks.Hasten(waiter.object, executor_.clock().Monotonic());
    wake_.one(waiter.instance);
  }
}

void ServedApi::ForgetInstance(const kube::ObjectKey& key) {
  if (const auto memo = memos_.find(key); memo != memos_.end()) {
    DropClaims(key, memo->second);
    memos_.erase(memo);
  }
  SetExtraKinds(key, {});
}

void ServedApi::DropEmptyMemo(const kube::ObjectKey& key) {
  const auto memo = memos_.find(key);
  if (memo != memos_.end() && memo->second.IsEmpty()) memos_.erase(memo);
}

WatchListener ServedApi::ChildListener(const api::Gvr& gvr) {
  return {.on_change = [this, gvr](const auto& before,
                                   const auto& after) { OnChild(gvr, before, after); },
          .on_ready = wake_.all};
}

std::size_t ServedApi::CountSetbacks() const {
  std::size_t count = 0;
  for (const auto& [key, memo] : memos_)
    memo.setbacks.ForEach([&](const auto&, const auto&) { ++count; });
  return count;
}

kube::ObjectPtr ServedApi::LeftBehindBy(const kube::ObjectKey& key) const {
  const auto found = left_behind_.find(key);
  return found == left_behind_.end() ? nullptr : found->second;
}

void ServedApi::OnInstanceRemoved(const kube::ObjectPtr& removed) {
  if (removed->IsDeleting() || !HasFinalizer(removed->value())) return;
  left_behind_.insert_or_assign(removed->key(), removed);
}

void ServedApi::OnInstance(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
  const kube::ObjectKey& key = (after != nullptr ? after : before)->key();
  if (after != nullptr) left_behind_.erase(key);  // its namesake takes over what it left
  if (InstanceNeedsLook(before, after)) {
    ++(before == nullptr  ? instance_events_.added
       : after == nullptr ? instance_events_.deleted
                          : instance_events_.updated);
    wake_.one(key);
  } else if (MarksWereTouched(*before, *after)) {
    wake_.later(key, kMarksPatience);
  } else if (StatusDiffers(*before, *after)) {
    const auto memo = memos_.find(key);
    if (memo == memos_.end()) {
      wake_.later(key, kStatusPatience);
    } else if (memo->second.status_open) {
      wake_.one(key);
    } else if (!memo->second.status_under_way) {
      wake_.later(key, kStatusPatience);
    }
  }
}

void ServedApi::OnChild(const api::Gvr& gvr, const kube::ObjectPtr& before,
                        const kube::ObjectPtr& after) {
  const bool gone = after == nullptr || (before != nullptr && before->uid() != after->uid());
  // Whom it concerns is found sooner than whether it differs, and most events concern another API.
  const api::GroupKind kind{api_.gvk.group, api_.gvk.kind};
  if (before != nullptr && gone) {
    if (leaving_.erase(before->uid()) == 0)
      NoteLoss(InstanceOf(*before, kind), {gvr, before->key()});
    applied_fields_.Forget(before->uid());
  }
  std::vector<kube::ObjectKey> woken;
  const auto wake = [&](const kube::ObjectKey& key) {
    if (std::ranges::find(woken, key) == woken.end()) woken.push_back(key);
  };
  if (const auto claim = claims_.find({gvr, (after != nullptr ? after : before)->key()});
      claim != claims_.end()) {
    std::ranges::for_each(claim->second, wake);
  }
  for (const kube::ObjectPtr& object : {after, before}) {
    const auto key = object == nullptr ? std::nullopt : InstanceOf(*object, kind);
    if (key) wake(*key);
  }
  if (woken.empty() || !ObjectDiffers(before, after)) return;
  ++matches_[gvr];
  std::ranges::for_each(woken, wake_.one);
}

void ServedApi::NoteLoss(const std::optional<kube::ObjectKey>& owner, const Child& child) {
  const kube::Store* store = parents_->store();
  if (!owner || store == nullptr) return;
  const kube::ObjectPtr instance = store->Get(*owner);
  if (instance == nullptr || instance->IsDeleting()) return;
  MemoOf(*instance).contests.NoteLoss(child.Name(), executor_.clock().Monotonic());
}

namespace {

std::map<api::Gvr, std::pair<api::Gvk, std::vector<json::FieldPath>>> MadeKinds(
    const graph::Graph& graph) {
  std::map<api::Gvr, std::pair<api::Gvk, std::vector<json::FieldPath>>> made;
  for (const graph::Node& node : graph.nodes) {
    if (node.IsExternal()) continue;
    auto& [gvk, reads] = made[node.mapping.gvr];
    gvk = node.gvk;
    reads.insert(reads.end(), node.reads.begin(), node.reads.end());
    // What it becomes is looked at, see AppliedFields.
    if (IsSecret(node.gvk) && json::Find(node.object, "stringData") != nullptr) {
      reads.push_back(json::FieldPath({"data"}));
    }
  }
  return made;
}

}  // namespace
}  // namespace kro::controller
