#include "controller/definition_reconciler.h"

#include <algorithm>
#include <utility>

#include "api/condition.h"
#include "api/constants.h"
#include "api/graph_revision.h"
#include "api/spec_hash.h"
#include "controller/patch_object.h"
#include "schema/crd_synthesis.h"

namespace kro::controller {
namespace {

using api::ConditionStatus;
using async::CancelToken;
using async::Task;

// Beyond this many the exact number of instances left does not matter to a reader.
constexpr std::int64_t kCountedInstances = 100;
constexpr Duration kInstancesLeftInterval = std::chrono::seconds(1);
// The server establishes a CRD a moment before every one of its parts serves it.
constexpr Duration kServedProbe = std::chrono::milliseconds(10);
constexpr int kServedProbes = 10;  // doubling: five seconds in all

constexpr Duration kAtOnce = std::chrono::milliseconds(1);

constexpr std::string_view kInstancesExist = "InstancesExist";
constexpr std::string_view kDeletionBlocked = "DeletionBlocked";

// Somebody must do something about it: it is no trouble of the server or the network.
bool MendsNotByItself(const Error& error);
json::Value OwnerReference(const api::Rgd& rgd);
bool IsControlledBy(const kube::StoredObject& revision, const std::string& uid);
json::Array AdoptedReferences(const kube::StoredObject& revision, const api::Rgd& rgd);
// The names of the CRDs that define its kinds, or would if they were no others.
std::set<std::string> CrdsOf(const graph::Graph& graph);

}  // namespace

// What is remembered of a definition between passes. Losing it costs requests, nothing else.
struct DefinitionReconciler::Memory {
  std::string uid;
  std::string name;
  std::string crd;
  std::set<std::string> wanted_groups;  // of its kinds, while it does not compile
  std::string logged;                   // the faults that were logged last
  std::string warned;                   // the warnings that were logged last
  std::set<std::string> used_crds;      // of the kinds in the graph that is served
  bool outdated = false;                // one of them changed since the graph was compiled
  std::string unfit;                    // why the revision does not compile with them any more
  bool released = false;                // its finalizer was removed; the watch may not know yet
  bool status_open = false;  // the last write of its status failed; it may be carried out

  struct Served {
    api::Gvr gvr;
    std::string crd_uid;
    std::weak_ptr<const graph::Graph> graph;
  };
  std::optional<Served> served;
};

struct DefinitionReconciler::Pass {
  Definition definition;
  kube::ObjectPtr object;
  Memory& memory;
  api::ConditionSet conditions;
  std::string hash;
  std::vector<RevisionView> live;  // the lowest number first
  std::vector<RevisionView> terminating;

