// What /metrics shows, against the table of upstream's (controllers spec section 5): names, types, labels, buckets;
// and how many series there can be.
#include "operator/prometheus_metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "operator/endpoints.h"
#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::HasSubstr;
using testing::Not;

// Name, type, labels, buckets of a histogram.
constexpr std::string_view kUpstream = R"(
dynamic_controller_reconcile_total counter gvr
dynamic_controller_reconcile_duration_seconds histogram gvr pass
dynamic_controller_requeue_total counter gvr,type
dynamic_controller_handler_errors_total counter gvr
dynamic_controller_reconcile_panics_total counter gvr
dynamic_controller_gvr_count gauge -
dynamic_controller_queue_length gauge -
dynamic_controller_handler_count_total gauge type
dynamic_controller_handler_attach_total counter type
dynamic_controller_handler_detach_total counter type
dynamic_controller_informer_sync_duration_seconds histogram gvr pass
dynamic_controller_informer_events_total counter event_type,gvr
dynamic_controller_watch_count gauge -
dynamic_controller_instance_watch_count gauge parent_gvr
dynamic_controller_watch_request_count gauge gvr,type
dynamic_controller_route_total counter gvr
dynamic_controller_route_match_total counter gvr
rgd_graph_build_total counter name
rgd_graph_build_duration_seconds histogram name pass
rgd_graph_build_errors_total counter name
rgd_state_transitions_total counter from,name,to
rgd_deletions_total counter name
rgd_deletion_duration_seconds histogram name pass
rgd_graph_revision_issue_total counter reason
rgd_graph_revision_wait_total counter reason
rgd_graph_revision_resolution_total counter result
rgd_graph_revision_registry_miss_total counter reason
rgd_graph_revision_gc_deleted_total counter -
rgd_graph_revision_gc_errors_total counter -
graph_revision_compile_total counter result
graph_revision_compile_duration_seconds histogram result pass
graph_revision_status_update_errors_total counter -
graph_revision_activation_deferred_total counter -
graph_revision_finalizer_evictions_total counter -
graph_revision_registry_entries gauge state
graph_revision_registry_transitions_total counter from,to
graph_revision_registry_evictions_total counter -
instance_reconcile_total counter gvr
instance_reconcile_duration_seconds histogram gvr pass
instance_reconcile_errors_total counter gvr
instance_state_transitions_total counter from_state,gvr,to_state
instance_graph_resolution_success_total counter gvr
instance_graph_resolution_failures_total counter gvr,reason
instance_graph_resolution_pending_total counter gvr
instance_condition_current_status_seconds gauge condition_status,condition_type,gvr,name,namespace,reason
cel_expr_eval_total counter -
cel_expr_eval_duration_seconds histogram - evaluation
runtime_node_eval_total counter -
runtime_node_eval_duration_seconds histogram - evaluation
runtime_node_eval_errors_total counter -
runtime_creation_total counter -
runtime_creation_duration_seconds histogram - evaluation
runtime_node_ignored_check_total counter -
runtime_node_ignored_total counter -
runtime_node_ready_check_total counter -
runtime_node_not_ready_total counter -
runtime_collection_size histogram - 1*2^10
schema_resolver_cache_hits_total counter -
schema_resolver_cache_misses_total counter -
schema_resolver_cache_evictions_total counter -
schema_resolver_cache_size gauge -
schema_resolver_api_call_duration_seconds histogram - .01*2^10
schema_resolver_singleflight_deduplicated_total counter -
schema_resolver_errors_total counter -
rest_client_requests_total counter code,host,method
rest_client_request_duration_seconds histogram verb .001*2^16
rest_client_rate_limiter_duration_seconds histogram verb .001*2^16
rest_client_request_size_bytes histogram verb 64*2^16
rest_client_response_size_bytes histogram verb 64*2^16
rest_client_request_retries_total counter code,method
controller_runtime_reconcile_total counter controller,result
controller_runtime_reconcile_errors_total counter controller
controller_runtime_terminal_reconcile_errors_total counter controller
controller_runtime_reconcile_panics_total counter controller
controller_runtime_reconcile_timeouts_total counter controller
controller_runtime_reconcile_time_seconds histogram controller reconcile
controller_runtime_max_concurrent_reconciles gauge controller
controller_runtime_active_workers gauge controller
workqueue_depth gauge controller,name,priority
workqueue_adds_total counter controller,name
workqueue_retries_total counter controller,name
workqueue_queue_duration_seconds histogram controller,name 1e-8*10^12
workqueue_work_duration_seconds histogram controller,name 1e-8*10^12
workqueue_unfinished_work_seconds gauge controller,name
workqueue_longest_running_processor_seconds gauge controller,name
leader_election_master_status gauge name
)";

