#include "controller/revision_reconciler.h"

#include <utility>

#include "api/condition.h"
#include "api/constants.h"
#include "api/graph_revision.h"
#include "api/spec_hash.h"
#include "controller/definition.h"
#include "controller/patch_object.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

std::vector<api::Condition> ConditionsOf(const kube::StoredObject& object);
api::ConditionOwner OwnerOf(const kube::StoredObject& object);

}  // namespace

RevisionReconciler::RevisionReconciler(Dependencies dependencies, Settings settings)
    : d_(std::move(dependencies)), settings_(std::move(settings)) {}

Task<Result<Requeue>> RevisionReconciler::Reconcile(kube::ObjectKey key, CancelToken cancel) {
  const kube::ObjectPtr object = d_.stores.revisions.store().Get(key);
  if (object == nullptr) {
    handed_over_.erase(key.name);
    failed_.erase(key.name);
    co_return Requeue::Never();
  }
  RevisionView revision = ViewRevision(object);
  if (revision.number <= 0 || revision.owner.empty()) {
    d_.logger.Warning("graph revision without number or owner", {{"name", key.name}});
    co_return Requeue::Never();
  }
  if (revision.deleting) co_return co_await Remove(std::move(revision), cancel);

  const auto entry = d_.graphs.Get(revision.owner, revision.number);
  if (entry && entry->state == RevisionState::kActive) co_return Requeue::Never();
  if (!HasFinalizer(*object)) {
    auto added = co_await PatchFinalizer(d_.client, d_.stores.revisions, object,
                                         FinalizerChange::kAdd, cancel);
    if (!added) co_return std::unexpected(std::move(added.error()));
    const kube::ObjectPtr now = d_.stores.revisions.store().Get(key);
    if (now == nullptr) co_return Requeue::Never();
    revision = ViewRevision(now);
  }
  if (auto handed = handed_over_.extract(key.name)) {
    co_return co_await Activate(std::move(revision), std::move(handed.mapped()), cancel);
  }
  const auto all = d_.stores.RevisionsOf(revision.owner);
  const bool latest = all.empty() || all.back().number <= revision.number;
  if (!latest && revision.verified) co_return Requeue::Never();
  co_return co_await CompileSnapshot(std::move(revision), cancel);
}

void RevisionReconciler::HandOver(std::string revision, std::string spec_hash,
                                  std::shared_ptr<const graph::Graph> graph) {
  handed_over_.insert_or_assign(std::move(revision),
                                HandedOver{std::move(spec_hash), std::move(graph)});
}

std::vector<std::string> RevisionReconciler::FailedFor(const std::string& group) const {
  std::vector<std::string> revisions;
  for (const auto& [name, groups] : failed_) {
    if (groups.contains(group)) revisions.push_back(name);
  }
  return revisions;
}

Task<Result<Requeue>> RevisionReconciler::Remove(RevisionView revision, CancelToken cancel) {
  if (HasFinalizer(*revision.object)) {
    auto removed = co_await PatchFinalizer(d_.client, d_.stores.revisions, revision.object,
                                           FinalizerChange::kRemove, cancel);
    if (!removed) co_return std::unexpected(std::move(removed.error()));
  }
  d_.graphs.Delete(revision.owner, revision.number);
  d_.metrics.RevisionEvicted();
  handed_over_.erase(revision.name);
  failed_.erase(revision.name);
  co_return Requeue::Never();
}

Task<Result<Requeue>> RevisionReconciler::Activate(RevisionView revision, HandedOver compiled,
                                                   CancelToken cancel) {
  RevisionEntry entry{.owner = revision.owner,
                      .revision = revision.number,
                      .spec_hash = compiled.spec_hash,
                      .state = RevisionState::kPending,
                      .graph = nullptr};
  if (!d_.graphs.Get(revision.owner, revision.number)) d_.graphs.Put(entry);
  auto written =
      co_await WriteStatus(revision, api::ConditionStatus::kTrue,
                           "graph revision compiled and verified", compiled.graph.get(), cancel);
  if (!written) {
    d_.metrics.RevisionStatusFailed(/*activation_deferred=*/true);
    // The next attempt need not compile again.
    handed_over_.insert_or_assign(revision.name, std::move(compiled));
    co_return std::unexpected(std::move(written.error()));
  }
  entry.state = RevisionState::kActive;
  entry.graph = std::move(compiled.graph);
  d_.graphs.Put(std::move(entry));
  failed_.erase(revision.name);
  d_.logger.Info("graph revision active",
                 {{"name", revision.name}, {"definition", revision.owner}});
  co_return Requeue::Never();
}

