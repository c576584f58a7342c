#include "operator/prometheus_metrics.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace kro::operator_ {
namespace {

using Labels = prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets& PassBuckets();
const Buckets& ReconcileBuckets();
const Buckets& RequestBuckets();
const Buckets& SizeBuckets();
const Buckets& EvaluationBuckets();
const Buckets& CollectionBuckets();
const Buckets& FetchBuckets();
const Buckets& QueueBuckets();
Buckets Growing(double first, double factor, int count);
double Seconds(Duration duration);
std::string GvrText(const api::Gvr& gvr);
std::string CodeText(int code);
void AddMeasured(const std::vector<controller::Measurement>& measured,
                 std::vector<prometheus::MetricFamily>& families);
void AddProcess(std::vector<prometheus::MetricFamily>& families);

}  // namespace

struct PrometheusMetrics::Impl {
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& Counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Gauge>& Gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Family<prometheus::Histogram>& Histogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  prometheus::Family<prometheus::Counter>& reconciles =
      Counter("controller_runtime_reconcile_total", "Passes of a controller, by result.");
  prometheus::Family<prometheus::Counter>& reconcile_errors =
      Counter("controller_runtime_reconcile_errors_total", "Passes that failed.");
  prometheus::Family<prometheus::Counter>& reconcile_panics =
      Counter("controller_runtime_reconcile_panics_total", "Passes that threw.");
  prometheus::Family<prometheus::Counter>& reconcile_terminal_errors =
      Counter("controller_runtime_terminal_reconcile_errors_total",
              "Passes that failed with what is not tried again before it is edited.");
  prometheus::Family<prometheus::Counter>& reconcile_timeouts =
      Counter("controller_runtime_reconcile_timeouts_total",
              "Passes that a time limit ended; only their requests have one.");
  prometheus::Family<prometheus::Histogram>& reconcile_time =
      Histogram("controller_runtime_reconcile_time_seconds", "Length of a pass.");
  prometheus::Family<prometheus::Counter>& builds =
      Counter("rgd_graph_build_total", "Graphs compiled before a revision was issued.");
  prometheus::Family<prometheus::Histogram>& build_time =
      Histogram("rgd_graph_build_duration_seconds", "Time to compile a graph.");
  prometheus::Family<prometheus::Counter>& build_errors =
      Counter("rgd_graph_build_errors_total", "Graphs that did not compile.");
  prometheus::Family<prometheus::Counter>& transitions =
      Counter("rgd_state_transitions_total", "Changes of a definition's state.");
  prometheus::Family<prometheus::Counter>& deletions =
      Counter("rgd_deletions_total", "Definitions deleted.");
  prometheus::Family<prometheus::Histogram>& deletion_time =
      Histogram("rgd_deletion_duration_seconds", "Time of the pass that ended a deletion.");
  prometheus::Family<prometheus::Counter>& issued =
      Counter("rgd_graph_revision_issue_total", "Graph revisions created, by reason.");
  prometheus::Family<prometheus::Counter>& waited =
      Counter("rgd_graph_revision_wait_total", "Passes that waited for a revision, by reason.");
  prometheus::Family<prometheus::Counter>& resolved =
      Counter("rgd_graph_revision_resolution_total", "What passes did, by result.");
  prometheus::Family<prometheus::Counter>& missed =
      Counter("rgd_graph_revision_registry_miss_total", "Revisions not in memory, by reason.");
  prometheus::Family<prometheus::Counter>& collected =
      Counter("rgd_graph_revision_gc_deleted_total", "Revisions that retention deleted.");
  prometheus::Family<prometheus::Counter>& collect_errors =
      Counter("rgd_graph_revision_gc_errors_total", "Failures of retention.");
  prometheus::Family<prometheus::Counter>& compiles =
      Counter("graph_revision_compile_total", "Revisions compiled, by result.");
  prometheus::Family<prometheus::Histogram>& compile_time =
      Histogram("graph_revision_compile_duration_seconds", "Time to compile a revision.");
  prometheus::Family<prometheus::Counter>& status_errors = Counter(
      "graph_revision_status_update_errors_total", "Statuses of revisions that were not written.");
  prometheus::Family<prometheus::Counter>& deferred = Counter(
      "graph_revision_activation_deferred_total", "Good revisions whose status was not written.");
  prometheus::Family<prometheus::Counter>& evictions =
      Counter("graph_revision_finalizer_evictions_total", "Revisions that went.");
  prometheus::Family<prometheus::Gauge>& leader =
      Gauge("leader_election_master_status", "1 while this process leads.");
  prometheus::Family<prometheus::Counter>& queue_adds =
      Counter("workqueue_adds_total", "Keys that began to wait in a queue.");
  prometheus::Family<prometheus::Counter>& queue_retries =
      Counter("workqueue_retries_total", "Keys put back after a failure.");
  prometheus::Family<prometheus::Histogram>& queue_waits =
      Histogram("workqueue_queue_duration_seconds", "How long keys waited.");
  prometheus::Family<prometheus::Histogram>& queue_works =
      Histogram("workqueue_work_duration_seconds", "How long work on a key took.");