  api::RgdStatus& status() { return definition.rgd.status; }
  const std::string& name() const { return definition.rgd.name; }
  CrdOwner AsOwner() const {
    CrdOwner owner{name(), object->uid(), definition.rgd.AllowsBreakingChanges(), std::nullopt};
    const api::Condition* ready = conditions.Find(api::condition::kKindReady);
    if (ready != nullptr && ready->status == ConditionStatus::kTrue) {
      owner.kind_ready_since = ready->last_transition_time;
    }
    return owner;
  }
  std::string ValidText() const {
    const std::string warnings = WarningText(definition.warnings);
    return fmt::format("resource graph and schema are valid{}{}",
                       warnings.empty() ? "" : "; warning: ", warnings);
  }
  // It began to serve instances at some time; an API that was refused from the start has none.
  bool EverServed() const {
    return conditions.StatusOf(api::condition::kControllerReady) != ConditionStatus::kUnknown;
  }
  std::int64_t Latest() const { return live.empty() ? 0 : live.back().number; }
  void ClearOrder() {
    status().topological_order.clear();
    status().resources.clear();
  }
  void Set(std::string_view type, ConditionStatus value, std::string_view reason,
           std::string_view message, api::Timestamp now) {
    conditions.Set(type, value, reason, message, now);
  }
};

DefinitionReconciler::DefinitionReconciler(Dependencies dependencies, Settings settings)
    : d_(std::move(dependencies)),
      settings_(std::move(settings)),
      crds_(d_.client, d_.stores, d_.kinds, d_.logger) {}

DefinitionReconciler::~DefinitionReconciler() = default;

Task<Result<Requeue>> DefinitionReconciler::Reconcile(kube::WorkKey key, CancelToken cancel) {
  kube::Informer& informer = InformerOf(key);
  auto known = memory_.find(key);
  if (known != memory_.end() && known->second->status_open) {
    // The watch may come back later than this pass. What was carried out is not written again, with other times.
    auto live = co_await d_.client.Get(informer.gvr(), key.object, {}, cancel);
    if (live) informer.ObserveWrite(*live);
  }
  kube::ObjectPtr object = informer.store().Get(key.object);
  // Gone, or another object by the same name: what was served for it ends.
  if (known != memory_.end() && (object == nullptr || object->uid() != known->second->uid)) {
    const std::unique_ptr<Memory> old = std::move(known->second);
    memory_.erase(known);
    if (old->served) co_await d_.instances.Stop(old->served->gvr);
  }
  if (object == nullptr) co_return Requeue::Never();

  if (!object->IsDeleting() && !HasFinalizer(*object)) {
    auto added =
        co_await PatchFinalizer(d_.client, informer, object, FinalizerChange::kAdd, cancel);
    if (!added) co_return std::unexpected(std::move(added.error()));
    object = informer.store().Get(key.object);
    if (object == nullptr) co_return Requeue::Never();
  }

  auto& memory = memory_[key];
  if (memory == nullptr) memory = std::make_unique<Memory>();
  memory->uid = object->uid();
  if (memory->name.empty()) memory->name = NameOf(key, *object);

  auto definition = ReadDefinition(key, object->value(), memory->name);
  if (!definition) {
    co_return co_await RefuseUnreadable(key, object, std::move(definition.error()), cancel);
  }
  const api::Rgd& rgd = definition->rgd;
  if (rgd.spec.schema) memory->crd = schema::CrdName(*rgd.spec.schema);
  api::ConditionSet conditions(
      api::RgdConditions(),
      {.generation = rgd.generation, .created = rgd.created, .deleting = rgd.deleting},
      rgd.status.conditions, TimestampOf(d_.executor.clock()));
  Pass pass{std::move(*definition), object, *memory, std::move(conditions), {}, {}, {}};
  if (pass.definition.rgd.deleting) co_return co_await Finalize(pass, cancel);

  auto progress = co_await Progress(pass, cancel);
  auto written = co_await WriteStatus(pass, cancel);
  pass.memory.status_open = !written;
  if (progress && !written) co_return std::unexpected(std::move(written.error()));
  co_return progress;
}

std::vector<kube::WorkKey> DefinitionReconciler::InterestedIn(const std::string& crd) const {
  const std::size_t dot = crd.find('.');
  const std::string group = dot == std::string::npos ? "" : crd.substr(dot + 1);
  std::vector<kube::WorkKey> keys;
  for (const auto& [key, memory] : memory_) {
    if (memory->crd == crd || memory->wanted_groups.contains(group)) keys.push_back(key);
  }
  return keys;
}

std::vector<kube::WorkKey> DefinitionReconciler::NoteChangedKind(const std::string& crd) {
  std::vector<kube::WorkKey> keys;
  for (const auto& [key, memory] : memory_) {
    if (!memory->used_crds.contains(crd)) continue;
    memory->outdated = true;
    keys.push_back(key);
  }
  return keys;
}

std::vector<kube::WorkKey> DefinitionReconciler::Named(const std::string& name) const {
  std::vector<kube::WorkKey> keys;
  for (const auto& [key, memory] : memory_) {
    if (memory->name == name) keys.push_back(key);
  }
  return keys;
}

// A ResourceGroup keeps its name unless something else has it; revisions remember which it was.
std::string DefinitionReconciler::NameOf(const kube::WorkKey& key,
                                         const kube::StoredObject& object) const {
  if (key.gvr == kRgds) return key.object.name;
  for (const kube::ObjectPtr& revision : d_.stores.revisions.store().List()) {
    if (revision->Label(api::label::kRgdId) == object.uid()) return ViewRevision(revision).owner;
  }
  // One that is not served keeps nobody from a name.
  const bool taken = !MayBeServed(key) || !Named(key.object.name).empty() ||
                     d_.stores.rgds.store().Get({{}, key.object.name}) != nullptr;
  return taken ? key.object.name_space + "-" + key.object.name : key.object.name;
}

bool DefinitionReconciler::MayBeServed(const kube::WorkKey& key) const {
  const std::set<std::string>& allowed = settings_.resource_group_namespaces;
  return key.gvr == kRgds || allowed.contains("*") || allowed.contains(key.object.name_space);
}

kube::Informer& DefinitionReconciler::InformerOf(const kube::WorkKey& key) const {
  return key.gvr == kRgds ? d_.stores.rgds : d_.stores.resource_groups;
}

Task<Result<Requeue>> DefinitionReconciler::Progress(Pass& pass, CancelToken cancel) {
  const api::Timestamp now = TimestampOf(d_.executor.clock());
  const auto resolved = [&](ConditionStatus value, std::string_view reason, std::string message) {
    pass.Set(api::condition::kGraphRevisionsResolved, value, reason, message, now);
  };
  const auto refuse = [&](std::string_view message) {
    pass.Set(api::condition::kGraphAccepted, ConditionStatus::kFalse,
             api::reason::kInvalidResourceGraph, message, now);
  };

  if (!MayBeServed(pass.definition.key)) {
    refuse(
        fmt::format("ResourceGroups of namespace {} are not served: whoever writes one acts with "
                    "the rights of kro; allow it with --resource-group-namespaces={}",
                    pass.definition.key.object.name_space, pass.definition.key.object.name_space));
    pass.ClearOrder();
    co_return Requeue::Never();
  }
  if (std::string text = WarningText(pass.definition.warnings); text != pass.memory.warned) {
    if (!text.empty()) {
      d_.logger.Warning("definition has parts without effect",
                        {{"definition", pass.name()}, {"warnings", text}});
    }
    pass.memory.warned = std::move(text);
  }
  if (!pass.definition.refused.empty()) {
    refuse(ConditionText(pass.definition.refused));
    pass.ClearOrder();
    co_return Requeue::Never();
  }
  if (const auto group = ResourceGroupNamed(pass); group) {
    refuse(fmt::format("the ResourceGroup {} has this name; delete one of the two",
                       group->object.CacheKey()));
    pass.ClearOrder();
    co_return Requeue::After(settings_.rgd_progress_requeue_delay);
  }
  auto hash = api::SpecHash(pass.definition.rgd.spec.raw);
  if (!hash) {
    refuse(hash.error().message());
    pass.ClearOrder();
    d_.metrics.RevisionResolved("failed");
    co_return Requeue::Rejected();
  }
  pass.hash = std::move(*hash);
  for (RevisionView& revision : d_.stores.RevisionsOf(pass.name())) {
    (revision.deleting ? pass.terminating : pass.live).push_back(std::move(revision));
  }
  if (auto adopted = co_await AdoptOrphans(pass, cancel); !adopted) {
    pass.ClearOrder();
    co_return std::unexpected(std::move(adopted.error()));
  }
  if (pass.live.empty() && pass.terminating.empty()) d_.graphs.DeleteAll(pass.name());

  // Older revisions that retention removes are in nobody's way.
  const bool unsettled = std::ranges::any_of(pass.terminating, [&](const RevisionView& revision) {
    return revision.number > pass.Latest();
  });
  if (unsettled) {
    resolved(ConditionStatus::kUnknown, api::reason::kWaitingForSettlement,
             "waiting for terminating graph revisions to settle");
    d_.metrics.RevisionWaited("settling");
    d_.metrics.RevisionResolved("wait");
    co_return Requeue::After(settings_.rgd_progress_requeue_delay);
  }
  const std::int64_t latest = pass.Latest();
  pass.status().last_issued_revision = std::max(pass.status().last_issued_revision, latest);
  if (pass.live.empty()) co_return co_await Issue(pass, "no_revision", cancel);

  auto entry = d_.graphs.Get(pass.name(), latest);
  const bool pending = entry && entry->state == RevisionState::kPending;
  if (!entry || (pending && pass.live.back().verified)) {
    // Only after a start, and short: the status stays as it is unless the revision fails.
    if (!entry) d_.metrics.RegistryMissed("latest_not_warmed");
    d_.metrics.RevisionWaited("warming_up");
    d_.metrics.RevisionResolved("wait");
    d_.wake_revision(pass.live.back().name);
    co_return Requeue::After(settings_.rgd_progress_requeue_delay);
  }
  if (entry->spec_hash != pass.hash) {
    resolved(ConditionStatus::kTrue, api::reason::kResolved,
             fmt::format("revision {} compiled and active", latest));
    co_return co_await Issue(pass, "spec_changed", cancel);
  }
  if (pending) {
    resolved(ConditionStatus::kUnknown, api::reason::kWaitingForCompilation,
             fmt::format("waiting for graph revision {} to compile", latest));
    d_.metrics.RevisionWaited("compiling");
    d_.metrics.RevisionResolved("wait");
    d_.wake_revision(pass.live.back().name);
    co_return Requeue::After(settings_.rgd_progress_requeue_delay);
  }
  if (entry->state == RevisionState::kFailed) {
    const std::string text = fmt::format("latest graph revision {} failed compilation", latest);
    resolved(ConditionStatus::kFalse, api::reason::kFailed, text);
    refuse(text);
    d_.metrics.RevisionResolved("failed");
    // The revision's own retry, or a changed kind, wakes this definition.
    co_return Requeue::Never();
  }
  resolved(ConditionStatus::kTrue, api::reason::kResolved,
           fmt::format("revision {} compiled and active", latest));
  if (pass.memory.outdated || !pass.memory.unfit.empty()) {
    auto compiled = co_await Recompile(pass, *entry, cancel);
    if (!compiled) co_return std::unexpected(std::move(compiled.error()));
  }
  if (pass.memory.unfit.empty()) {
    pass.Set(api::condition::kGraphAccepted, ConditionStatus::kTrue, api::reason::kValid,
             pass.ValidText(), now);
    pass.memory.wanted_groups.clear();
    pass.memory.logged.clear();
  } else {
    refuse(pass.memory.unfit);
  }
  d_.metrics.RevisionResolved("serve");
  auto served = co_await Serve(pass, entry->graph, cancel);
  co_await CollectRevisions(pass, cancel);
  co_return served;
}

// Both would claim the same revisions and the same CRD. After a start the revisions tell whose the name is,
// whichever of the two is looked at first.
std::optional<kube::WorkKey> DefinitionReconciler::ResourceGroupNamed(const Pass& pass) const {
  if (pass.definition.IsResourceGroup()) return std::nullopt;
  for (const kube::WorkKey& key : Named(pass.name())) {
    if (key.gvr == kResourceGroups && MayBeServed(key)) return key;
  }
  const std::vector<RevisionView> revisions = d_.stores.RevisionsOf(pass.name());
  if (revisions.empty()) return std::nullopt;
  for (const kube::ObjectPtr& group : d_.stores.resource_groups.store().List()) {
    if (group->key().name != pass.name()) continue;
    const bool owns = std::ranges::any_of(revisions, [&](const RevisionView& revision) {
      return revision.object->Label(api::label::kRgdId) == group->uid();
    });
    const kube::WorkKey key{kResourceGroups, group->key()};
    if (owns && MayBeServed(key)) return key;
  }
  return std::nullopt;
}

// Revisions that outlived their definition, or that somebody made by hand.
Task<Result<void>> DefinitionReconciler::AdoptOrphans(Pass& pass, CancelToken cancel) {
  if (pass.definition.IsResourceGroup()) co_return Result<void>{};
  for (RevisionView& revision : pass.live) {
    if (IsControlledBy(*revision.object, pass.object->uid())) continue;
    json::Object metadata;
    metadata["ownerReferences"] = AdoptedReferences(*revision.object, pass.definition.rgd);
    metadata["resourceVersion"] = revision.object->resource_version();
    json::Object patch;
    patch["metadata"] = std::move(metadata);
    auto patched = co_await d_.client.Patch(kGraphRevisions, revision.object->key(),
                                            kube::PatchType::kMerge, std::move(patch), {}, cancel);
    if (!patched) {
      Error error = patched.error();
      error.Push("adopting graph revision \"" + revision.name + "\"");
      error.Push("adopting orphaned graph revisions");
      co_return std::unexpected(std::move(error));
    }
    d_.stores.revisions.ObserveWrite(*patched);
    d_.logger.Info("graph revision adopted", {{"name", pass.name()}, {"revision", revision.name}});
  }
  co_return Result<void>{};
}

Task<Result<Requeue>> DefinitionReconciler::Issue(Pass& pass, std::string_view reason,
                                                  CancelToken cancel) {
  const api::Rgd& rgd = pass.definition.rgd;
  if (const std::int64_t last = pass.status().last_issued_revision; last > pass.Latest()) {
    auto found = co_await FindIssued(pass, api::RevisionName(pass.name(), last), cancel);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found) co_return Requeue::After(kAtOnce);
  }
  const MonotonicTime begin = d_.executor.clock().Monotonic();
  auto compiled =
      co_await CompileDefinition(d_.executor, d_.kinds, settings_, pass.name(), rgd.spec, cancel);
  if (!compiled) co_return std::unexpected(std::move(compiled.error()));
  d_.metrics.GraphBuilt(pass.name(), d_.executor.clock().Monotonic() - begin,
                        compiled->graph.has_value());
  const api::Timestamp now = TimestampOf(d_.executor.clock());
  if (!compiled->graph) {
    const Diagnostics& faults = compiled->graph.error();
    pass.Set(api::condition::kGraphAccepted, ConditionStatus::kFalse,
             api::reason::kInvalidResourceGraph, ConditionText(faults), now);
    pass.ClearOrder();
    d_.metrics.RevisionResolved("failed");
    pass.memory.wanted_groups = std::move(compiled->groups);
    if (std::string text = RenderAll(faults); text != pass.memory.logged) {
      d_.logger.Error("definition rejected", {{"name", pass.name()}, {"diagnostics", text}});
      pass.memory.logged = std::move(text);
    }
    // What an author wrote stays wrong until it is edited, or a kind of its groups changes.
    if (!compiled->kinds_missing) co_return Requeue::Rejected();
    co_return Fail(ErrorCode::kPending, "definition '{}' names kinds that are not served",
                   pass.name());
  }
  pass.memory.wanted_groups.clear();
  pass.memory.logged.clear();
  pass.memory.outdated = false;
  pass.memory.unfit.clear();
  pass.Set(api::condition::kGraphAccepted, ConditionStatus::kTrue, api::reason::kValid,
           pass.ValidText(), now);

