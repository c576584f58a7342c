// What an operator tells of itself: events, metrics, health, /debug, logs; and what it never tells.
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/endpoints.h"
#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kWeb = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string, names: "[]string"}}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
  - id: many
    forEach: [{name: "${schema.spec.names}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${name}"}
  - id: maybe
    includeWhen: ["${schema.spec.text == 'no'}"]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-maybe"}
)";

constexpr std::string_view kInstance = R"(
apiVersion: kro.run/v1alpha1
kind: Web
metadata: {name: a, namespace: default}
spec: {text: hi, names: [p, q, r]}
)";

const api::Gvr kWebs{"kro.run", "v1alpha1", "webs"};
const api::Gvr kEvents{"", "v1", "events"};

std::string Metrics(const Replica& replica) {
  return AnswerMetrics(replica.op, {.target = "/metrics"}, Debug::kOff).body;
}

OperatorOptions WithGates() {
  OperatorOptions options;
  options.settings.condition_events = true;
  options.settings.condition_metrics = true;
  return options;
}

// "Normal Ready: Unknown -> True: Ready x1", in order of their names.
std::vector<std::string> EventsOf(SimulatedCluster& c, std::string_view kind) {
  std::vector<std::string> texts;
  for (const json::Value& event : c.List(kEvents)) {
    if (json::FindString(event, {"involvedObject", "kind"}) != kind) continue;
    texts.push_back(fmt::format("{} {}: {} x{}", json::FindString(event, {"type"}),
                                json::FindString(event, {"reason"}),
                                json::FindString(event, {"message"}), c.Integer(event, {"count"})));
  }
  std::ranges::sort(texts);
  return texts;
}

TEST(Events, TellOfTransitionsOnlyAndOnlyBehindTheirGate) {
  SimulatedCluster c;
  auto replica = c.Start(WithGates());
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  const auto told = EventsOf(c, "Web");
  EXPECT_THAT(told, testing::Contains(HasSubstr("Normal Ready: none -> True: Ready x1")));
  // Looks that change nothing are not told of.
  c.Advance(1h);
  EXPECT_EQ(EventsOf(c, "Web"), told);

  c.Patch(kWebs, "a", "metadata: {annotations: {kro.run/reconcile: suspended}}", "default");
  c.Advance(2s);
  EXPECT_THAT(EventsOf(c, "Web"),
              testing::Contains("Warning Ready: True -> False: ReconciliationSuspended x1"));
  replica.reset();

  SimulatedCluster quiet;
  auto other = quiet.Start();
  quiet.ApplyAndSettle(kWeb);
  quiet.ApplyAndSettle(kInstance);
  EXPECT_THAT(EventsOf(quiet, "Web"), IsEmpty());
}

TEST(Events, AFlappingInstanceCostsABoundedNumberOfWrites) {
  SimulatedCluster c;
  auto replica = c.Start(WithGates());
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  replica->transport.requests.clear();
  for (int i = 0; i < 100; ++i) {
    c.Patch(kWebs, "a",
            fmt::format("metadata: {{annotations: {{kro.run/reconcile: {}}}}}",
                        i % 2 == 0 ? "suspended" : "null"),
            "default");
    c.Advance(500ms);
  }
  EXPECT_LE(
      replica->transport.Count("POST", "/events") + replica->transport.Count("PATCH", "/events"),
      50 + 4);
  EXPECT_LE(EventsOf(c, "Web").size(), 10U);
}

// An event waits and may go out late, when another process leads: so it passes the fence.
TEST(Events, OfTheLeaseAreNoPartOfHoldingIt) {
  SimulatedCluster c;
  OperatorOptions options;
  options.leader_election = LeaderElection::kOn;
  options.lease_namespace = "default";
  options.identity = "one";
  auto replica = c.Start(options);
  replica->Stop();
  EXPECT_EQ(replica->lease_transport.Count("", "/events"), 0);
  EXPECT_EQ(replica->transport.Count("POST", "/events"), 2);
}