  prometheus::Family<prometheus::Counter>& looks =
      Counter("dynamic_controller_reconcile_total", "Looks at instances.");
  prometheus::Family<prometheus::Histogram>& look_time = Histogram(
      "dynamic_controller_reconcile_duration_seconds", "Length of a look at an instance.");
  prometheus::Family<prometheus::Counter>& requeues =
      Counter("dynamic_controller_requeue_total", "Looks that ask for another, by kind.");
  prometheus::Family<prometheus::Counter>& handler_errors =
      Counter("dynamic_controller_handler_errors_total", "Looks that failed.");
  prometheus::Family<prometheus::Counter>& handler_panics =
      Counter("dynamic_controller_reconcile_panics_total", "Looks that threw.");
  prometheus::Family<prometheus::Counter>& attaches =
      Counter("dynamic_controller_handler_attach_total", "Collections that began to be served.");
  prometheus::Family<prometheus::Counter>& detaches =
      Counter("dynamic_controller_handler_detach_total", "Collections no longer served.");
  prometheus::Family<prometheus::Histogram>& sync_time =
      Histogram("dynamic_controller_informer_sync_duration_seconds",
                "Time to read a collection for the first time.");
  prometheus::Family<prometheus::Counter>& behind =
      Counter("kro_watch_missed_total", "Watches that had missed something and were filled anew.");
  prometheus::Family<prometheus::Counter>& instance_looks =
      Counter("instance_reconcile_total", "Looks at instances.");
  prometheus::Family<prometheus::Histogram>& instance_time =
      Histogram("instance_reconcile_duration_seconds", "Length of a look at an instance.");
  prometheus::Family<prometheus::Counter>& instance_errors =
      Counter("instance_reconcile_errors_total", "Looks that failed.");
  prometheus::Family<prometheus::Counter>& instance_states =
      Counter("instance_state_transitions_total", "Changes of status.state of instances.");
  prometheus::Family<prometheus::Counter>& resolutions =
      Counter("instance_graph_resolution_success_total", "Looks that found the graph.");
  prometheus::Family<prometheus::Counter>& resolution_failures =
      Counter("instance_graph_resolution_failures_total", "Looks without a graph, by reason.");
  prometheus::Family<prometheus::Counter>& resolution_waits =
      Counter("instance_graph_resolution_pending_total", "Looks while the graph was compiled.");