  const std::int64_t number = std::max(pass.status().last_issued_revision, pass.Latest()) + 1;
  const std::string name = api::RevisionName(pass.name(), number);
  json::Value revision = api::NewGraphRevision(rgd, number, pass.hash, settings_.version);
  json::Object& metadata = revision.as_object()["metadata"].as_object();
  // There from the start, which saves a request.
  metadata["finalizers"] = json::Array{json::Value(api::kFinalizer)};
  if (pass.definition.IsResourceGroup()) {
    // A cluster-scoped object cannot belong to a namespaced one; it is found by this label.
    metadata.erase("ownerReferences");
    metadata["labels"].as_object()[api::label::kRgdId] = rgd.uid;
  }
  d_.revisions.HandOver(name, pass.hash, std::move(*compiled->graph));
  auto created = co_await d_.client.Create(kGraphRevisions, {}, std::move(revision), {}, cancel);
  if (!created) {
    d_.revisions.TakeBack(name);
    if (kube::IsAlreadyExists(created.error())) {
      auto found = co_await FindIssued(pass, name, cancel);
      if (found && *found) co_return Requeue::After(kAtOnce);
    }
    Error error = created.error();
    error.Push("creating graph revision \"" + name + "\"");
    pass.Set(api::condition::kGraphAccepted, ConditionStatus::kFalse,
             api::reason::kInvalidResourceGraph, error.message(), now);
    pass.ClearOrder();
    d_.metrics.RevisionResolved("failed");
    co_return std::unexpected(std::move(error));
  }
  pass.status().last_issued_revision = number;
  pass.Set(api::condition::kGraphRevisionsResolved, ConditionStatus::kUnknown,
           api::reason::kWaitingForCompilation,
           fmt::format("graph revision {} issued and awaiting compilation", number), now);
  d_.metrics.RevisionIssued(reason);
  d_.metrics.RevisionResolved("issue");
  d_.logger.Info("graph revision issued", {{"name", pass.name()}, {"revision", name}});
  d_.stores.revisions.ObserveWrite(*created);
  // Whoever works on the revision wakes this definition.
  co_return Requeue::Never();
}

