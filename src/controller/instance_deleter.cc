#include "controller/instance_deleter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/ranges.h>

#include "api/constants.h"
#include "controller/apply_set.h"
#include "controller/lingering.h"
#include "controller/member_deleter.h"
#include "controller/secrecy.h"
#include "controller/waits.h"
#include "runtime/deletion.h"
#include "runtime/status.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

// How long a look waits for a watch that has just been started.
constexpr Duration kWatchPatience = std::chrono::seconds(5);

constexpr int kFinalizerAttempts = 5;

json::Array FinalizersWithoutOurs(const json::Value& object);

}  // namespace

class InstanceDeleter::Look {
 public:
  Look(InstanceDeleter& owner, std::shared_ptr<ServedApi> api, kube::ObjectPtr instance,
       bool is_gone, CancelToken cancel)
      : deps_(owner.deps_),
        writer_(owner.status_writer_),
        api_(std::move(api)),
        instance_(std::move(instance)),
        is_gone_(is_gone),
        cancel_(std::move(cancel)),
        apply_set_(api::ApplySetId(ParentOf(api_->api(), instance_->value()))) {}

  Task<Result<NextLook>> Run();

 private:
  struct Scope {
    api::Gvk gvk;
    api::Gvr gvr;
  };

  // The collections of the inventory that the server serves; watches of them stand, or were waited for.
  Task<Result<void>> OpenScopes(const std::set<api::GroupKind>& kinds);
  // Asks the server for members of the kinds for which the watches have proved nothing. True if there
  // are some.
  Task<Result<bool>> FindHiddenMembers();
  bool IsWatched(const Scope& scope) const;
  // Asks the server for members of this kind.
  Task<Result<void>> List(const Scope& scope);
  Task<Result<NextLook>> DeleteWave(runtime::DeletionStep step);
  // Whether some of these were made for a namesake of the instance, and it is there: it was deleted, and made
  // again, and only the watch has not told yet.
  Task<Result<bool>> BelongToNamesake(const std::vector<runtime::Member>& members);
  // Somebody else's finalizer holds it; nothing of ours does. That is said when it lasts.
  Task<Result<NextLook>> TellOfHolders();
  // No member is left: the finalizer goes, if the instance is still there.
  Task<Result<NextLook>> Finish();
  Task<Result<NextLook>> Blocked(Error error);
  Task<void> WriteStatus(const runtime::InstanceStatus& status);
  // nullptr if none is known, as deletion needs none.
  std::shared_ptr<const graph::Graph> Graph() const;
  runtime::InstanceStatus NewStatus() const;
  // For a look that fails.
  std::string TextOfNextAttempt() const {
    return Tell(api_->AttemptAfterFailure(instance_->key()), deps_.client.executor().clock().Now());
  }
  InstanceMemo& Memo() { return api_->MemoOf(*instance_); }

  const Dependencies& deps_;
  StatusWriter& writer_;
  const std::shared_ptr<ServedApi> api_;
  const kube::ObjectPtr instance_;
  const bool is_gone_;  // the instance, and its status and finalizer with it
  const CancelToken cancel_;
  const std::string apply_set_;
  std::vector<Scope> scopes_;
  std::vector<runtime::Member> hidden_;  // members that no watch shows
};

Task<Result<NextLook>> InstanceDeleter::Delete(std::shared_ptr<ServedApi> api,
                                               kube::ObjectPtr instance, CancelToken cancel) {
  Look look(*this, std::move(api), std::move(instance), false, std::move(cancel));
  co_return co_await look.Run();
}

Task<Result<NextLook>> InstanceDeleter::DeleteLeftBehind(std::shared_ptr<ServedApi> api,
                                                         kube::ObjectPtr instance,
                                                         CancelToken cancel) {
  auto live = co_await deps_.client.Get(api->api().gvr, instance->key(), {}, cancel);
  if (live) {
    api->parents().ObserveRead(*live);
    api->ForgetLeftBehind(instance->key());
    co_return NextLook::OnEvent();
  }
  if (!kube::IsNotFound(live.error())) co_return std::unexpected<Error>(live.error());
  Look look(*this, std::move(api), std::move(instance), true, std::move(cancel));
  co_return co_await look.Run();
}

