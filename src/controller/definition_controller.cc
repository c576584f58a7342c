#include "controller/definition_controller.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "api/constants.h"
#include "async/when_all.h"
#include "controller/definition.h"
#include "controller/definition_reconciler.h"
#include "controller/definition_stores.h"
#include "controller/kinds_loader.h"
#include "controller/queue_metrics.h"
#include "controller/revision_reconciler.h"
#include "kube/workqueue.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

constexpr std::string_view kDefinitions = "ResourceGraphDefinition";
constexpr std::string_view kRevisions = "graphrevision";

// Many passes at once: each mostly waits for the server, above all for watches to be filled, and none may hold up
// the others. How much is asked at once is the client's to decide.
constexpr std::size_t kAdaptiveWorkers = 32;

Metrics::Outcome OutcomeOf(const Requeue& requeue);

// What of a definition's change calls for a pass.
bool IsRelevant(const kube::StoredObject& before, const kube::StoredObject& after);
bool AllowsBreakingChanges(const kube::StoredObject& object);
std::int64_t GenerationOf(const kube::StoredObject& object);

}  // namespace

struct DefinitionController::Impl {
  Impl(Dependencies dependencies, Settings settings)
      : d(std::move(dependencies)),
        settings(std::move(settings)),
        stores(d.client, d.random),
        kinds(d.client, d.mapper, d.metrics, &stores.all_crds.store()),
        definition_queue(d.executor, {.observer = d.metrics.ObserverOf(kDefinitions)}),
        revision_queue(d.executor, {.observer = d.metrics.ObserverOf(kRevisions)}),
        definition_logger(d.logger.With({{"logger", "rgd-controller"},
                                         {"controller", kDefinitions},
                                         {"controllerGroup", api::kGroup},
                                         {"controllerKind", "ResourceGraphDefinition"}})),
        revision_logger(d.logger.With({{"logger", "graphrevision-controller"},
                                       {"controller", kRevisions},
                                       {"controllerGroup", kGraphRevisions.group},
                                       {"controllerKind", "GraphRevision"}})),
        revisions({d.executor, d.client, kinds, d.graphs, stores, d.metrics, revision_logger},
                  this->settings),
        definitions(
            {d.executor, d.client, kinds, d.graphs, revisions, d.instances, stores, d.metrics,
             definition_logger, [this](const std::string& revision) { HurryRevision(revision); }},
            this->settings) {}

  void Listen();
  void ListenTo(kube::Informer& informer);
  void WakeRevision(const std::string& name) { revision_queue.Add({kGraphRevisions, {{}, name}}); }
  // What a definition waits for comes before other revisions; one that failed is tried again in its own time.
  void HurryRevision(const std::string& name) {
    if (revision_queue.Failures({kGraphRevisions, {{}, name}}) == 0) WakeRevision(name);
  }
  void WakeOwner(const std::string& owner);
  void WakeInterestedIn(const std::string& crd);
  // The kind itself differs from what graphs were compiled with.
  void WakeUsersOf(const std::string& crd);

  Task<void> WorkOnDefinitions(CancelToken stop, CancelToken abandon);
  Task<void> WorkOnRevisions(CancelToken stop, CancelToken abandon);

  Dependencies d;
  const Settings settings;
  DefinitionStores stores;
  KindsLoader kinds;
  kube::Workqueue definition_queue;
  kube::Workqueue revision_queue;
  const Logger definition_logger;
  const Logger revision_logger;
  RevisionReconciler revisions;
  DefinitionReconciler definitions;
  bool watched = false;  // by Watch
};

DefinitionController::DefinitionController(Dependencies dependencies, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(settings))) {}

DefinitionController::~DefinitionController() = default;

Task<void> DefinitionController::Watch(CancelToken stop) {
  Impl& self = *impl_;
  self.watched = true;
  self.Listen();
  async::Scope watches(self.d.executor, std::move(stop));
  for (kube::Informer* informer : self.stores.All()) watches.Spawn(informer->Run(watches.token()));
  co_await watches.Join();
}