// Whether a revision of this definition is there that was not known, as after a start from a list that was
// old; it is known then.
Task<Result<bool>> DefinitionReconciler::FindIssued(const Pass& pass, std::string name,
                                                    CancelToken cancel) {
  auto live = co_await d_.client.Get(kGraphRevisions, {{}, name}, {}, cancel);
  if (!live) {
    if (kube::IsNotFound(live.error())) co_return false;
    co_return Annotate(live.error(), "graph revision '{}'", name);
  }
  d_.stores.revisions.ObserveWrite(*live);
  co_return std::ranges::any_of(
      d_.stores.RevisionsOf(pass.name()),
      [&](const RevisionView& revision) { return revision.name == name; });
}

Task<Result<void>> DefinitionReconciler::Recompile(Pass& pass, RevisionEntry& entry,
                                                   CancelToken cancel) {
  const MonotonicTime begin = d_.executor.clock().Monotonic();
  pass.memory.outdated = false;  // what changes from here on is another change
  auto compiled = co_await CompileDefinition(d_.executor, d_.kinds, settings_, pass.name(),
                                             pass.definition.rgd.spec, cancel);
  if (!compiled) {
    pass.memory.outdated = true;
    co_return std::unexpected(std::move(compiled.error()));
  }
  d_.metrics.GraphBuilt(pass.name(), d_.executor.clock().Monotonic() - begin,
                        compiled->graph.has_value());
  if (compiled->graph) {
    pass.memory.unfit.clear();
    entry.graph = std::move(*compiled->graph);
    d_.graphs.Put(entry);
    d_.logger.Info("compiled again for a kind that changed", {{"name", pass.name()}});
    co_return Result<void>{};
  }
  const Diagnostics& faults = compiled->graph.error();
  pass.memory.wanted_groups = std::move(compiled->groups);
  if (compiled->kinds_missing) {
    pass.memory.outdated =
        true;  // a kind that is gone may come back; its arrival wakes this definition
    co_return Result<void>{};
  }
  pass.memory.unfit = ConditionText(faults);
  if (std::string text = RenderAll(faults); text != pass.memory.logged) {
    d_.logger.Error("definition does not fit a kind that changed",
                    {{"name", pass.name()}, {"diagnostics", text}});
    pass.memory.logged = std::move(text);
  }
  co_return Result<void>{};
}