Task<Result<NextLook>> InstanceDeleter::Look::Run() {
  const json::Value& object = instance_->value();
  if (is_gone_) Memo().uncertain = true;  // it was deleted while its members were made
  if (!HasFinalizer(object)) co_return co_await TellOfHolders();
  auto inventory =
      api::CheckInventory(ParentOf(api_->api(), object), LabelsOf(object), AnnotationsOf(object));
  if (!inventory) {
    inventory.error().Push("validate deletion inventory");
    if (is_gone_) api_->ForgetLeftBehind(instance_->key());  // nobody can mend it any more
    co_return co_await Blocked(std::move(inventory.error()));
  }
  const std::set<api::GroupKind> kinds(inventory->group_kinds.begin(),
                                       inventory->group_kinds.end());
  if (auto opened = co_await OpenScopes(kinds); !opened) {
    co_return co_await Blocked(std::move(opened.error()));
  }

  auto members = api_->MembersOf(apply_set_);
  for (const runtime::Member& member : members) {
    Memo().emptied.insert({member.gvk.group, member.gvk.kind});
  }
  // The order of waves is that of all members: those of kinds whose watch does not stand are asked for.
  for (const Scope& scope : scopes_) {
    if (IsWatched(scope)) continue;
    if (auto listed = co_await List(scope); !listed) {
      co_return co_await Blocked(std::move(listed.error()));
    }
  }
  members.insert(members.end(), hidden_.begin(), hidden_.end());
  auto step = runtime::PlanDeletion(members, apply_set_);
  if (step.IsDone()) {
    auto hidden = co_await FindHiddenMembers();
    if (!hidden) co_return co_await Blocked(std::move(hidden.error()));
    if (!*hidden) co_return co_await Finish();
    members = hidden_;
    step = runtime::PlanDeletion(members, apply_set_);
  }
  auto replaced = co_await BelongToNamesake(members);
  if (!replaced) co_return std::unexpected(std::move(replaced.error()));
  if (*replaced) co_return NextLook::After(std::chrono::milliseconds(1));
  co_return co_await DeleteWave(std::move(step));
}

Task<Result<void>> InstanceDeleter::Look::OpenScopes(const std::set<api::GroupKind>& kinds) {
  for (const api::GroupKind& kind : kinds) {
    auto lease = api_->KindLease(kind);
    if (lease == nullptr) {
      auto mapping = co_await deps_.mapper.ForGroupKind(kind.group, kind.kind, cancel_);
      if (!mapping && kube::IsNotFound(mapping.error())) continue;  // nothing is left of it
      if (!mapping) {
        co_return Annotate(mapping.error(), "project deletion inventory: RESTMapping failed for {}",
                           kind.ToString());
      }
      lease = api_->WatchKind(mapping->gvk, mapping->gvr, instance_->key());
    }
    if (lease->store() == nullptr) {
      const Duration patience =
          lease->since() + kWatchPatience - deps_.client.executor().clock().Monotonic();
      if (patience > Duration::zero()) {
        auto ready = co_await lease->WaitReady(patience, cancel_);
        static_cast<void>(ready);  // if it does not stand yet, the server is asked
      }
    }
    scopes_.push_back({{kind.group, lease->scope().gvr.version, kind.kind}, lease->scope().gvr});
  }
  api_->SetExtraKinds(instance_->key(), kinds);
  co_return Result<void>{};
}

Task<Result<bool>> InstanceDeleter::Look::FindHiddenMembers() {
  for (const Scope& scope : scopes_) {
    if (!IsWatched(scope)) continue;  // asked for already
    const bool proved =
        !Memo().uncertain && Memo().emptied.contains({scope.gvk.group, scope.gvk.kind});
    if (proved) continue;
    if (auto listed = co_await List(scope); !listed) {
      co_return std::unexpected(std::move(listed.error()));
    }
  }
  co_return !hidden_.empty();
}

bool InstanceDeleter::Look::IsWatched(const Scope& scope) const {
  const auto lease = api_->KindLease(scope.gvr);
  return lease != nullptr && lease->store() != nullptr;
}