constexpr std::string_view kWeb = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string | default=one}}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
)";

// Each instance looks for secrets by a selector and by a name of its own.
constexpr std::string_view kSeeker = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: seeker}
spec:
  schema: {apiVersion: v1alpha1, kind: Seeker, spec: {text: string | default=one}}
  resources:
  - id: some
    externalRef:
      apiVersion: v1
      kind: Secret
      metadata: {selector: {matchLabels: {for: "${schema.metadata.name}"}}}
  - id: one
    externalRef:
      apiVersion: v1
      kind: Secret
      metadata: {name: "${schema.metadata.name}"}
)";

const api::Gvr kWebs{"kro.run", "v1alpha1", "webs"};

std::string Instance(std::string_view kind, std::string_view name) {
  return fmt::format(
      "{{apiVersion: kro.run/v1alpha1, kind: {}, metadata: {{name: {}, namespace: "
      "default}}}}\n",
      kind, name);
}

std::string Metrics(const Replica& replica) {
  return AnswerMetrics(replica.op, {.target = "/metrics"}, Debug::kOff).body;
}

// The value of a series; -1: there is none.
double Value(const std::string& text, const std::string& series) {
  const std::size_t at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

std::size_t Lines(const std::string& text, std::string_view begin) {
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.starts_with(begin) ? 1 : 0;
  return count;
}

struct Family {
  std::string type;
  std::set<std::string> labels;  // each "a,b" that some series has, sorted; "-": none
  std::vector<double> buckets;   // of the first series, without +Inf
};

// Reads the text format, of which no label value holds a quote here.
void ReadFamilies(const std::string& text, std::map<std::string, Family>& families) {
  std::istringstream lines(text);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      words >> name;
      words >> families[name].type;
    }
    if (line.starts_with('#')) continue;
    Family& family = families[name];
    std::vector<std::string> labels;
    std::string bound;
    const std::size_t open = line.find('{');
    const std::string inside =
        open == std::string::npos ? "" : line.substr(open + 1, line.rfind('}') - open - 1);
    for (std::size_t at = 0; at < inside.size();) {
      const std::size_t equals = inside.find("=\"", at);
      const std::size_t end = inside.find('"', equals + 2);
      const std::string label = inside.substr(at, equals - at);
      if (label == "le") {
        bound = inside.substr(equals + 2, end - equals - 2);
      } else {
        labels.push_back(label);
      }
      at = inside.find_first_not_of(',', end + 1);
    }
    std::ranges::sort(labels);
    family.labels.insert(labels.empty() ? "-" : fmt::format("{}", fmt::join(labels, ",")));
    if (bound.empty() || bound == "+Inf") continue;
    const double value = std::stod(bound);
    if (family.buckets.empty() || value > family.buckets.back()) family.buckets.push_back(value);
  }
}