Task<Result<Requeue>> DefinitionReconciler::Serve(Pass& pass,
                                                  std::shared_ptr<const graph::Graph> graph,
                                                  CancelToken cancel) {
  GraphOrder order = OrderOf(*graph);
  pass.status().topological_order = std::move(order.topological_order);
  pass.status().resources = std::move(order.resources);

  pass.memory.used_crds = CrdsOf(*graph);
  json::Value crd = graph->crd;
  schema::StampCrd(crd, pass.definition.rgd, settings_.version);
  pass.memory.crd = json::FindString(crd, {"metadata", "name"});
  auto state = co_await crds_.Ensure(std::move(crd), pass.AsOwner(), cancel);
  const api::Timestamp now = TimestampOf(d_.executor.clock());
  if (!state) {
    pass.Set(api::condition::kKindReady, ConditionStatus::kFalse, api::reason::kFailed,
             state.error().message(), now);
    d_.logger.Error("CRD cannot be kept",
                    {{"name", pass.name()}, {"error", state.error().message()}});
    // An event of the CRD or of the definition ends the refusal.
    if (state.error().code() == ErrorCode::kInvalid) co_return Requeue::Rejected();
    co_return std::unexpected(std::move(state.error()));
  }
  if (!state->established) {
    if (pass.conditions.StatusOf(api::condition::kKindReady) == ConditionStatus::kTrue) {
      pass.Set(api::condition::kKindReady, ConditionStatus::kFalse, api::reason::kFailed,
               state->waiting, now);
    }
    co_return Requeue::After(CrdKeeper::kEstablishLimit);
  }
  pass.Set(api::condition::kKindReady, ConditionStatus::kTrue, api::reason::kReady,
           fmt::format("kind {} has been accepted and ready", state->accepted_kind), now);

  // A CRD that was made anew has a collection of its own.
  auto& served = pass.memory.served;
  if (served && (served->gvr != graph->gvr || served->crd_uid != state->uid)) {
    const api::Gvr old = served->gvr;
    served.reset();
    co_await d_.instances.Stop(old);
  }
  if (!served || served->graph.lock() != graph) {
    auto started = co_await StartInstances(pass, *graph, state->young, cancel);
    if (!started) {
      pass.Set(api::condition::kControllerReady, ConditionStatus::kFalse,
               api::reason::kFailedToStart, started.error().message(), now);
      co_return std::unexpected(std::move(started.error()));
    }
    served = Memory::Served{graph->gvr, state->uid, graph};
  }
  pass.Set(api::condition::kControllerReady, ConditionStatus::kTrue, api::reason::kRunning,
           "controller is running", TimestampOf(d_.executor.clock()));
  co_return Requeue::Never();
}

Task<Result<void>> DefinitionReconciler::StartInstances(Pass& pass, const graph::Graph& graph,
                                                        bool is_young, CancelToken cancel) {
  InstanceApi api{.rgd_name = pass.name(),
                  .rgd_uid = pass.object->uid(),
                  .gvk = graph.gvk,
                  .gvr = graph.gvr,
                  .namespaced = graph.namespaced};
  if (is_young && !pass.memory.served) {
    const kube::ListOptions one{.limit = 1};
    Duration pause = kServedProbe;
    for (int probe = 0; probe < kServedProbes; ++probe, pause *= 2) {
      auto listed = co_await d_.client.ListPage(api.gvr, {}, one, cancel);
      if (listed || !kube::IsNotFound(listed.error())) break;
      if (auto slept = co_await async::Sleep(d_.executor, pause, cancel); !slept) co_return slept;
    }
  }
  co_return co_await d_.instances.Serve(std::move(api), cancel);
}