Task<void> DefinitionController::Run(CancelToken stop, CancelToken abandon) {
  Impl& self = *impl_;
  async::Scope watches(self.d.executor, abandon);
  if (!self.watched) watches.Spawn(Watch(watches.token()));
  // Nothing is decided on half a picture: a revision that is not seen yet would be issued again.
  bool synced = true;
  // ResourceGroups are served where there are any to be read.
  for (kube::Informer* informer : self.stores.All()) {
    Task<Result<void>> known = informer == &self.stores.resource_groups
                                   ? informer->WaitForAnswer(stop)
                                   : informer->WaitForSync(stop);
    const auto waited = co_await std::move(known);
    synced = synced && waited.has_value();
  }
  if (synced) {
    std::vector<Task<void>> workers;
    for (std::size_t i = 0; i < Workers(self.settings.rgd_workers); ++i) {
      workers.push_back(self.WorkOnDefinitions(stop, abandon));
    }
    for (std::size_t i = 0; i < Workers(self.settings.revision_workers); ++i) {
      workers.push_back(self.WorkOnRevisions(stop, abandon));
    }
    co_await async::WhenAll(self.d.executor, std::move(workers));
  }
  self.definition_queue.ShutDown();
  self.revision_queue.ShutDown();
  watches.Cancel();
  co_await watches.Join();
}

std::vector<std::string> DefinitionController::Unread() const {
  std::vector<std::string> unread;
  for (const kube::Informer* informer : impl_->stores.All()) {
    if (informer == &impl_->stores.resource_groups && informer->IsRefused()) continue;
    std::string name = informer->gvr().resource;
    if (!informer->HasSynced() && std::ranges::find(unread, name) == unread.end()) {
      unread.push_back(std::move(name));
    }
  }
  return unread;
}

std::vector<Measurement> DefinitionController::Measure() const {
  std::vector<Measurement> measured;
  MeasureQueue(kDefinitions, impl_->definition_queue, measured);
  MeasureQueue(kRevisions, impl_->revision_queue, measured);
  measured.push_back({.name = "schema_resolver_cache_size",
                      .help = "Kinds whose schemas are kept.",
                      .type = Measurement::Type::kGauge,
                      .labels = {},
                      .value = static_cast<double>(impl_->kinds.size())});
  measured.push_back({.name = "schema_resolver_cache_evictions_total",
                      .help = "Kinds whose schemas were dropped because they may have changed.",
                      .type = Measurement::Type::kCounter,
                      .labels = {},
                      .value = static_cast<double>(impl_->kinds.evictions())});
  return measured;
}

Duration DefinitionController::LongestPass() const {
  return std::max(impl_->definition_queue.WorkingTimes().longest,
                  impl_->revision_queue.WorkingTimes().longest);
}

std::size_t DefinitionController::Workers(std::size_t setting) {
  return setting == 0 ? kAdaptiveWorkers : setting;
}

json::Value DefinitionController::Describe() const {
  const DefinitionStores& stores = impl_->stores;
  json::Object kept;
  kept["definitions"] = stores.rgds.store().size() + stores.resource_groups.store().size();
  kept["revisions"] = stores.revisions.store().size();
  kept["ownCrds"] = stores.crds.store().size();
  kept["crds"] = stores.all_crds.store().size();
  kept["kinds"] = impl_->kinds.size();
  kept["kindBytes"] = impl_->kinds.Weight();
  json::Object described;
  described["definitionQueue"] = DescribeQueue(impl_->definition_queue);
  described["revisionQueue"] = DescribeQueue(impl_->revision_queue);
  described["stores"] = std::move(kept);
  return described;
}