// What the table's word stands for.
std::vector<double> Buckets(const std::string& word) {
  if (word.empty()) return {};
  if (word == "pass") return {.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 20, 25, 30, 45, 60, 120};
  if (word == "evaluation") return {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  if (word == "reconcile") {
    return {.005, .01, .025, .05, .1,   .15, .2,   .25, .3,  .35, .4,  .45, .5,  .6,
            .7,   .8,  .9,   1,   1.25, 1.5, 1.75, 2,   2.5, 3,   3.5, 4,   4.5, 5,
            6,    7,   8,    9,   10,   15,  20,   25,  30,  40,  50,  60};
  }
  // "first*factor^count".
  const std::size_t times = word.find('*');
  const std::size_t to = word.find('^');
  std::vector<double> buckets;
  double bound = std::stod(word.substr(0, times));
  for (int i = 0; i < std::stoi(word.substr(to + 1)); ++i) {
    buckets.push_back(bound);
    bound *= std::stod(word.substr(times + 1, to - times - 1));
  }
  return buckets;
}

// Makes happen what a short run of an operator has none of.
void CountEverything(PrometheusMetrics& metrics) {
  metrics.StateChanged("web", "Active", "Inactive");
  metrics.RevisionWaited("settling");
  metrics.RegistryMissed("latest_not_warmed");
  metrics.RevisionCompiled(1ms, true);
  metrics.SetLeader("lease", true);
  metrics.Repeated("GET", 200);
  metrics.Waited("GET", 1ms);
  metrics.ApiServed(kWebs);
  metrics.ApiStopped(kWebs);
  metrics.DefinitionDeleted("web", 1ms);
}

TEST(PrometheusMetrics, HaveUpstreamsNamesTypesLabelsAndBuckets) {
  SimulatedCluster c;
  OperatorOptions options;
  options.settings.condition_metrics = true;
  auto replica = c.Start(options);
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Instance("Web", "a"));
  std::map<std::string, Family> families;
  ReadFamilies(Metrics(*replica), families);
  PrometheusMetrics metrics;
  CountEverything(metrics);
  metrics.StateChanged("other", "Active", "Inactive");
  ReadFamilies(metrics.Text({}), families);

  std::istringstream table((std::string(kUpstream)));
  std::set<std::string> known;
  for (std::string line; std::getline(table, line);) {
    if (line.empty()) continue;
    SCOPED_TRACE(line);
    std::string name;
    std::string type;
    std::string labels;
    std::string buckets;
    std::istringstream(line) >> name >> type >> labels >> buckets;
    known.insert(name);
    const Family& family = families[name];
    EXPECT_EQ(family.type, type);
    EXPECT_THAT(family.labels, testing::ElementsAre(labels));
    const std::vector<double> wanted = Buckets(buckets);
    ASSERT_EQ(family.buckets.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(family.buckets[i], wanted[i], wanted[i] * 1e-6);
    }
  }
  // What upstream does not have says so.
  for (const auto& [name, family] : families) {
    EXPECT_TRUE(known.contains(name) || name.starts_with("kro_") || name.starts_with("process_"))
        << name;
  }
}

TEST(PrometheusMetrics, ShowWhatAControllerCanComeToFromTheStart) {
  PrometheusMetrics metrics;
  const std::string text = metrics.Text({});
  for (const char* result : {"success", "error", "requeue", "requeue_after"}) {
    EXPECT_EQ(Value(text, fmt::format("controller_runtime_reconcile_total{{controller="
                                      "\"graphrevision\",result=\"{}\"}}",
                                      result)),
              0);
  }
  EXPECT_EQ(Value(text, "rgd_graph_revision_gc_deleted_total"), 0);
}

TEST(PrometheusMetrics, ADefinitionThatDoesNotCompileIsATerminalError) {
  SimulatedCluster c;
  auto replica = c.Start();
  std::string broken(kWeb);
  broken.replace(broken.find("schema.spec.text"), 16, "schema.spec.nope");
  c.ApplyAndSettle(broken);
  const std::string text = Metrics(*replica);
  const std::string of = "{controller=\"ResourceGraphDefinition\"}";
  EXPECT_GE(Value(text, "controller_runtime_terminal_reconcile_errors_total" + of), 1);
  EXPECT_EQ(Value(text, "controller_runtime_terminal_reconcile_errors_total" + of),
            Value(text, "controller_runtime_reconcile_errors_total" + of));
  EXPECT_EQ(Value(text,
                  "controller_runtime_reconcile_total{controller=\"ResourceGraphDefinition\","
                  "result=\"error\"}"),
            Value(text, "controller_runtime_reconcile_errors_total" + of));
}