Task<Result<void>> InstanceDeleter::Look::List(const Scope& scope) {
  auto list = co_await deps_.client.List(
      scope.gvr, "",
      {.label_selector = fmt::format("{}={}", api::label::kPartOf, apply_set_),
       .limit = 500,
       .content = kube::Content::kMetadata},
      cancel_);
  if (!list && kube::IsNotFound(list.error())) {
    deps_.mapper.Forget(scope.gvk.group);
    co_return Result<void>{};
  }
  if (!list) {
    co_return Annotate(list.error(), "list deletion inventory: list {}", scope.gvr.ToString());
  }
  for (json::Value& item : list->items) {
    if (!runtime::IsMemberOf(item, apply_set_)) continue;
    hidden_.push_back({.gvr = scope.gvr,
                       .gvk = scope.gvk,
                       .object = std::make_shared<const json::Value>(std::move(item))});
  }
  co_return Result<void>{};
}

Task<Result<bool>> InstanceDeleter::Look::BelongToNamesake(
    const std::vector<runtime::Member>& members) {
  const bool all_ours = std::ranges::all_of(members, [&](const runtime::Member& member) {
    const std::string_view id = runtime::LabelOf(*member.object, api::label::kInstanceId);
    return id.empty() || id == instance_->uid();
  });
  if (all_ours) co_return false;
  auto live = co_await deps_.client.Get(api_->api().gvr, instance_->key(), {}, cancel_);
  if (!live && kube::IsNotFound(live.error())) co_return false;
  if (!live) co_return std::unexpected<Error>(live.error());
  if (json::FindString(*live, {"metadata", "uid"}) == instance_->uid()) co_return false;
  api_->parents().ObserveRead(*live);
  co_return true;
}

Task<Result<NextLook>> InstanceDeleter::Look::DeleteWave(runtime::DeletionStep step) {
  std::erase_if(step.deletions,
                [&](const runtime::Deletion& deletion) { return api_->IsLeaving(deletion.uid); });
  auto deleted =
      co_await DeleteMembers(deps_.client, *api_, Graph(), std::move(step.deletions), cancel_);
  if (deleted.failure) {
    if (deleted.failure->code() == ErrorCode::kCancelled) co_return NextLook::OnEvent();
    co_return co_await Blocked(std::move(*deleted.failure));
  }
  const Lingering lingering =
      TellOfLingering(std::move(step.terminating), deps_.client.executor().clock().Now());
  auto status = NewStatus();
  if (deleted.replaced > 0) {
    status.DeletionBlocked("deletion encountered UID conflicts; retrying");
  } else {
    status.Deleting(lingering.text);
  }
  co_await WriteStatus(status);
  // Their ends are events; those that no watch tells of are asked for again.
  if (!hidden_.empty()) co_return NextLook::BackOff();
  const Duration interval = deps_.settings.instance_requeue_interval;
  if (interval <= Duration::zero() && !lingering.next) co_return NextLook::OnEvent();
  if (interval <= Duration::zero()) co_return NextLook::After(*lingering.next);
  co_return NextLook::After(std::min(interval, lingering.next.value_or(interval)));
}

Task<Result<NextLook>> InstanceDeleter::Look::TellOfHolders() {
  const json::Value& object = instance_->value();
  const auto since =
      api::ParseTimestamp(json::FindString(object, {"metadata", "deletionTimestamp"}));
  const bool told_of = json::FindString(object, {"status", "state"}) == api::state::kDeleting;
  if (is_gone_ || !since || !told_of) co_return NextLook::OnEvent();
  const Duration age = deps_.client.executor().clock().Now() - *since;
  if (age < Waits::kPatience) co_return NextLook::After(Waits::kPatience - age);
  // Somebody took our finalizer away before they had gone.
  if (!api_->MembersOf(apply_set_).empty()) co_return NextLook::OnEvent();
  auto status = NewStatus();
  status.Deleting(fmt::format("; none is left, and the instance is held by finalizers {}",
                              fmt::join(runtime::FinalizersOf(object), ", ")));
  co_await WriteStatus(status);
  co_return NextLook::OnEvent();
}