void DefinitionController::Impl::Listen() {
  ListenTo(stores.rgds);
  ListenTo(stores.resource_groups);

  // A definition looks at its revisions when one has been worked on; see WorkOnRevisions.
  stores.revisions.AddHandler({
      .on_add =
          [this](const kube::ObjectPtr& object, kube::InformerHandler::Cause cause) {
            revision_queue.Add({kGraphRevisions, object->key()},
                               cause == kube::InformerHandler::Cause::kInitialList
                                   ? kube::Priority::kInitialList
                                   : kube::Priority::kNormal);
          },
      .on_update =
          [this](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
            const auto* old_owners = json::Find(before->value(), {"metadata", "ownerReferences"});
            const auto* new_owners = json::Find(after->value(), {"metadata", "ownerReferences"});
            const bool disowned =
                old_owners != nullptr && (new_owners == nullptr || *old_owners != *new_owners);
            if (before->IsDeleting() != after->IsDeleting()) WakeRevision(after->key().name);
            if (disowned || before->IsDeleting() != after->IsDeleting()) {
              WakeOwner(ViewRevision(after).owner);
            }
          },
      .on_delete =
          [this](const kube::ObjectPtr& last) {
            const RevisionView view = ViewRevision(last);
            d.graphs.Delete(view.owner, view.number);
            WakeRevision(view.name);
            WakeOwner(view.owner);
          },
  });

  // Whose CRD it is. Its status counts: it says when the kind is served.
  stores.crds.AddHandler({
      .on_add = [](const kube::ObjectPtr&, kube::InformerHandler::Cause) {},
      .on_update = [this](const kube::ObjectPtr&,
                          const kube::ObjectPtr& after) { WakeInterestedIn(after->key().name); },
      .on_delete = [this](const kube::ObjectPtr& last) { WakeInterestedIn(last->key().name); },
  });

  // Any CRD may be the kind that somebody waits for, or have changed under one that uses it.
  const auto changed = [this](const kube::ObjectPtr& object) {
    const std::string& name = object->key().name;
    if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
      kinds.Forget(name.substr(dot + 1));
    }
    WakeInterestedIn(name);
  };
  stores.all_crds.AddHandler({
      .on_add =
          [this, changed](const kube::ObjectPtr& object, kube::InformerHandler::Cause cause) {
            if (cause != kube::InformerHandler::Cause::kChange) return;
            changed(object);
            WakeUsersOf(object->key().name);
          },
      .on_update =
          [this, changed](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
            changed(after);
            // The generation counts changes of the spec, and the schema is in there.
            if (before->uid() == after->uid() && GenerationOf(*before) == GenerationOf(*after)) {
              return;
            }
            WakeUsersOf(after->key().name);
          },
      // Who uses the kind goes on with what is known of it, until it is there again.
      .on_delete = changed,
  });
}

void DefinitionController::Impl::ListenTo(kube::Informer& informer) {
  const api::Gvr gvr = informer.gvr();
  informer.AddHandler({
      .on_add =
          [this, gvr](const kube::ObjectPtr& object, kube::InformerHandler::Cause cause) {
            definition_queue.Add({gvr, object->key()},
                                 cause == kube::InformerHandler::Cause::kInitialList
                                     ? kube::Priority::kInitialList
                                     : kube::Priority::kNormal);
          },
      .on_update =
          [this, gvr](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
            if (!IsRelevant(*before, *after)) return;
            definition_queue.Forget({gvr, after->key()});
            definition_queue.Add({gvr, after->key()});
          },
      .on_delete = [this,
                    gvr](const kube::ObjectPtr& last) { definition_queue.Add({gvr, last->key()}); },
  });
}

void DefinitionController::Impl::WakeOwner(const std::string& owner) {
  const std::vector<kube::WorkKey> keys = definitions.Named(owner);
  for (const kube::WorkKey& key : keys) definition_queue.Add(key);
  if (keys.empty()) definition_queue.Add({kRgds, {{}, owner}});
}

void DefinitionController::Impl::WakeInterestedIn(const std::string& crd) {
  for (const kube::WorkKey& key : definitions.InterestedIn(crd)) definition_queue.Add(key);
  const std::size_t dot = crd.find('.');
  if (dot == std::string::npos) return;
  for (const std::string& name : revisions.FailedFor(crd.substr(dot + 1))) WakeRevision(name);
}

void DefinitionController::Impl::WakeUsersOf(const std::string& crd) {
  for (const kube::WorkKey& key : definitions.NoteChangedKind(crd)) definition_queue.Add(key);
}

