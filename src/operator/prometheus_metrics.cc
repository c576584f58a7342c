#include "operator/prometheus_metrics.h"

#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <cstdio>

namespace kro::operator_ {
namespace {

using Labels = prometheus::Labels;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets& PassBuckets();
const Buckets& RequestBuckets();
double Seconds(Duration duration);
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
  prometheus::Family<prometheus::Counter>& deferred =
      Counter("graph_revision_activation_deferred_total", "Good revisions whose status was not written.");
  prometheus::Family<prometheus::Counter>& evictions =
      Counter("graph_revision_finalizer_evictions_total", "Revisions that went.");
  prometheus::Family<prometheus::Gauge>& entries =
      Gauge("graph_revision_registry_entries", "Revisions in memory, by state.");
  prometheus::Family<prometheus::Gauge>& leader =
      Gauge("leader_election_master_status", "1 while this process leads.");
  prometheus::Family<prometheus::Gauge>& depth =
      Gauge("workqueue_depth", "Keys that wait in a queue.");
  prometheus::Family<prometheus::Counter>& requests =
      Counter("rest_client_requests_total", "Requests to the API server.");
  prometheus::Family<prometheus::Histogram>& request_time =
      Histogram("rest_client_request_duration_seconds", "Time to an answer, by verb.");

  // The series of one definition, to be dropped with it.
  std::mutex mutex;
  std::map<std::string, std::vector<std::function<void()>>, std::less<>> of_definition;  // guarded by mutex
};

PrometheusMetrics::PrometheusMetrics() : impl_(std::make_unique<Impl>()) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::Reconciled(std::string_view controller, Outcome outcome, Duration took) {
  const std::string name(controller);
  const char* result = outcome == Outcome::kSuccess ? "success"
                       : outcome == Outcome::kError ? "error"
                                                    : "requeue_after";
  impl_->reconciles.Add(Labels{{"controller", name}, {"result", result}}).Increment();
  if (outcome == Outcome::kError) impl_->reconcile_errors.Add(Labels{{"controller", name}}).Increment();
  impl_->reconcile_time.Add(Labels{{"controller", name}}, PassBuckets()).Observe(Seconds(took));
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
  auto& drops = self.of_definition[std::string(definition)];
  if (!drops.empty()) return;
  drops.push_back([&self, &total] { self.builds.Remove(&total); });
  drops.push_back([&self, &time] { self.build_time.Remove(&time); });
  drops.push_back([&self, &errors] { self.build_errors.Remove(&errors); });
}

void PrometheusMetrics::StateChanged(std::string_view definition, std::string_view from,
                                     std::string_view to) {
  impl_->transitions
      .Add(Labels{{"name", std::string(definition)},
                  {"from", std::string(from)},
                  {"to", std::string(to)}})
      .Increment();
}

void PrometheusMetrics::DefinitionDeleted(std::string_view definition, Duration took) {
  impl_->deletions.Add(Labels{{"name", std::string(definition)}}).Increment();
  impl_->deletion_time.Add(Labels{{"name", std::string(definition)}}, PassBuckets())
      .Observe(Seconds(took));
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->of_definition.find(definition);
  if (found == impl_->of_definition.end()) return;
  for (const auto& drop : found->second) drop();
  impl_->of_definition.erase(found);
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

void PrometheusMetrics::SetRegistryEntries(std::string_view state, std::size_t count) {
  impl_->entries.Add(Labels{{"state", std::string(state)}}).Set(static_cast<double>(count));
}

void PrometheusMetrics::SetLeader(std::string_view lease, bool leads) {
  impl_->leader.Add(Labels{{"name", std::string(lease)}}).Set(leads ? 1 : 0);
}

void PrometheusMetrics::SetQueue(std::string_view queue, std::size_t depth) {
  const std::string name(queue);
  impl_->depth.Add(Labels{{"name", name}, {"controller", name}, {"priority", ""}})
      .Set(static_cast<double>(depth));
}

void PrometheusMetrics::Requested(std::string_view method, int code, std::string_view host,
                                  Duration took) {
  const std::string verb(method);
  impl_->requests
      .Add(Labels{{"code", code == 0 ? "<error>" : fmt::to_string(code)},
                  {"method", verb},
                  {"host", std::string(host)}})
      .Increment();
  impl_->request_time.Add(Labels{{"verb", verb}}, RequestBuckets()).Observe(Seconds(took));
}

std::string PrometheusMetrics::Text() const {
  auto families = impl_->registry.Collect();
  AddProcess(families);
  return prometheus::TextSerializer().Serialize(families);
}

namespace {

const Buckets& PassBuckets() {
  static const Buckets buckets = {.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 20, 25, 30, 45, 60, 120};
  return buckets;
}

const Buckets& RequestBuckets() {
  static const Buckets buckets = [] {
    Buckets doubling;
    double bound = .001;
    for (int i = 0; i < 16; ++i, bound *= 2) doubling.push_back(bound);
    return doubling;
  }();
  return buckets;
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// What every exporter says of its process; read from /proc.
void AddProcess(std::vector<prometheus::MetricFamily>& families) {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return;
  long size = 0;
  long resident = 0;
  const int read = std::fscanf(file, "%ld %ld", &size, &resident);
  std::fclose(file);
  if (read != 2) return;
  prometheus::MetricFamily family;
  family.name = "process_resident_memory_bytes";
  family.help = "Resident memory size in bytes.";
  family.type = prometheus::MetricType::Gauge;
  prometheus::ClientMetric metric;
  metric.gauge.value = static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
  family.metric.push_back(std::move(metric));
  families.push_back(std::move(family));
}

}  // namespace
}  // namespace kro::operator_