TEST(Events, TellWhoLeads) {
  SimulatedCluster c;
  OperatorOptions options;
  options.leader_election = LeaderElection::kOn;
  options.lease_namespace = "default";
  options.identity = "one";
  auto replica = c.Start(options);
  EXPECT_THAT(EventsOf(c, "Lease"), ElementsAre("Normal LeaderElection: one became leader x1"));
  replica->Stop();
  EXPECT_THAT(EventsOf(c, "Lease"), ElementsAre("Normal LeaderElection: one became leader x1",
                                                "Normal LeaderElection: one stopped leading x1"));
}

TEST(MetricsOfTheOperator, Trap22_AreThoseThatDashboardsChart) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  const std::string text = Metrics(*replica);
  for (const char* expected :
       {"workqueue_depth{name=\"ResourceGraphDefinition\",controller=\"ResourceGraphDefinition\","
        "priority=\"\"} 0",
        "workqueue_adds_total{controller=\"graphrevision\",name=\"graphrevision\"}",
        "workqueue_queue_duration_seconds_count{controller=\"dynamic-controller-queue\"",
        "workqueue_work_duration_seconds_count{controller=\"dynamic-controller-queue\"",
        "workqueue_retries_total{controller=\"dynamic-controller-queue\"",
        "workqueue_unfinished_work_seconds{",
        "workqueue_longest_running_processor_seconds{",
        "controller_runtime_reconcile_total{controller=\"ResourceGraphDefinition\",result="
        "\"success\"}",
        "controller_runtime_reconcile_time_seconds_count{controller=\"graphrevision\"}",
        "controller_runtime_active_workers{controller=\"ResourceGraphDefinition\"} 0",
        "controller_runtime_max_concurrent_reconciles{controller=\"graphrevision\"} 32",
        "rest_client_requests_total{code=\"201\",host=\"apiserver\",method=\"POST\"}",
        "rest_client_request_duration_seconds_count{verb=\"PATCH\"}",
        "rest_client_request_size_bytes_count{verb=\"PATCH\"}",
        "rest_client_rate_limiter_duration_seconds_count{verb=\"POST\"}",
        "rest_client_response_size_bytes_count{verb=\"GET\"}",
        "dynamic_controller_reconcile_total{gvr=\"kro.run/v1alpha1/webs\"}",
        "dynamic_controller_reconcile_duration_seconds_count{gvr=\"kro.run/v1alpha1/webs\"}",
        "dynamic_controller_requeue_total{gvr=\"kro.run/v1alpha1/webs\",type=\"requeue_after\"} 0",
        "dynamic_controller_gvr_count 1",
        "dynamic_controller_handler_count_total{type=\"parent\"} 1",
        "dynamic_controller_handler_attach_total{type=\"parent\"} 1",
        "dynamic_controller_informer_sync_duration_seconds_count{gvr=\"/v1, Resource=configmaps\"} "
        "1",
        "dynamic_controller_watch_count 2",
        "dynamic_controller_instance_watch_count{parent_gvr=\"kro.run/v1alpha1, Resource=webs\"} 1",
        "dynamic_controller_watch_request_count{gvr=\"/v1, "
        "Resource=configmaps\",type=\"collection\"} 1",
        "dynamic_controller_route_total{gvr=\"/v1, Resource=configmaps\"}",
        "dynamic_controller_route_match_total{gvr=\"/v1, Resource=configmaps\"}",
        "instance_reconcile_total{gvr=\"kro.run/v1alpha1, Resource=webs\"}",
        "instance_graph_resolution_success_total{gvr=\"kro.run/v1alpha1, Resource=webs\"}",
        "instance_graph_resolution_failures_total{gvr=\"kro.run/v1alpha1, "
        "Resource=webs\",reason=\"failed\"} 0",
        "instance_state_transitions_total{from_state=\"\",gvr=\"kro.run/v1alpha1, "
        "Kind=Web\",to_state=\"ACTIVE\"} 1",
        "cel_expr_eval_total ",
        "runtime_node_eval_total ",
        "runtime_creation_total ",
        "runtime_node_ignored_check_total ",
        "runtime_node_ignored_total ",
        "runtime_collection_size_bucket{le=\"4\"}",
        "schema_resolver_cache_misses_total 1",
        "schema_resolver_cache_size 1",
        "schema_resolver_api_call_duration_seconds_count 1",
        "kro_store_objects{gvr=\"/v1, Resource=configmaps\",part=\"owned\"} 4",
        "kro_setbacks 0",
        "kro_build_info{version=\"test\"} 1",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
  // Without its gate there is none of these.
  EXPECT_THAT(text, Not(HasSubstr("instance_condition_current_status_seconds")));

  // The text is one that Prometheus takes: every family once.
  std::vector<std::string> families;
  for (std::size_t at = text.find("# TYPE "); at != std::string::npos;
       at = text.find("# TYPE ", at + 1)) {
    families.push_back(text.substr(at + 7, text.find(' ', at + 7) - at - 7));
  }
  std::ranges::sort(families);
  EXPECT_EQ(std::ranges::adjacent_find(families), families.end());

  // What carries the name of a definition or its collection goes with it.
  c.Delete(kWebs, "a", "default");
  c.Advance(3s);
  c.Delete(kRgds, "web");
  c.Advance(3s);
  const std::string after = Metrics(*replica);
  for (const char* gone : {"Resource=webs", "v1alpha1/webs", "Kind=Web",
                           "rgd_graph_build_total{name=\"web\"}", "rgd_state_transitions_total{"}) {
    EXPECT_THAT(after, Not(HasSubstr(gone)));
  }
}

TEST(MetricsOfTheOperator, CountRequestsThatAreSentAgain) {
  SimulatedCluster c;
  auto replica = c.Start();
  int refused = 0;
  replica->transport.fault = [&](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.method == "POST" && refused < 3) {
      ++refused;
      answer = http::Response{.status = 429, .headers = {{"Retry-After", "1"}}, .body = {}};
    }
    return answer;
  };
  c.ApplyAndSettle(kWeb);
  c.Advance(5s);
  const std::string text = Metrics(*replica);
  EXPECT_THAT(text,
              HasSubstr("rest_client_request_retries_total{code=\"429\",method=\"POST\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("rest_client_request_retries_total{code=\"201\",method=\"POST\"} 1\n"));
  EXPECT_EQ(c.State("web"), "Active");
}

TEST(MetricsOfTheOperator, TellHowLongConditionsHaveStood) {
  SimulatedCluster c;
  auto replica = c.Start(WithGates());
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.Advance(1min);
  const std::string text = Metrics(*replica);
  const std::size_t at = text.find(
      "instance_condition_current_status_seconds{gvr=\"kro.run/v1alpha1, Resource=webs\","
      "namespace=\"default\",name=\"a\",condition_type=\"Ready\",condition_status=\"True\",reason="
      "\"Ready\"} ");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_NEAR(std::stod(text.substr(text.find("} ", at) + 2)), 62, 3);
  c.Delete(kWebs, "a", "default");
  c.Advance(5s);
  EXPECT_THAT(Metrics(*replica), Not(HasSubstr("instance_condition_current_status_seconds{")));
}

TEST(Health, NamesWhatIsMissing) {
  SimulatedCluster c;
  auto replica = c.Start();
  const auto probe = [&](std::string target) {
    const http::Response response = AnswerProbe(replica->op, {.target = std::move(target)});
    return fmt::format("{} {}", response.status, response.body);
  };
  EXPECT_EQ(probe("/healthz"), "200 ok");
  EXPECT_THAT(probe("/healthz?verbose"), AllOf(HasSubstr("[+]loop ok"), HasSubstr("[+]work ok"),
                                               HasSubstr("healthz check passed")));
  EXPECT_THAT(probe("/healthz/loop"), HasSubstr("200"));
  EXPECT_THAT(probe("/healthz/nothing"), HasSubstr("404"));
  EXPECT_THAT(probe("/healthzx"), HasSubstr("404"));
  EXPECT_THAT(probe("/"), HasSubstr("404"));
}

TEST(Health, Trap25_ALeaderThatCannotReadIsNotReady) {
  SimulatedCluster c;
  c.Start().reset();
  auto replica = std::make_unique<Replica>(c.executor, c.network, [] {
    OperatorOptions options;
    options.settings.version = "test";
    options.crds = CrdInstallation::kLeave;
    options.leader_election = LeaderElection::kOn;
    options.lease_namespace = "default";
    options.identity = "one";
    return options;
  }());
  replica->transport.cut = true;  // but not that of the lease
  c.Advance(2s);
  const http::Response response = AnswerProbe(replica->op, {.target = "/readyz"});
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body,
              HasSubstr("[-]caches failed: being read: resourcegraphdefinitions, resourcegroups, "
                        "graphrevisions, customresourcedefinitions"));
  replica->transport.cut = false;
  c.Advance(1min);
  EXPECT_EQ(AnswerProbe(replica->op, {.target = "/readyz"}).status, 200);
}