// Retention. A failure is logged and costs nothing else.
Task<void> DefinitionReconciler::CollectRevisions(const Pass& pass, CancelToken cancel) {
  std::vector<std::int64_t> numbers;
  for (const RevisionView& revision : pass.live) numbers.push_back(revision.number);
  const auto floor = api::RetentionFloor(std::move(numbers), settings_.max_graph_revisions);
  if (!floor) co_return;
  std::size_t deleted = 0;
  for (const RevisionView& revision : pass.live) {
    if (revision.number >= *floor) break;
    const kube::DeleteOptions options{.uid = revision.object->uid()};
    auto gone = co_await d_.client.Delete(kGraphRevisions, revision.object->key(), options, cancel);
    if (!gone && !kube::IsNotFound(gone.error())) {
      d_.logger.Error("failed to garbage collect graph revisions",
                      {{"name", pass.name()}, {"error", gone.error().message()}});
      d_.metrics.RevisionsCollected(deleted, 1);
      co_return;
    }
    ++deleted;
  }
  if (deleted > 0) d_.metrics.RevisionsCollected(deleted, 0);
}

Task<Result<void>> DefinitionReconciler::WriteStatus(Pass& pass, CancelToken cancel) {
  api::RgdStatus& status = pass.status();
  status.conditions = pass.conditions.conditions();
  const bool active =
      pass.conditions.StatusOf(api::condition::kGraphAccepted) == ConditionStatus::kTrue &&
      pass.conditions.StatusOf(api::condition::kKindReady) == ConditionStatus::kTrue &&
      pass.conditions.StatusOf(api::condition::kControllerReady) == ConditionStatus::kTrue;
  const std::string_view state = active ? api::state::kRgdActive : api::state::kRgdInactive;
  if (!status.state.empty() && status.state != state) {
    d_.metrics.StateChanged(pass.name(), status.state, state);
  }
  if (status.state != state) {
    d_.logger.Info("definition state", {{"name", pass.name()}, {"state", state}});
  }
  status.state = state;
  co_return co_await PatchStatus(d_.client, InformerOf(pass.definition.key), pass.object,
                                 api::ToJson(status), cancel);
}

// Not even its members have the right types: all that can be said is that.
Task<Result<Requeue>> DefinitionReconciler::RefuseUnreadable(kube::WorkKey key,
                                                             kube::ObjectPtr object,
                                                             Diagnostics faults,
                                                             CancelToken cancel) {
  json::Object head;
  for (const std::string_view part : {"apiVersion", "kind", "metadata", "status"}) {
    if (const auto* value = json::Find(object->value(), part)) head[part] = *value;
  }
  Memory& memory = *memory_[key];
  auto readable = ReadDefinition(key, head, memory.name);
  if (!readable) {
    d_.logger.Error("definition cannot be read", {{"namespace", key.object.name_space},
                                                  {"name", key.object.name},
                                                  {"diagnostics", RenderAll(faults)}});
    co_return Requeue::Never();
  }
  const api::Rgd& rgd = readable->rgd;
  const api::Timestamp now = TimestampOf(d_.executor.clock());
  api::ConditionSet conditions(
      api::RgdConditions(),
      {.generation = rgd.generation, .created = rgd.created, .deleting = rgd.deleting},
      rgd.status.conditions, now);
  Pass pass{std::move(*readable), object, memory, std::move(conditions), {}, {}, {}};
  if (pass.definition.rgd.deleting) co_return co_await Finalize(pass, cancel);
  pass.Set(api::condition::kGraphAccepted, ConditionStatus::kFalse,
           api::reason::kInvalidResourceGraph, ConditionText(faults), now);
  pass.ClearOrder();
  auto written = co_await WriteStatus(pass, cancel);
  if (!written) co_return std::unexpected(std::move(written.error()));
  co_return Requeue::Never();
}

// What keeps it is said in the condition, for whoever waits for `kubectl delete`.
Task<Result<Requeue>> DefinitionReconciler::Finalize(Pass& pass, CancelToken cancel) {
  if (pass.memory.released || !HasFinalizer(*pass.object)) co_return Requeue::Never();
  auto released = co_await Release(pass, cancel);
  if (released || !MendsNotByItself(released.error())) co_return released;
  pass.Set(api::condition::kReady, ConditionStatus::kFalse, kDeletionBlocked,
           "deletion is blocked: " + released.error().message(), TimestampOf(d_.executor.clock()));
  // If this fails too, the first failure is the one to be told.
  co_await WriteStatus(pass, cancel);
  co_return released;
}