Task<Result<NextLook>> InstanceDeleter::Look::Finish() {
  if (is_gone_) {
    api_->ForgetLeftBehind(instance_->key());
    api_->ForgetInstance(instance_->key());
    co_return NextLook::OnEvent();
  }
  const api::Gvr gvr = api_->api().gvr;
  const kube::ObjectKey key = instance_->key();
  const kube::Store* store = api_->parents().store();
  kube::ObjectPtr stored = store == nullptr ? nullptr : store->Get(key);
  json::Value object(stored == nullptr ? instance_->value() : stored->value(), {});
  for (int attempt = 1;; ++attempt) {
    if (json::FindString(object, {"metadata", "uid"}) != instance_->uid() ||
        !HasFinalizer(object)) {
      co_return NextLook::OnEvent();
    }
    json::Object metadata;
    metadata["resourceVersion"] = json::FindString(object, {"metadata", "resourceVersion"});
    json::Array others = FinalizersWithoutOurs(object);
    const bool is_held = !others.empty();
    metadata["finalizers"] = std::move(others);
    json::Object patch;
    patch["metadata"] = std::move(metadata);
    const Secrecy secrecy = SecrecyOf(Graph().get());
    auto answer = co_await deps_.client.Patch(gvr, key, kube::PatchType::kMerge, std::move(patch),
                                              {.warnings = WarningsOf(secrecy)}, cancel_);
    if (answer) {
      api_->parents().ObserveWrite(*answer);
      co_return is_held ? NextLook::After(Waits::kPatience) : NextLook::OnEvent();
    }
    if (kube::IsNotFound(answer.error())) co_return NextLook::OnEvent();
    if (!kube::IsConflict(answer.error()) || attempt == kFinalizerAttempts) {
      runtime::InstanceStatus status = NewStatus();
      Error told = Tellable(answer.error(), secrecy);
      told.Push("failed removing finalizer: failed to update unmanaged state");
      status.ManagementFailed(told.message() + TextOfNextAttempt());
      co_await WriteStatus(status);
      co_return std::unexpected(std::move(told));
    }
    auto fresh = co_await deps_.client.Get(gvr, key, {}, cancel_);
    if (!fresh && kube::IsNotFound(fresh.error())) co_return NextLook::OnEvent();
    if (!fresh) co_return std::unexpected<Error>(fresh.error());
    api_->parents().ObserveWrite(*fresh);
    // Another object of the name: it is known now, so the watch brings nothing new that would wake it.
    if (json::FindString(*fresh, {"metadata", "uid"}) != instance_->uid()) {
      co_return NextLook::After(std::chrono::milliseconds(1));
    }
    object = std::move(*fresh);
  }
}

Task<Result<NextLook>> InstanceDeleter::Look::Blocked(Error error) {
  if (error.code() == ErrorCode::kCancelled) co_return NextLook::OnEvent();
  auto status = NewStatus();
  status.DeletionBlocked(error.message() + TextOfNextAttempt());
  co_await WriteStatus(status);
  error.Push("deletion blocked");
  co_return std::unexpected(std::move(error));
}

Task<void> InstanceDeleter::Look::WriteStatus(const runtime::InstanceStatus& status) {
  if (is_gone_) co_return;
  const auto graph = Graph();
  const bool author = graph != nullptr && !graph->conditions.empty();
  // What could not be written is written at the next look, which a failure does not put off.
  auto written =
      co_await writer_.Write(*api_, instance_,
                             status.BeingDeleted(author ? runtime::ConditionsBlock::kAuthor
                                                        : runtime::ConditionsBlock::kNone),
                             cancel_);
  static_cast<void>(written);
}

std::shared_ptr<const graph::Graph> InstanceDeleter::Look::Graph() const {
  if (api_->graph() != nullptr) return api_->graph();
  const auto latest = deps_.graphs.Latest(api_->api().rgd_name);
  return latest ? latest->graph : nullptr;
}

runtime::InstanceStatus InstanceDeleter::Look::NewStatus() const {
  return runtime::InstanceStatus(instance_->value(), std::chrono::floor<std::chrono::seconds>(
                                                         deps_.client.executor().clock().Now()));
}

namespace {

json::Array FinalizersWithoutOurs(const json::Value& object) {
  json::Array others;
  const json::Value* finalizers = json::Find(object, {"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->is_array()) return others;
  for (const json::Value& finalizer : finalizers->get_array()) {
    if (!finalizer.is_string() || std::string_view(finalizer.get_string()) != api::kFinalizer) {
      others.push_back(finalizer);
    }
  }
  return others;
}

}  // namespace
}  // namespace kro::controller