  prometheus::Counter& expressions =
      Counter("cel_expr_eval_total", "Expressions evaluated.").Add({});
  prometheus::Histogram& expression_time =
      Histogram("cel_expr_eval_duration_seconds", "Time of an expression: the mean of a look.")
          .Add({}, EvaluationBuckets());
  prometheus::Counter& nodes = Counter("runtime_node_eval_total", "Nodes resolved.").Add({});
  prometheus::Histogram& node_time =
      Histogram("runtime_node_eval_duration_seconds", "Time to resolve a node: the mean of a look.")
          .Add({}, EvaluationBuckets());
  prometheus::Counter& node_errors =
      Counter("runtime_node_eval_errors_total", "Nodes that could not be resolved.").Add({});
  prometheus::Counter& creations =
      Counter("runtime_creation_total", "Looks that set up the runtime.").Add({});
  prometheus::Histogram& creation_time =
      Histogram("runtime_creation_duration_seconds", "Time to set up the runtime of a look.")
          .Add({}, EvaluationBuckets());
  prometheus::Counter& include_checks =
      Counter("runtime_node_ignored_check_total", "Nodes whose includeWhen was asked.").Add({});
  prometheus::Counter& ignored = Counter("runtime_node_ignored_total", "Nodes left out.").Add({});
  prometheus::Counter& ready_checks =
      Counter("runtime_node_ready_check_total", "Nodes whose readyWhen was asked.").Add({});
  prometheus::Counter& not_ready =
      Counter("runtime_node_not_ready_total", "Nodes that were not ready.").Add({});
  prometheus::Histogram& collection_size =
      Histogram("runtime_collection_size", "Items of a collection.").Add({}, CollectionBuckets());
  prometheus::Counter& schema_hits =
      Counter("schema_resolver_cache_hits_total", "Schemas found in memory.").Add({});
  prometheus::Counter& schema_misses =
      Counter("schema_resolver_cache_misses_total", "Schemas that had to be read.").Add({});
  prometheus::Counter& schema_shared = Counter("schema_resolver_singleflight_deduplicated_total",
                                               "Readings waited for instead of made.")
                                           .Add({});
  prometheus::Counter& schema_errors =
      Counter("schema_resolver_errors_total", "Schemas that could not be read.").Add({});
  prometheus::Histogram& schema_time =
      Histogram("schema_resolver_api_call_duration_seconds", "Time to read a schema.")
          .Add({}, FetchBuckets());
  prometheus::Family<prometheus::Counter>& requests =
      Counter("rest_client_requests_total", "Requests to the API server.");
  prometheus::Family<prometheus::Histogram>& request_time =
      Histogram("rest_client_request_duration_seconds", "Time to an answer, by verb.");
  prometheus::Family<prometheus::Counter>& repeats = Counter(
      "rest_client_request_retries_total", "Requests that were sent again, by their new answer.");
  prometheus::Family<prometheus::Histogram>& turn_time = Histogram(
      "rest_client_rate_limiter_duration_seconds", "Time until a request was let go, by verb.");
  prometheus::Family<prometheus::Histogram>& sent_bytes =
      Histogram("rest_client_request_size_bytes", "Size of requests, by verb.");
  prometheus::Family<prometheus::Histogram>& received_bytes =
      Histogram("rest_client_response_size_bytes", "Size of answers, by verb.");

  class Queue final : public kube::WorkqueueObserver {
   public:
    Queue(Impl& metrics, const std::string& name) {
      const Labels labels{{"name", name}, {"controller", name}};
      adds_ = &metrics.queue_adds.Add(labels);
      retries_ = &metrics.queue_retries.Add(labels);
      waits_ = &metrics.queue_waits.Add(labels, QueueBuckets());
      works_ = &metrics.queue_works.Add(labels, QueueBuckets());
    }
    void Added() override { adds_->Increment(); }
    void Taken(Duration waited) override { waits_->Observe(Seconds(waited)); }
    void Finished(Duration worked) override { works_->Observe(Seconds(worked)); }
    void Retried() override { retries_->Increment(); }

   private:
    prometheus::Counter* adds_;
    prometheus::Counter* retries_;
    prometheus::Histogram* waits_;
    prometheus::Histogram* works_;
  };