TEST(Health, ALeaderThatDoesNotRenewIsDead) {
  // The loop that renews also loses leadership in time; this is for when it does not turn.
  SimulatedCluster c;
  OperatorOptions options;
  options.leader_election = LeaderElection::kOn;
  options.lease_namespace = "default";
  options.identity = "one";
  auto replica = c.Start(options);
  EXPECT_THAT(AnswerProbe(replica->op, {.target = "/healthz?verbose"}).body,
              HasSubstr("[+]leader-election ok: renewed "));
}

TEST(DebugPage, TellsOfQueuesStoresGraphsAndMemoryByOwner) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  const http::Response response = AnswerMetrics(replica->op, {.target = "/debug"}, Debug::kOn);
  const json::Value page = *json::Parse(response.body);
  EXPECT_EQ(json::FindString(page, {"graphs", "entries"}), "");
  const json::Value& entry = json::Find(page, {"graphs", "entries"})->as_array().at(0);
  EXPECT_EQ(json::FindString(entry, {"definition"}), "web");
  EXPECT_EQ(json::FindString(entry, {"state"}), "Active");
  EXPECT_GT(c.Integer(entry, {"bytes"}), 1000);
  EXPECT_EQ(c.Integer(page, {"graphs", "bytes"}), c.Integer(entry, {"bytes"}));
  EXPECT_GT(c.Integer(page, {"definitions", "stores", "kindBytes"}), 1000);
  const json::Value& api = json::Find(page, {"instances", "apis"})->as_array().at(0);
  EXPECT_EQ(c.Integer(api, {"instances"}), 1);
  EXPECT_EQ(c.Integer(api, {"nodes"}), 3);
  bool seen = false;
  for (const json::Value& watch : json::Find(page, {"instances", "watches"})->as_array()) {
    if (json::FindString(watch, {"gvr"}).find("configmaps") == std::string_view::npos) continue;
    seen = true;
    EXPECT_EQ(json::FindString(watch, {"labelSelector"}), "kro.run/owned=true");
    EXPECT_EQ(c.Integer(watch, {"objects"}), 4);
    EXPECT_GT(c.Integer(watch, {"bytes"}), 100);
  }
  EXPECT_TRUE(seen);
  EXPECT_NE(json::Find(page, {"instances", "queue", "lanes"}), nullptr);
  EXPECT_NE(json::Find(page, {"definitions", "definitionQueue", "longestWorkSeconds"}), nullptr);
}