// Instances are never left without a controller: while there are any, the definition stays and serves
// them, so that they can be deleted.
Task<Result<Requeue>> DefinitionReconciler::Release(Pass& pass, CancelToken cancel) {
  const MonotonicTime begin = d_.executor.clock().Monotonic();
  if (!pass.definition.rgd.spec.schema) {
    auto schema = co_await RecallSchema(pass, cancel);
    if (!schema) co_return std::unexpected(std::move(schema.error()));
    pass.definition.rgd.spec.schema = std::move(*schema);
    if (pass.definition.rgd.spec.schema) {
      pass.memory.crd = schema::CrdName(*pass.definition.rgd.spec.schema);
    } else if (pass.EverServed()) {
      co_return Fail(ErrorCode::kInvalid,
                     "whether there are instances is not known, as spec.schema cannot be read and "
                     "no graph revision is left that tells what it was: put it back, or delete the "
                     "instances and remove the finalizer {}",
                     api::kFinalizer);
    }
  }
  // Of a ResourceGroup that may not be served nothing is believed but what names its UID.
  const bool has_crd =
      MayBeServed(pass.definition.key) || crds_.IsMadeFor(pass.memory.crd, pass.object->uid());
  if (pass.definition.rgd.spec.schema && has_crd && !ResourceGroupNamed(pass)) {
    auto holder = co_await crds_.Reclaim(pass.memory.crd, pass.AsOwner(), cancel);
    if (!holder) co_return std::unexpected(std::move(holder.error()));
    Result<Cleared> cleared = Cleared::kYes;
    if (*holder == CrdHolder::kOwner) cleared = co_await ClearInstances(pass, cancel);
    if (*holder == CrdHolder::kOther && pass.EverServed()) {
      cleared = co_await AwaitStrandedInstances(pass, cancel);
    }
    if (!cleared) co_return std::unexpected(std::move(cleared.error()));
    if (*cleared == Cleared::kNotYet) co_return Requeue::After(kInstancesLeftInterval);
  }
  if (pass.memory.served) {
    const api::Gvr gvr = pass.memory.served->gvr;
    pass.memory.served.reset();
    co_await d_.instances.Stop(gvr);
  }
  crds_.Forget(pass.memory.crd);
  if (pass.definition.IsResourceGroup()) {
    auto deleted = co_await DeleteRevisions(pass, cancel);
    if (!deleted) co_return std::unexpected(std::move(deleted.error()));
  }
  const std::string name = pass.name();
  auto removed = co_await PatchFinalizer(d_.client, InformerOf(pass.definition.key), pass.object,
                                         FinalizerChange::kRemove, cancel);
  if (!removed) co_return std::unexpected(std::move(removed.error()));
  pass.memory.released = true;
  d_.metrics.DefinitionDeleted(name, d_.executor.clock().Monotonic() - begin);
  d_.logger.Info("definition deleted", {{"name", name}});
  co_return Requeue::Never();
}

Task<Result<std::optional<api::RgdSchema>>> DefinitionReconciler::RecallSchema(const Pass& pass,
                                                                               CancelToken cancel) {
  const auto revisions = d_.stores.RevisionsOf(pass.name());
  for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision) {
    auto read = co_await d_.client.Get(kGraphRevisions, revision->object->key(), {}, cancel);
    if (!read && kube::IsNotFound(read.error())) continue;
    if (!read) co_return Annotate(read.error(), "graph revision '{}'", revision->name);
    auto decoded = api::DecodeGraphRevision(*read);
    if (decoded && decoded->snapshot.spec.schema) co_return decoded->snapshot.spec.schema;
  }
  co_return std::nullopt;
}

// Where CRDs may be deleted, instances go with theirs: the server deletes each, and it is served until
// its children and it are gone. Elsewhere they are waited for.
Task<Result<DefinitionReconciler::Cleared>> DefinitionReconciler::ClearInstances(
    Pass& pass, CancelToken cancel) {
  auto remaining = co_await CountInstances(pass, "", cancel);
  if (!remaining) co_return std::unexpected(std::move(remaining.error()));
  const api::RgdSchema& schema = *pass.definition.rgd.spec.schema;
  if (remaining->count > 0 && !pass.memory.served) {
    const InstanceApi api{.rgd_name = pass.name(),
                          .rgd_uid = pass.object->uid(),
                          .gvk = schema::InstanceGvk(schema),
                          .gvr = schema::InstanceGvr(schema),
                          .namespaced = schema.scope == api::Scope::kNamespaced};
    auto started = co_await d_.instances.Serve(api, cancel);
    if (!started) co_return std::unexpected(std::move(started.error()));
    pass.memory.served = Memory::Served{api.gvr, {}, {}};
  }
  if (remaining->count > 0) {
    pass.Set(api::condition::kReady, ConditionStatus::kFalse, kInstancesExist,
             fmt::format("deletion waits for {}{}", remaining->Describe(schema.kind),
                         settings_.allow_crd_deletion ? "" : ": delete them first"),
             TimestampOf(d_.executor.clock()));
    auto written = co_await WriteStatus(pass, cancel);
    if (!written) co_return std::unexpected(std::move(written.error()));
  }
  if (!settings_.allow_crd_deletion) {
    if (remaining->count > 0) co_return Cleared::kNotYet;
    d_.logger.Info("skipping CRD deletion because allowCRDDeletion is disabled",
                   {{"name", pass.name()}, {"crd", pass.memory.crd}});
    co_return Cleared::kYes;
  }
  auto deleted = co_await crds_.Delete(pass.memory.crd, pass.name(), cancel);
  if (!deleted) co_return std::unexpected(std::move(deleted.error()));
  // Its own end wakes this definition.
  co_return remaining->count > 0 ? Cleared::kNotYet : Cleared::kYes;
}