  // The series of one collection of instances.
  struct Api {
    prometheus::Counter* looks;
    prometheus::Histogram* look_time;
    prometheus::Counter* errors;
    prometheus::Counter* panics;
    std::map<std::string, prometheus::Counter*> requeues;  // by type
    prometheus::Counter* instance_looks;
    prometheus::Histogram* instance_time;
    prometheus::Counter* instance_errors;
    prometheus::Counter* resolved;
    prometheus::Counter* pending;
    prometheus::Counter* not_available;
    prometheus::Counter* failed;
    std::map<std::string, prometheus::Counter*> states;  // by "from to"
  };
  // These expect the mutex to be held.
  void AddApi(const api::Gvr& gvr);
  // nullptr: it is not served any more, and what is still under way must not bring its series back.
  Api* ApiOf(const api::Gvr& gvr) {
    const auto found = apis.find(gvr);
    return found == apis.end() ? nullptr : &found->second;
  }

  const double started =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

  std::mutex mutex;
  // All guarded by mutex. The series of one definition, to be dropped with it.
  std::map<std::string, std::vector<std::function<void()>>, std::less<>> of_definition;
  std::set<std::string> with_builds;
  std::deque<std::function<void()>> deleted;
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues;
  std::map<api::Gvr, Api> apis;
};

PrometheusMetrics::PrometheusMetrics() : impl_(std::make_unique<Impl>()) {
  // Upstream shows these from the start, too.
  for (const char* name : {"ResourceGraphDefinition", "graphrevision"}) {
    const Labels controller{{"controller", name}};
    for (const char* result : {"success", "error", "requeue", "requeue_after"}) {
      impl_->reconciles.Add(Labels{{"controller", name}, {"result", result}});
    }
    impl_->reconcile_errors.Add(controller);
    impl_->reconcile_panics.Add(controller);
    impl_->reconcile_terminal_errors.Add(controller);
    impl_->reconcile_timeouts.Add(controller);
  }
  for (auto* unlabelled : {&impl_->collected, &impl_->collect_errors, &impl_->status_errors,
                           &impl_->deferred, &impl_->evictions}) {
    unlabelled->Add(Labels{});
  }
}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::Reconciled(std::string_view controller, Outcome outcome, Duration took) {
  const std::string name(controller);
  const char* result = outcome == Outcome::kSuccess        ? "success"
                       : outcome == Outcome::kRequeueAfter ? "requeue_after"
                                                           : "error";
  impl_->reconciles.Add(Labels{{"controller", name}, {"result", result}}).Increment();
  if (outcome == Outcome::kError || outcome == Outcome::kRejected) {
    impl_->reconcile_errors.Add(Labels{{"controller", name}}).Increment();
  }
  if (outcome == Outcome::kRejected) {
    impl_->reconcile_terminal_errors.Add(Labels{{"controller", name}}).Increment();
  }
  impl_->reconcile_time.Add(Labels{{"controller", name}}, ReconcileBuckets())
      .Observe(Seconds(took));
}

void PrometheusMetrics::ReconcilePanicked(std::string_view controller) {
  impl_->reconcile_panics.Add(Labels{{"controller", std::string(controller)}}).Increment();
}

void PrometheusMetrics::GraphBuilt(std::string_view definition, Duration took, bool good) {
  const Labels labels{{"name", std::string(definition)}};
  Impl& self = *impl_;
  auto& total = self.builds.Add(labels);
  auto& time = self.build_time.Add(labels, PassBuckets());
  auto& errors = self.build_errors.Add(labels);
  total.Increment();
  time.Observe(Seconds(took));
  if (!good) errors.Increment();
  std::lock_guard lock(self.mutex);
  if (!self.with_builds.emplace(definition).second) return;
  auto& drops = self.of_definition[std::string(definition)];
  drops.push_back([&self, &total] { self.builds.Remove(&total); });
  drops.push_back([&self, &time] { self.build_time.Remove(&time); });
  drops.push_back([&self, &errors] { self.build_errors.Remove(&errors); });
}

void PrometheusMetrics::StateChanged(std::string_view definition, std::string_view from,
                                     std::string_view to) {
  Impl& self = *impl_;
  auto& changes = self.transitions.Add(Labels{
      {"name", std::string(definition)}, {"from", std::string(from)}, {"to", std::string(to)}});
  const bool first = changes.Value() == 0;
  changes.Increment();
  if (!first) return;
  std::lock_guard lock(self.mutex);
  self.of_definition[std::string(definition)].push_back(
      [&self, &changes] { self.transitions.Remove(&changes); });
}