TEST(DebugPage, ChangesTheLogLevelWhileItRuns) {
  SimulatedCluster c;
  auto replica = c.Start();
  const auto ask = [&](std::string method, std::string query, Debug debug = Debug::kOn) {
    const http::Response response = AnswerMetrics(
        replica->op, {.method = std::move(method), .target = "/debug/log-level" + query}, debug);
    return fmt::format("{} {}", response.status, response.body);
  };
  EXPECT_EQ(ask("GET", ""), "200 info\n");
  EXPECT_EQ(ask("PUT", "?level=error"), "200 error\n");
  replica->sink.lines.clear();
  c.ApplyAndSettle(kWeb);
  EXPECT_THAT(replica->sink.lines, IsEmpty());
  EXPECT_EQ(ask("PUT", "?level=info"), "200 info\n");
  c.Patch(kRgds, "web", "spec: {schema: {shortNames: [wb]}}");
  c.Advance(2s);
  EXPECT_TRUE(replica->sink.Has("graph revision issued"));
  EXPECT_THAT(ask("PUT", "?level=loud"), HasSubstr("400"));
  EXPECT_THAT(ask("PUT", ""), HasSubstr("400"));
  EXPECT_THAT(ask("DELETE", ""), HasSubstr("405"));
  EXPECT_THAT(ask("PUT", "?level=debug", Debug::kOff), HasSubstr("405"));
}