std::optional<RevisionReconciler::Snapshot> RevisionReconciler::SnapshotInStore(
    const RevisionView& revision) const {
  const kube::ObjectPtr definition = d_.stores.rgds.store().Get({{}, revision.owner});
  if (definition == nullptr || !revision.verified) return std::nullopt;
  const json::Value* generation = json::Find(definition->value(), {"metadata", "generation"});
  if (generation == nullptr || !generation->is_int64() ||
      generation->get_int64() != revision.generation) {
    return std::nullopt;
  }
  const json::Value* found = json::Find(definition->value(), "spec");
  if (found == nullptr) return std::nullopt;
  auto spec = api::DecodeRgdSpec(*found);
  if (!spec) return std::nullopt;
  auto hash = api::SpecHash(spec->raw);
  // Another definition of this name may be of the same generation.
  if (!hash || revision.object->Label(api::label::kRevisionHash) != *hash) return std::nullopt;
  return Snapshot{std::move(*hash), std::move(*spec)};
}

Task<Result<std::optional<RevisionReconciler::Snapshot>>> RevisionReconciler::ReadSnapshot(
    RevisionView revision, CancelToken cancel) {
  auto live = co_await d_.client.Get(kGraphRevisions, revision.object->key(), {}, cancel);
  if (!live) {
    if (kube::IsNotFound(live.error())) co_return std::nullopt;
    co_return Annotate(live.error(), "graph revision '{}'", revision.name);
  }
  auto decoded = api::DecodeGraphRevision(*live);
  std::string fault;
  if (!decoded) {
    fault = ConditionText(decoded.error());
  } else if (auto hash = api::SpecHash(decoded->snapshot.spec.raw); !hash) {
    fault = "compute graph revision spec hash: " + hash.error().message();
  } else {
    co_return Snapshot{std::move(*hash), std::move(decoded->snapshot.spec)};
  }
  auto refused = co_await Refuse(std::move(revision), "", std::move(fault), cancel);
  if (!refused) co_return std::unexpected(std::move(refused.error()));
  co_return std::nullopt;
}

Task<Result<Requeue>> RevisionReconciler::CompileSnapshot(RevisionView revision,
                                                          CancelToken cancel) {
  std::optional<Snapshot> snapshot = SnapshotInStore(revision);
  if (!snapshot) {
    auto read = co_await ReadSnapshot(revision, cancel);
    if (!read) co_return std::unexpected(std::move(read.error()));
    snapshot = std::move(*read);
  }
  if (!snapshot) co_return Requeue::Never();
  if (!d_.graphs.Get(revision.owner, revision.number)) {
    d_.graphs.Put({.owner = revision.owner,
                   .revision = revision.number,
                   .spec_hash = snapshot->hash,
                   .state = RevisionState::kPending,
                   .graph = nullptr});
  }
  const MonotonicTime begin = d_.executor.clock().Monotonic();
  auto compiled = co_await CompileDefinition(d_.executor, d_.kinds, settings_, revision.owner,
                                             std::move(snapshot->spec), cancel);
  if (!compiled) co_return Annotate(compiled, "graph revision '{}'", revision.name);
  d_.metrics.RevisionCompiled(d_.executor.clock().Monotonic() - begin, compiled->graph.has_value());
  if (compiled->graph) {
    HandedOver good{std::move(snapshot->hash), std::move(*compiled->graph)};
    co_return co_await Activate(std::move(revision), std::move(good), cancel);
  }
  d_.logger.Error("graph revision does not compile",
                  {{"name", revision.name}, {"diagnostics", RenderAll(compiled->graph.error())}});
  failed_.insert_or_assign(revision.name, std::move(compiled->groups));
  auto refused =
      co_await Refuse(revision, snapshot->hash, ConditionText(compiled->graph.error()), cancel);
  if (!refused) co_return std::unexpected(std::move(refused.error()));
  // The same snapshot fails again unless a kind appears or changes, and then an event says so.
  if (!compiled->kinds_missing) co_return Requeue::Rejected();
  co_return Fail(ErrorCode::kPending, "graph revision '{}' names kinds that are not served",
                 revision.name);
}