void PrometheusMetrics::DefinitionDeleted(std::string_view definition, Duration took) {
  Impl& self = *impl_;
  const Labels labels{{"name", std::string(definition)}};
  auto& count = self.deletions.Add(labels);
  auto& time = self.deletion_time.Add(labels, PassBuckets());
  const bool first = count.Value() == 0;
  count.Increment();
  time.Observe(Seconds(took));
  std::lock_guard lock(self.mutex);
  if (first) {
    self.deleted.emplace_back([&self, &count, &time] {
      self.deletions.Remove(&count);
      self.deletion_time.Remove(&time);
    });
    if (self.deleted.size() > kDeletedKept) {
      self.deleted.front()();
      self.deleted.pop_front();
    }
  }
  self.with_builds.erase(std::string(definition));
  const auto found = self.of_definition.find(definition);
  if (found == self.of_definition.end()) return;
  for (const auto& drop : found->second) drop();
  self.of_definition.erase(found);
}

void PrometheusMetrics::RevisionIssued(std::string_view reason) {
  impl_->issued.Add(Labels{{"reason", std::string(reason)}}).Increment();
}

void PrometheusMetrics::RevisionWaited(std::string_view reason) {
  impl_->waited.Add(Labels{{"reason", std::string(reason)}}).Increment();
}

void PrometheusMetrics::RevisionResolved(std::string_view result) {
  impl_->resolved.Add(Labels{{"result", std::string(result)}}).Increment();
}

void PrometheusMetrics::RegistryMissed(std::string_view reason) {
  impl_->missed.Add(Labels{{"reason", std::string(reason)}}).Increment();
}

void PrometheusMetrics::RevisionsCollected(std::size_t deleted, std::size_t failed) {
  impl_->collected.Add(Labels{}).Increment(static_cast<double>(deleted));
  impl_->collect_errors.Add(Labels{}).Increment(static_cast<double>(failed));
}

void PrometheusMetrics::RevisionCompiled(Duration took, bool good) {
  const Labels labels{{"result", good ? "success" : "failed"}};
  impl_->compiles.Add(labels).Increment();
  impl_->compile_time.Add(labels, PassBuckets()).Observe(Seconds(took));
}

void PrometheusMetrics::RevisionStatusFailed(bool activation_deferred) {
  impl_->status_errors.Add(Labels{}).Increment();
  if (activation_deferred) impl_->deferred.Add(Labels{}).Increment();
}

void PrometheusMetrics::RevisionEvicted() { impl_->evictions.Add(Labels{}).Increment(); }

kube::WorkqueueObserver* PrometheusMetrics::ObserverOf(std::string_view queue) {
  std::lock_guard lock(impl_->mutex);
  auto& observer = impl_->queues[std::string(queue)];
  if (observer == nullptr) observer = std::make_unique<Impl::Queue>(*impl_, std::string(queue));
  return observer.get();
}

void PrometheusMetrics::ApiServed(const api::Gvr& gvr) {
  std::lock_guard lock(impl_->mutex);
  impl_->AddApi(gvr);
  impl_->attaches.Add(Labels{{"type", "parent"}}).Increment();
}

void PrometheusMetrics::ApiStopped(const api::Gvr& gvr) {
  Impl& self = *impl_;
  std::lock_guard lock(self.mutex);
  self.detaches.Add(Labels{{"type", "parent"}}).Increment();
  const auto found = self.apis.find(gvr);
  if (found == self.apis.end()) return;
  Impl::Api& api = found->second;
  self.looks.Remove(api.looks);
  self.look_time.Remove(api.look_time);
  self.handler_errors.Remove(api.errors);
  self.handler_panics.Remove(api.panics);
  for (const auto& [type, counter] : api.requeues) self.requeues.Remove(counter);
  self.instance_looks.Remove(api.instance_looks);
  self.instance_time.Remove(api.instance_time);
  self.instance_errors.Remove(api.instance_errors);
  self.resolutions.Remove(api.resolved);
  self.resolution_waits.Remove(api.pending);
  self.resolution_failures.Remove(api.not_available);
  self.resolution_failures.Remove(api.failed);
  for (const auto& [states, counter] : api.states) self.instance_states.Remove(counter);
  self.apis.erase(found);
}