TEST(Logs, AreJsonWithTheUsualKeys) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  ASSERT_FALSE(replica->sink.lines.empty());
  for (const std::string& line : replica->sink.lines) {
    const auto parsed = json::Parse(line);
    ASSERT_TRUE(parsed) << line;
    for (const char* key : {"ts", "level", "msg"}) {
      EXPECT_FALSE(json::FindString(*parsed, {key}).empty()) << line;
    }
  }
}

// The fields by which tools and people find the lines about one object, by their message.
TEST(Logs, NameControllerAndObjectAsControllerRuntimeDoes) {
  SimulatedCluster c;
  auto replica = c.Start();
  replica->transport.fault = [](const http::Request& request) {
    std::optional<Result<http::Response>> answer;
    if (request.method == "PATCH" && request.target.find("configmaps/") != std::string::npos) {
      answer = http::Response{.status = 403, .headers = {}, .body = {}};
    }
    if (request.method == "PATCH" && request.target.find("webs/b") != std::string::npos) {
      answer = http::Response{.status = 422, .headers = {}, .body = {}};
    }
    return answer;
  };
  c.ApplyAndSettle(kWeb);
  c.ApplyAndSettle(kInstance);
  c.ApplyAndSettle(
      std::string(kInstance).replace(std::string(kInstance).find("name: a"), 7, "name: b"));
  std::map<std::string, json::Value> said;
  for (const std::string& line : replica->sink.lines) {
    const json::Value parsed = *json::Parse(line);
    said.insert_or_assign(std::string(json::FindString(parsed, {"msg"})), parsed);
  }
  const auto keys = [&](const std::string& message) {
    std::vector<std::string> texts;
    for (const char* key :
         {"logger", "controller", "controllerGroup", "controllerKind", "namespace", "name"}) {
      texts.emplace_back(json::FindString(said[message], {key}));
    }
    return fmt::format("{}", fmt::join(texts, " "));
  };
  EXPECT_EQ(keys("starting"), "setup     ");
  EXPECT_EQ(keys("graph revision issued"),
            "rgd-controller ResourceGraphDefinition kro.run ResourceGraphDefinition  web");
  EXPECT_EQ(keys("CRD created"),
            "rgd-controller ResourceGraphDefinition kro.run ResourceGraphDefinition  web");
  EXPECT_EQ(keys("graph revision active"),
            "graphrevision-controller graphrevision internal.kro.run GraphRevision  web-r00001");
  EXPECT_EQ(keys("child not applied"), "webs-controller webs kro.run Web default a");
  EXPECT_EQ(keys("instance not reconciled"), "webs-controller webs kro.run Web default b");
}

constexpr std::string_view kCanary = "c4n4ry-S3CRET";

// A definition in which a secret can go wrong in many ways.
constexpr std::string_view kSecretive = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string}}
  resources:
  - id: given
    externalRef:
      apiVersion: v1
      kind: Secret
      metadata: {name: given, namespace: default}
    readyWhen: ["${string(given.data.password) == 'other'}"]
  - id: made
    template:
      apiVersion: v1
      kind: Secret
      metadata: {name: "${schema.metadata.name}-made"}
      stringData: {password: c4n4ry-S3CRET}
    readyWhen: ["${string(made.data.password) == 'never'}"]
  - id: wrong
    template:
      apiVersion: v1
      kind: Secret
      metadata: {name: "${schema.metadata.name}-wrong"}
      type: kubernetes.io/basic-auth
      immutable: true
      stringData: {username: c4n4ry-S3CRET}
  - id: away
    template:
      apiVersion: v1
      kind: Secret
      metadata: {name: "${schema.metadata.name}-away", namespace: nowhere}
      stringData: {password: c4n4ry-S3CRET}
  # Conversions that quote what they cannot convert.
  - id: time
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-time"}
      data: {text: "${string(timestamp(string(shown.data.password)))}"}
  - id: number
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-number"}
      data: {text: "${string(int(string(shown.data.password)))}"}
  - id: missing
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-missing"}
      data: {text: "${shown.metadata.labels[string(shown.data.password)]}"}
  - id: shown
    externalRef:
      apiVersion: v1
      kind: Secret
      metadata: {name: given, namespace: default}
  - id: parts
    forEach:
    - part: "${[string(ip(string(shown.data.password)))]}"
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name + part}"}
  # Through another object that holds it.
  - id: copy
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-copy"}
      data: {text: "${string(shown.data.password)}", plain: "${schema.spec.text}"}
    readyWhen: ["${copy.data.text != 'never'}"]
  - id: later
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-later"}
      data: {text: "${string(duration(copy.data.text))}"}
  - id: waits
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-waits"}
      data: {text: "${copy.data.text}"}
    readyWhen: ["${waits.data.text == 'other'}"]
  # Refused by the server, which repeats what it refuses.
  - id: refused
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: "${schema.metadata.name}-refused"
        labels: {text: "${string(shown.data.password) + ' is no label'}"}
)";