TEST(PrometheusMetrics, CountChangesOfInstancesAndOfRevisionsInMemory) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Instance("Web", "a"));
  const auto events = [&](const char* type) {
    return Value(Metrics(*replica),
                 fmt::format("dynamic_controller_informer_events_total{{gvr=\"kro.run/v1alpha1, "
                             "Resource=webs\",event_type=\"{}\"}}",
                             type));
  };
  EXPECT_EQ(events("add"), 1);
  const double updates = events("update");
  c.Patch(kWebs, "a", "spec: {text: two}", "default");
  c.Advance(2s);
  EXPECT_EQ(events("update"), updates + 1);
  c.Delete(kWebs, "a", "default");
  c.Advance(5s);
  EXPECT_EQ(events("delete"), 1);

  EXPECT_EQ(Value(Metrics(*replica),
                  "graph_revision_registry_transitions_total{from=\"pending\",to=\"active\"}"),
            1);
  EXPECT_EQ(Value(Metrics(*replica), "graph_revision_registry_evictions_total"), 0);
  c.Delete(kRgds, "web");
  c.Advance(5s);
  EXPECT_GE(Value(Metrics(*replica), "graph_revision_registry_evictions_total"), 1);
}

TEST(PrometheusMetrics, TakeNoStateThatSomebodyInvented) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(Instance("Web", "a"));
  for (int i = 0; i < 3; ++i) {
    const json::Value patch =
        json::ParseYamlDocument(fmt::format("status: {{state: mine-{}}}", i))->value;
    ASSERT_TRUE(*c.executor.Run(c.client.Patch(kWebs, {"default", "a"}, kube::PatchType::kMerge,
                                               patch, {.subresource = "status"}, {})));
    c.Advance(1min);
  }
  const std::string text = Metrics(*replica);
  EXPECT_THAT(text, Not(HasSubstr("mine-")));
  EXPECT_EQ(Value(text,
                  "instance_state_transitions_total{from_state=\"unknown\",gvr=\"kro.run/"
                  "v1alpha1, Kind=Web\",to_state=\"ACTIVE\"}"),
            3);
}

TEST(PrometheusMetrics, HaveAsManySeriesOfStoresForManyInstancesAsForOne) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kSeeker);
  c.ApplyAndSettle(Instance("Seeker", "a"));
  const auto series = [&] { return Lines(Metrics(*replica), "kro_"); };
  const std::size_t before = series();
  c.Apply(
      "{apiVersion: v1, kind: Secret, metadata: {name: b, namespace: default, labels: {for: c}}}");
  for (const char* name : {"b", "c", "d"}) c.Apply(Instance("Seeker", name));
  c.Advance(5s);
  EXPECT_EQ(series(), before);
  // One of them sees it by its name, another by its label.
  EXPECT_EQ(Value(Metrics(*replica),
                  "kro_store_objects{gvr=\"/v1, Resource=secrets\",part=\"selected\"}"),
            2);
}

TEST(PrometheusMetrics, OfAKindEndWithItsLastWatch) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kSeeker);
  c.ApplyAndSettle(Instance("Web", "a"));
  c.ApplyAndSettle(Instance("Seeker", "s"));
  EXPECT_THAT(Metrics(*replica), HasSubstr("Resource=configmaps"));
  EXPECT_THAT(Metrics(*replica), HasSubstr("Resource=secrets"));
  c.Delete({"kro.run", "v1alpha1", "seekers"}, "s", "default");
  c.Advance(5s);
  EXPECT_THAT(Metrics(*replica), Not(HasSubstr("Resource=secrets")));
  EXPECT_THAT(Metrics(*replica), HasSubstr("Resource=configmaps"));
  c.Delete(kWebs, "a", "default");
  c.Advance(5s);
  c.Delete(kRgds, "web");
  c.Advance(5s);
  EXPECT_THAT(Metrics(*replica), Not(HasSubstr("Resource=configmaps")));
}

TEST(PrometheusMetrics, OfACollectionDoNotComeBackWithWhatIsStillUnderWay) {
  PrometheusMetrics metrics;
  metrics.ApiServed(kWebs);
  EXPECT_THAT(metrics.Text({}), HasSubstr("webs"));
  metrics.ApiStopped(kWebs);
  metrics.LookedAt(kWebs, controller::Metrics::Look::kError, 1s);
  metrics.LookPanicked(kWebs);
  metrics.GraphResolved(kWebs, controller::Metrics::Resolution::kSuccess);
  metrics.InstanceStateChanged(kWebs, {"kro.run", "v1alpha1", "Web"}, "", "ACTIVE");
  EXPECT_THAT(metrics.Text({}), Not(HasSubstr("webs")));
  EXPECT_THAT(metrics.Text({}), Not(HasSubstr("Kind=Web")));
}

}  // namespace
}  // namespace kro::operator_