void PrometheusMetrics::Impl::AddApi(const api::Gvr& gvr) {
  if (apis.contains(gvr)) return;
  // Upstream spells a collection in two ways.
  const Labels path{{"gvr", fmt::format("{}/{}/{}", gvr.group, gvr.version, gvr.resource)}};
  const Labels text{{"gvr", GvrText(gvr)}};
  const auto with = [](Labels labels, const char* name, const char* value) {
    labels.emplace(name, value);
    return labels;
  };
  Api api{.looks = &looks.Add(path),
          .look_time = &look_time.Add(path, PassBuckets()),
          .errors = &handler_errors.Add(path),
          .panics = &handler_panics.Add(path),
          .requeues = {},
          .instance_looks = &instance_looks.Add(text),
          .instance_time = &instance_time.Add(text, PassBuckets()),
          .instance_errors = &instance_errors.Add(text),
          .resolved = &resolutions.Add(text),
          .pending = &resolution_waits.Add(text),
          .not_available = &resolution_failures.Add(with(text, "reason", "not_available")),
          .failed = &resolution_failures.Add(with(text, "reason", "failed")),
          .states = {}};
  for (const char* type : {"no_requeue", "requeue", "requeue_after", "rate_limited"}) {
    api.requeues.emplace(type, &requeues.Add(with(path, "type", type)));
  }
  apis.emplace(gvr, std::move(api));
}

void PrometheusMetrics::LookedAt(const api::Gvr& gvr, Look look, Duration took) {
  std::lock_guard lock(impl_->mutex);
  Impl::Api* const found = impl_->ApiOf(gvr);
  if (found == nullptr) return;
  Impl::Api& api = *found;
  const double seconds = Seconds(took);
  api.looks->Increment();
  api.look_time->Observe(seconds);
  api.instance_looks->Increment();
  api.instance_time->Observe(seconds);
  if (look == Look::kRequeueAfter) api.requeues.at("requeue_after")->Increment();
  if (look == Look::kSuccess || look == Look::kRequeueAfter) return;
  api.requeues.at("rate_limited")->Increment();
  api.errors->Increment();
  api.instance_errors->Increment();
}

void PrometheusMetrics::LookPanicked(const api::Gvr& gvr) {
  std::lock_guard lock(impl_->mutex);
  if (Impl::Api* const api = impl_->ApiOf(gvr); api != nullptr) api->panics->Increment();
}

void PrometheusMetrics::GraphResolved(const api::Gvr& gvr, Resolution resolution) {
  std::lock_guard lock(impl_->mutex);
  Impl::Api* const api = impl_->ApiOf(gvr);
  if (api == nullptr) return;
  switch (resolution) {
    case Resolution::kSuccess:
      api->resolved->Increment();
      return;
    case Resolution::kPending:
      api->pending->Increment();
      return;
    case Resolution::kNotAvailable:
      api->not_available->Increment();
      return;
    case Resolution::kFailed:
      api->failed->Increment();
      return;
  }
}

void PrometheusMetrics::InstanceStateChanged(const api::Gvr& gvr, const api::Gvk& gvk,
                                             std::string_view from, std::string_view to) {
  std::lock_guard lock(impl_->mutex);
  Impl::Api* const api = impl_->ApiOf(gvr);
  if (api == nullptr) return;
  auto& counter = api->states[fmt::format("{} {}", from, to)];
  if (counter == nullptr) {
    counter = &impl_->instance_states.Add(
        Labels{{"gvr", fmt::format("{}, Kind={}", gvk.ApiVersion(), gvk.kind)},
               {"from_state", std::string(from)},
               {"to_state", std::string(to)}});
  }
  counter->Increment();
}