TEST(Secrets, AppearNeitherInLogsNorEventsNorStatusNorMetrics) {
  SimulatedCluster c;
  auto replica = c.Start(WithGates());
  replica->op.logger().SetLevel(LogLevel::kDebug);
  c.Apply(R"(
apiVersion: v1
kind: Secret
metadata: {name: given, namespace: default}
stringData: {password: c4n4ry-S3CRET}
)");
  c.ApplyAndSettle(kSecretive);
  ASSERT_EQ(c.State("web"), "Active") << json::Serialize(c.Get(kRgds, "web"));
  c.ApplyAndSettle(
      "apiVersion: kro.run/v1alpha1\nkind: Web\nmetadata: {name: a, namespace: default}\n"
      "spec: {text: hi}\n");
  c.Advance(2min);
  const std::string instance = json::Serialize(*json::Find(c.Get(kWebs, "a", "default"), "status"));
  // It waits for secrets and says so, but does not show them.
  EXPECT_THAT(instance, HasSubstr("waits for secrets default/given since "));
  EXPECT_THAT(instance, HasSubstr("given.data.password is not shown"));
  EXPECT_THAT(instance, HasSubstr("waits.data.text is not shown"));
  // It says what failed where, but not over which value.
  EXPECT_THAT(instance, HasSubstr("timestamp(string(shown.data.password))"));
  EXPECT_THAT(instance, HasSubstr("invalid RFC 3339 timestamp \\\"…\\\""));
  EXPECT_THAT(instance, HasSubstr("duration(copy.data.text)"));
  EXPECT_TRUE(replica->sink.Has("metadata.labels"));
  // An immutable secret that must change is refused with its words.
  c.Apply(
      std::string(kSecretive).replace(kSecretive.find("username: c4n4ry"), 16, "username: x4n4ry"));
  c.Advance(1min);

  const std::string encoded = "YzRuNHJ5LVMzQ1JFVA==";
  const auto check = [&](std::string_view where, const std::string& text) {
    EXPECT_EQ(text.find(kCanary), std::string::npos) << where << ": " << text;
    EXPECT_EQ(text.find("S3CRET"), std::string::npos) << where << ": " << text;
    EXPECT_EQ(text.find(encoded.substr(0, 16)), std::string::npos) << where << ": " << text;
  };
  for (const std::string& line : replica->sink.lines) check("log", line);
  for (const json::Value& event : c.List(kEvents)) check("event", json::Serialize(event));
  check("status", json::Serialize(*json::Find(c.Get(kWebs, "a", "default"), "status")));
  check("metadata", json::Serialize(*json::Find(c.Get(kWebs, "a", "default"), "metadata")));
  check("definition", json::Serialize(*json::Find(c.Get(kRgds, "web"), "status")));
  check("metrics", Metrics(*replica));
  check("debug", AnswerMetrics(replica->op, {.target = "/debug"}, Debug::kOn).body);
}