// Those that it made while the CRD was its own. Whoever has the CRD now may take them over, and labels them then.
Task<Result<DefinitionReconciler::Cleared>> DefinitionReconciler::AwaitStrandedInstances(
    Pass& pass, CancelToken cancel) {
  const std::string made_by_it = fmt::format("{}={}", api::label::kRgdId, pass.object->uid());
  auto remaining = co_await CountInstances(pass, made_by_it, cancel);
  if (!remaining) co_return std::unexpected(std::move(remaining.error()));
  if (remaining->count == 0) co_return Cleared::kYes;
  pass.Set(
      api::condition::kReady, ConditionStatus::kFalse, kInstancesExist,
      fmt::format("deletion waits for {}, but its CRD {} has not the labels of this definition "
                  "any more: put back {}=true and {}={}",
                  remaining->Describe(pass.definition.rgd.spec.schema->kind), pass.memory.crd,
                  api::label::kOwned, api::label::kRgdName, pass.name()),
      TimestampOf(d_.executor.clock()));
  auto written = co_await WriteStatus(pass, cancel);
  if (!written) co_return std::unexpected(std::move(written.error()));
  co_return Cleared::kNotYet;
}

// Those that `selector` picks, of all namespaces.
Task<Result<DefinitionReconciler::Remaining>> DefinitionReconciler::CountInstances(
    const Pass& pass, std::string selector, CancelToken cancel) {
  const api::Gvr gvr = schema::InstanceGvr(*pass.definition.rgd.spec.schema);
  kube::ListOptions options{.limit = kCountedInstances};
  options.label_selector = std::move(selector);
  auto listed = co_await d_.client.ListPage(gvr, {}, options, cancel);
  if (!listed) {
    // No such collection any more, or not yet: no instances.
    if (kube::IsNotFound(listed.error())) co_return Remaining{};
    if (kube::IsForbidden(listed.error())) {
      co_return Annotate(listed.error(),
                         "whether there are instances is not known: grant kro get, list, watch, "
                         "update and patch of {} in API group {}",
                         gvr.resource, gvr.group);
    }
    co_return Annotate(listed.error(), "instances of '{}'", pass.name());
  }
  Remaining remaining{.count = listed->items.size(), .example = {}};
  if (remaining.count > 0) {
    const kube::ObjectKey key = kube::KeyOf(listed->items.front());
    remaining.example = key.CacheKey();
  }
  co_return remaining;
}

std::string DefinitionReconciler::Remaining::Describe(std::string_view kind) const {
  return fmt::format("{}{} instance{} of {}, such as {}", count,
                     count == kCountedInstances ? " or more" : "", count == 1 ? "" : "s", kind,
                     example);
}

Task<Result<void>> DefinitionReconciler::DeleteRevisions(const Pass& pass, CancelToken cancel) {
  for (const RevisionView& revision : d_.stores.RevisionsOf(pass.name())) {
    if (revision.deleting || revision.object->Label(api::label::kRgdId) != pass.object->uid()) {
      continue;
    }
    const kube::DeleteOptions options{.uid = revision.object->uid()};
    auto deleted =
        co_await d_.client.Delete(kGraphRevisions, revision.object->key(), options, cancel);
    if (!deleted && !kube::IsNotFound(deleted.error())) {
      co_return Annotate(deleted.error(), "graph revision '{}'", revision.name);
    }
  }
  co_return Result<void>{};
}

namespace {

bool MendsNotByItself(const Error& error) {
  return error.code() == ErrorCode::kForbidden || error.code() == ErrorCode::kInvalid;
}

json::Value OwnerReference(const api::Rgd& rgd) {
  json::Object reference;
  reference["apiVersion"] = std::string(api::kGroup) + "/" + std::string(api::kVersion);
  reference["kind"] = "ResourceGraphDefinition";
  reference["name"] = rgd.name;
  reference["uid"] = rgd.uid;
  reference["controller"] = true;
  return reference;
}

bool IsRgdReference(const json::Value& reference) {
  return json::FindString(reference, {"kind"}) == "ResourceGraphDefinition" &&
         json::FindString(reference, {"apiVersion"}) ==
             std::string(api::kGroup) + "/" + std::string(api::kVersion);
}

bool IsControlledBy(const kube::StoredObject& revision, const std::string& uid) {
  const auto* references = json::Find(revision.value(), {"metadata", "ownerReferences"});
  if (references == nullptr || !references->is_array()) return false;
  return std::ranges::any_of(references->get_array(), [&](const json::Value& reference) {
    const auto* controller = json::Find(reference, "controller");
    return IsRgdReference(reference) && json::FindString(reference, {"uid"}) == uid &&
           controller != nullptr && controller->is_bool() && controller->get_bool();
  });
}

json::Array AdoptedReferences(const kube::StoredObject& revision, const api::Rgd& rgd) {
  json::Array references;
  if (const auto* old = json::Find(revision.value(), {"metadata", "ownerReferences"});
      old != nullptr && old->is_array()) {
    references = old->get_array();
  }
  const auto place = std::ranges::find_if(references, IsRgdReference);
  if (place != references.end()) {
    *place = OwnerReference(rgd);
  } else {
    references.push_back(OwnerReference(rgd));
  }
  return references;
}

std::set<std::string> CrdsOf(const graph::Graph& graph) {
  std::set<std::string> crds;
  for (const graph::Node& node : graph.nodes) {
    const api::Gvr& gvr = node.mapping.gvr;
    if (!IsBuiltInGroup(gvr.group)) crds.insert(gvr.resource + "." + gvr.group);
  }
  return crds;
}

}  // namespace
}  // namespace kro::controller