void PrometheusMetrics::Evaluated(const controller::EvaluationCounts& counts) {
  Impl& self = *impl_;
  const auto add = [](prometheus::Counter& counter, std::size_t value) {
    if (value > 0) counter.Increment(static_cast<double>(value));
  };
  const auto mean = [&](std::size_t of) {
    return Seconds(counts.evaluating) / static_cast<double>(of);
  };
  self.creations.Increment();
  self.creation_time.Observe(Seconds(counts.setting_up));
  add(self.expressions, counts.expressions);
  if (counts.expressions > 0) self.expression_time.Observe(mean(counts.expressions));
  add(self.nodes, counts.nodes);
  if (counts.nodes > 0) self.node_time.Observe(mean(counts.nodes));
  add(self.node_errors, counts.node_errors);
  add(self.include_checks, counts.include_checks);
  add(self.ignored, counts.ignored);
  add(self.ready_checks, counts.ready_checks);
  add(self.not_ready, counts.not_ready);
  for (const std::size_t size : counts.collection_sizes) {
    self.collection_size.Observe(static_cast<double>(size));
  }
}

void PrometheusMetrics::WatchFilled(const api::Gvr& gvr, Duration took) {
  impl_->sync_time.Add(Labels{{"gvr", GvrText(gvr)}}, PassBuckets()).Observe(Seconds(took));
}

void PrometheusMetrics::WatchWasBehind(const api::Gvr& gvr) {
  impl_->behind.Add(Labels{{"gvr", GvrText(gvr)}}).Increment();
}

void PrometheusMetrics::WatchesEnded(const api::Gvr& gvr) {
  const Labels labels{{"gvr", GvrText(gvr)}};
  impl_->sync_time.Remove(&impl_->sync_time.Add(labels, PassBuckets()));
  impl_->behind.Remove(&impl_->behind.Add(labels));
}

void PrometheusMetrics::SchemaLookedUp(Lookup lookup) {
  switch (lookup) {
    case Lookup::kHit:
      impl_->schema_hits.Increment();
      return;
    case Lookup::kMiss:
      impl_->schema_misses.Increment();
      return;
    case Lookup::kShared:
      impl_->schema_shared.Increment();
      return;
  }
}

void PrometheusMetrics::SchemaFetched(Duration took, bool good) {
  impl_->schema_time.Observe(Seconds(took));
  if (!good) impl_->schema_errors.Increment();
}

void PrometheusMetrics::SetLeader(std::string_view lease, bool leads) {
  impl_->leader.Add(Labels{{"name", std::string(lease)}}).Set(leads ? 1 : 0);
}

void PrometheusMetrics::Requested(const Request& request) {
  const std::string verb(request.method);
  impl_->requests
      .Add(Labels{
          {"code", CodeText(request.code)}, {"method", verb}, {"host", std::string(request.host)}})
      .Increment();
  const Labels by_verb{{"verb", verb}};
  impl_->request_time.Add(by_verb, RequestBuckets()).Observe(Seconds(request.took));
  if (request.sent) {
    impl_->sent_bytes.Add(by_verb, SizeBuckets()).Observe(static_cast<double>(*request.sent));
  }
  if (request.received) {
    impl_->received_bytes.Add(by_verb, SizeBuckets())
        .Observe(static_cast<double>(*request.received));
  }
}

void PrometheusMetrics::Repeated(std::string_view method, int code) {
  impl_->repeats.Add(Labels{{"code", CodeText(code)}, {"method", std::string(method)}}).Increment();
}

void PrometheusMetrics::Waited(std::string_view method, Duration waited) {
  impl_->turn_time.Add(Labels{{"verb", std::string(method)}}, RequestBuckets())
      .Observe(Seconds(waited));
}

std::string PrometheusMetrics::Text(const std::vector<controller::Measurement>& measured) const {
  auto families = impl_->registry.Collect();
  AddMeasured(measured, families);
  AddMeasured({{.name = "process_start_time_seconds",
                .help = "Start time of the process since unix epoch in seconds.",
                .labels = {},
                .value = impl_->started}},
              families);
  AddProcess(families);
  return prometheus::TextSerializer().Serialize(families);
}