// The error boundary: whatever one definition does, the others go on.
Task<void> DefinitionController::Impl::WorkOnDefinitions(CancelToken stop, CancelToken abandon) {
  while (true) {
    auto key = co_await definition_queue.Get(stop);
    if (!key || !*key || stop.cancelled()) co_return;
    const MonotonicTime begin = d.executor.clock().Monotonic();
    Result<Requeue> result = Requeue::Never();
    try {
      result = co_await definitions.Reconcile(**key, abandon);
    } catch (const std::exception& failure) {
      d.metrics.ReconcilePanicked(kDefinitions);
      result = Fail(ErrorCode::kInternal, "panic: {} [recovered]", failure.what());
    }
    auto outcome = Metrics::Outcome::kSuccess;
    if (!result) {
      outcome = Metrics::Outcome::kError;
      const Duration delay = definition_queue.AddRateLimited(**key);
      if (result.error().code() != ErrorCode::kCancelled) {
        definition_logger.Warning(
            "definition is tried again",
            {{"namespace", (*key)->object.name_space},
             {"name", (*key)->object.name},
             {"error", result.error().message()},
             {"retry_in_seconds", std::chrono::duration<double>(delay).count()}});
      }
    } else {
      definition_queue.Forget(**key);
      outcome = OutcomeOf(*result);
      if (result->after) {
        definition_queue.AddAfter(**key, *result->after);
      }
    }
    definition_queue.Done(**key);
    d.metrics.Reconciled(kDefinitions, outcome, d.executor.clock().Monotonic() - begin);
  }
}

Task<void> DefinitionController::Impl::WorkOnRevisions(CancelToken stop, CancelToken abandon) {
  while (true) {
    auto key = co_await revision_queue.Get(stop);
    if (!key || !*key || stop.cancelled()) co_return;
    const MonotonicTime begin = d.executor.clock().Monotonic();
    const kube::ObjectPtr object = stores.revisions.store().Get((*key)->object);
    const auto state = [&]() -> std::optional<RevisionState> {
      if (object == nullptr) return std::nullopt;
      const RevisionView view = ViewRevision(object);
      const auto entry = d.graphs.Get(view.owner, view.number);
      return entry ? std::optional(entry->state) : std::nullopt;
    };
    const std::optional<RevisionState> before = state();
    Result<Requeue> result = Requeue::Never();
    try {
      result = co_await revisions.Reconcile((*key)->object, abandon);
    } catch (const std::exception& failure) {
      d.metrics.ReconcilePanicked(kRevisions);
      result = Fail(ErrorCode::kInternal, "panic: {} [recovered]", failure.what());
    }
    if (!result) {
      const Duration delay = revision_queue.AddRateLimited(**key);
      if (result.error().code() != ErrorCode::kCancelled) {
        revision_logger.Warning(
            "graph revision is tried again",
            {{"name", (*key)->object.name},
             {"error", result.error().message()},
             {"retry_in_seconds", std::chrono::duration<double>(delay).count()}});
      }
    } else {
      revision_queue.Forget(**key);
    }
    revision_queue.Done(**key);
    // After a failure that changed nothing the definition would only ask for the revision again, at once.
    if (object != nullptr && (result || state() != before)) WakeOwner(ViewRevision(object).owner);
    d.metrics.Reconciled(kRevisions, result ? OutcomeOf(*result) : Metrics::Outcome::kError,
                         d.executor.clock().Monotonic() - begin);
  }
}

namespace {

Metrics::Outcome OutcomeOf(const Requeue& requeue) {
  if (requeue.verdict == Requeue::Verdict::kRejected) return Metrics::Outcome::kRejected;
  return requeue.after ? Metrics::Outcome::kRequeueAfter : Metrics::Outcome::kSuccess;
}

bool IsRelevant(const kube::StoredObject& before, const kube::StoredObject& after) {
  return GenerationOf(before) != GenerationOf(after) || before.IsDeleting() != after.IsDeleting() ||
         before.uid() != after.uid() ||
         AllowsBreakingChanges(before) != AllowsBreakingChanges(after);
}

bool AllowsBreakingChanges(const kube::StoredObject& object) {
  return json::FindString(object.value(), {"metadata", "annotations",
                                           api::annotation::kAllowBreakingChanges}) == "true";
}

std::int64_t GenerationOf(const kube::StoredObject& object) {
  const auto* generation = json::Find(object.value(), {"metadata", "generation"});
  return generation != nullptr && generation->is_int64() ? generation->get_int64() : 0;
}

}  // namespace
}  // namespace kro::controller