Task<Result<void>> RevisionReconciler::Refuse(RevisionView revision, std::string spec_hash,
                                              std::string text, CancelToken cancel) {
  d_.graphs.Put({.owner = revision.owner,
                 .revision = revision.number,
                 .spec_hash = std::move(spec_hash),
                 .state = RevisionState::kFailed,
                 .graph = nullptr});
  if (!text.starts_with("compute graph revision")) {
    text = "failed to compile graph revision \"" + revision.name + "\": " + text;
  }
  auto written = co_await WriteStatus(std::move(revision), api::ConditionStatus::kFalse,
                                      std::move(text), nullptr, cancel);
  if (!written) d_.metrics.RevisionStatusFailed(/*activation_deferred=*/false);
  co_return written;
}

Task<Result<void>> RevisionReconciler::WriteStatus(RevisionView revision,
                                                   api::ConditionStatus verified,
                                                   std::string message, const graph::Graph* graph,
                                                   CancelToken cancel) {
  const api::Timestamp now = TimestampOf(d_.executor.clock());
  api::ConditionSet conditions(api::GraphRevisionConditions(), OwnerOf(*revision.object),
                               ConditionsOf(*revision.object), now);
  conditions.Set(
      api::condition::kGraphVerified, verified,
      verified == api::ConditionStatus::kTrue ? api::reason::kVerified : api::reason::kInvalidGraph,
      message, now);
  api::RgdStatus status;
  status.conditions = conditions.conditions();
  if (graph != nullptr) {
    GraphOrder order = OrderOf(*graph);
    status.topological_order = std::move(order.topological_order);
    status.resources = std::move(order.resources);
  }
  // The store keeps no order and no resources, so those are written whenever the conditions are, and
  // a graph that was verified before has them already.
  json::Value wanted = api::ToJson(status);
  const json::Value* kept = json::Find(revision.object->value(), {"status", "conditions"});
  if (kept != nullptr && *kept == *json::Find(wanted, "conditions")) co_return Result<void>{};
  if (graph == nullptr) {
    // The store does not keep them: named so that what stands there goes.
    wanted.as_object()["topologicalOrder"] = nullptr;
    wanted.as_object()["resources"] = nullptr;
  }
  co_return co_await PatchStatus(d_.client, d_.stores.revisions, revision.object, std::move(wanted),
                                 cancel);
}

namespace {

std::vector<api::Condition> ConditionsOf(const kube::StoredObject& object) {
  std::vector<api::Condition> conditions;
  const auto* stored = json::Find(object.value(), {"status", "conditions"});
  if (stored == nullptr || !stored->is_array()) return conditions;
  for (const json::Value& condition : stored->get_array()) {
    conditions.push_back(api::ConditionFromJson(condition));
  }
  return conditions;
}

api::ConditionOwner OwnerOf(const kube::StoredObject& object) {
  api::ConditionOwner owner;
  if (const auto* generation = json::Find(object.value(), {"metadata", "generation"});
      generation != nullptr && generation->is_int64()) {
    owner.generation = generation->get_int64();
  }
  owner.created =
      api::ParseTimestamp(json::FindString(object.value(), {"metadata", "creationTimestamp"}));
  owner.deleting = object.IsDeleting();
  return owner;
}

}  // namespace
}  // namespace kro::controller