namespace {

const Buckets& PassBuckets() {
  static const Buckets buckets = {.01, .05, .1, .25, .5, 1,  2.5, 5,
                                  10,  15,  20, 25,  30, 45, 60,  120};
  return buckets;
}

// Of controller-runtime.
const Buckets& ReconcileBuckets() {
  static const Buckets buckets = {
      .005, .01, .025, .05, .1,  .15, .2,  .25, .3, .35, .4, .45, .5, .6, .7, .8, .9, 1,  1.25, 1.5,
      1.75, 2,   2.5,  3,   3.5, 4,   4.5, 5,   6,  7,   8,  9,   10, 15, 20, 25, 30, 40, 50,   60};
  return buckets;
}

const Buckets& RequestBuckets() {
  static const Buckets buckets = Growing(.001, 2, 16);
  return buckets;
}

const Buckets& SizeBuckets() {
  static const Buckets buckets = Growing(64, 2, 16);
  return buckets;
}

const Buckets& EvaluationBuckets() {
  static const Buckets buckets = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  return buckets;
}

const Buckets& CollectionBuckets() {
  static const Buckets buckets = Growing(1, 2, 10);
  return buckets;
}

const Buckets& FetchBuckets() {
  static const Buckets buckets = Growing(.01, 2, 10);
  return buckets;
}

const Buckets& QueueBuckets() {
  static const Buckets buckets = Growing(1e-8, 10, 12);
  return buckets;
}

Buckets Growing(double first, double factor, int count) {
  Buckets bounds;
  double bound = first;
  for (int i = 0; i < count; ++i, bound *= factor) bounds.push_back(bound);
  return bounds;
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// "kro.run/v1alpha1, Resource=webs".
std::string GvrText(const api::Gvr& gvr) {
  return fmt::format("{}/{}, Resource={}", gvr.group, gvr.version, gvr.resource);
}

// Of an answer; 0: none came.
std::string CodeText(int code) { return code == 0 ? "<error>" : fmt::to_string(code); }

void AddMeasured(const std::vector<controller::Measurement>& measured,
                 std::vector<prometheus::MetricFamily>& families) {
  std::map<std::string, std::size_t> places;
  for (const controller::Measurement& one : measured) {
    const bool counts = one.type == controller::Measurement::Type::kCounter;
    const auto [place, added] = places.emplace(one.name, families.size());
    if (added) {
      prometheus::MetricFamily family;
      family.name = one.name;
      family.help = one.help;
      family.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      families.push_back(std::move(family));
    }
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : one.labels) metric.label.push_back({name, value});
    if (counts) {
      metric.counter.value = one.value;
    } else {
      metric.gauge.value = one.value;
    }
    families[place->second].metric.push_back(std::move(metric));
  }
}

// What every exporter says of its process; read from /proc.
void AddProcess(std::vector<prometheus::MetricFamily>& families) {
  std::vector<controller::Measurement> measured;
  const auto add = [&](const char* name, const char* help, double value,
                       controller::Measurement::Type type = controller::Measurement::Type::kGauge) {
    measured.push_back({.name = name, .help = help, .type = type, .labels = {}, .value = value});
  };
  if (std::FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    long size = 0;
    long resident = 0;
    const int read = std::fscanf(file, "%ld %ld", &size, &resident);
    std::fclose(file);
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    if (read == 2) {
      add("process_virtual_memory_bytes", "Virtual memory size in bytes.",
          static_cast<double>(size) * page);
      add("process_resident_memory_bytes", "Resident memory size in bytes.",
          static_cast<double>(resident) * page);
    }
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
        seconds(usage.ru_utime) + seconds(usage.ru_stime), controller::Measurement::Type::kCounter);
  }
  std::error_code failure;
  double open = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", failure);
       !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    ++open;
  }
  if (!failure) add("process_open_fds", "Number of open file descriptors.", open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    add("process_max_fds", "Maximum number of open file descriptors.",
        static_cast<double>(limit.rlim_cur));
  }
  AddMeasured(measured, families);
}

}  // namespace
}  // namespace kro::operator_