constexpr std::string_view kCopying = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec: {text: string}
    status: {name: "${copy.metadata.name}"}
  resources:
  - id: given
    externalRef:
      apiVersion: v1
      kind: Secret
      metadata: {name: given, namespace: default}
  - id: copy
    includeWhen: ["${schema.spec.text == 'hi'}"]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-copy"}
      data: {text: "${string(given.data.password)}"}
)";

struct RefusedWrite {
  std::string name;
  std::string method;
  std::string target;     // the part before the query ends so
  std::string condition;  // that tells of it; empty: the log does
  // Whether the instance is there before the refusals begin.
  bool made_before = true;
  std::function<void(SimulatedCluster&)> then = nullptr;
};

class RefusedWrites : public testing::TestWithParam<RefusedWrite> {};

TEST_P(RefusedWrites, AreToldWithoutWhatTheyQuote) {
  const RefusedWrite& refused = GetParam();
  constexpr std::string_view kInstance =
      "apiVersion: kro.run/v1alpha1\nkind: Web\nmetadata: {name: a, namespace: default}\n"
      "spec: {text: hi}\n";
  SimulatedCluster c;
  auto replica = c.Start(WithGates());
  c.Apply(
      "{apiVersion: v1, kind: Secret, metadata: {name: given, namespace: default}, stringData: "
      "{password: c4n4ry-S3CRET}}");
  c.ApplyAndSettle(kCopying);
  if (refused.made_before) c.ApplyAndSettle(kInstance);
  replica->transport.fault =
      [&](const http::Request& request) -> std::optional<Result<http::Response>> {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (request.method != refused.method || !path.ends_with(refused.target)) return std::nullopt;
    return http::Response{
        403,
        {{"Warning", "299 - \"c4n4ry-S3CRET is deprecated\""}},
        R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,)"
        R"("message":"admission webhook \"w\" denied the request: it says c4n4ry-S3CRET"})"};
  };
  if (!refused.made_before) c.ApplyAndSettle(kInstance);
  if (refused.then) refused.then(c);
  c.Advance(1min);

  constexpr std::string_view kTold = "is refused: Forbidden; the server's words are not shown";
  const json::Value instance = c.Get(kWebs, "a", "default");
  if (refused.condition.empty()) {
    EXPECT_TRUE(replica->sink.Has(kTold));
  } else {
    EXPECT_THAT(c.Condition(instance, refused.condition), HasSubstr(kTold));
  }
  for (const std::string& line : replica->sink.lines) EXPECT_THAT(line, Not(HasSubstr(kCanary)));
  for (const json::Value& event : c.List(kEvents)) {
    EXPECT_THAT(json::Serialize(event), Not(HasSubstr(kCanary)));
  }
  EXPECT_THAT(json::Serialize(instance), Not(HasSubstr(kCanary)));
}

INSTANTIATE_TEST_SUITE_P(
    Of, RefusedWrites,
    testing::Values(
        RefusedWrite{"Marks", "PATCH", "/webs/a", "InstanceManaged", false},
        RefusedWrite{"Child", "PATCH", "/configmaps/a-copy", "ResourcesReady", false},
        RefusedWrite{"Status", "PATCH", "/webs/a/status", "", false},
        RefusedWrite{"PrunedChild", "DELETE", "/configmaps/a-copy", "ResourcesReady", true,
                     [](auto& c) { c.Patch(kWebs, "a", "spec: {text: bye}", "default"); }},
        RefusedWrite{"ChildOfADeletedInstance", "DELETE", "/configmaps/a-copy", "ResourcesReady",
                     true, [](auto& c) { c.Delete(kWebs, "a", "default"); }},
        RefusedWrite{"ChildOfADefinitionThatIsBroken", "DELETE", "/configmaps/a-copy",
                     "ResourcesReady", true,
                     [](auto& c) {
                       c.Delete(kWebs, "a", "default");
                       c.Patch(kRgds, "web",
                               "spec: {resources: [{id: x, template: {apiVersion: v1, kind: None, "
                               "metadata: {name: x}}}]}");
                     }},
        RefusedWrite{"Finalizer", "PATCH", "/webs/a", "InstanceManaged", true,
                     [](auto& c) { c.Delete(kWebs, "a", "default"); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kro::operator_
