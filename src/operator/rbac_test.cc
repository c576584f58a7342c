// Whether the operator gets by with the rights that deploy/manifests gives it: every request of a run
// with all that can happen is held against them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::IsEmpty;

// Of rules[*] in one role.
struct Rule {
  std::set<std::string> groups;
  std::set<std::string> resources;
  std::set<std::string> verbs;
  std::set<std::string> names;
};

// What a request asks for, in words of RBAC.
struct Asked {
  std::string group;
  std::string resource;  // "webs/status"
  std::string name;
  std::string verb;

  std::string Text() const { return verb + " " + resource + "." + group; }
};

std::set<std::string> Words(const json::Value& rule, std::string_view key) {
  std::set<std::string> words;
  const json::Value* list = json::Find(rule, key);
  if (list == nullptr) return words;
  for (const json::Value& word : list->as_array()) words.emplace(word.as_string());
  return words;
}

std::vector<Rule> RulesOf(std::string_view yaml) {
  std::vector<Rule> rules;
  for (const json::Document& document : *json::ParseYaml(yaml)) {
    const json::Value* list = json::Find(document.value, "rules");
    if (list == nullptr) continue;
    for (const json::Value& rule : list->as_array()) {
      rules.push_back({Words(rule, "apiGroups"), Words(rule, "resources"), Words(rule, "verbs"),
                       Words(rule, "resourceNames")});
    }
  }
  return rules;
}

std::string ReadManifest(const std::string& name) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/deploy/manifests/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Nothing for what needs no right: discovery and schemas.
std::optional<Asked> AskedBy(const http::Request& request, bool stream) {
  const std::size_t end = request.target.find('?');
  const std::string query = end == std::string::npos ? "" : request.target.substr(end);
  std::vector<std::string> parts;
  std::string path = request.target.substr(0, end);
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    parts.push_back(path.substr(at + 1, next - at - 1));
    at = next;
  }
  std::size_t i = 0;
  Asked asked;
  if (parts[0] == "api") {
    i = 2;
  } else if (parts[0] == "apis") {
    if (parts.size() > 1) asked.group = parts[1];
    i = 3;
  } else {
    return std::nullopt;
  }
  if (i < parts.size() && parts[i] == "namespaces" && i + 2 < parts.size()) i += 2;
  if (i >= parts.size()) return std::nullopt;
  asked.resource = parts[i];
  if (i + 1 < parts.size()) asked.name = parts[i + 1];
  if (i + 2 < parts.size()) asked.resource += "/" + parts[i + 2];
  if (stream || query.find("watch=") != std::string::npos) {
    asked.verb = "watch";
  } else if (request.method == "GET") {
    asked.verb = asked.name.empty() ? "list" : "get";
  } else if (request.method == "POST") {
    asked.verb = "create";
  } else if (request.method == "PUT") {
    asked.verb = "update";
  } else if (request.method == "PATCH") {
    asked.verb = "patch";
  } else {
    asked.verb = asked.name.empty() ? "deletecollection" : "delete";
  }
  return asked;
}

bool Allows(const std::vector<Rule>& rules, const Asked& asked) {
  return std::ranges::any_of(rules, [&](const Rule& rule) {
    return rule.groups.contains(asked.group) && rule.resources.contains(asked.resource) &&
           rule.verbs.contains(asked.verb) &&
           (rule.names.empty() || rule.names.contains(asked.name));
  });
}

constexpr std::string_view kDefinition = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string, extra: 'boolean | default=true'}}
  resources:
  - id: given
    externalRef: {apiVersion: v1, kind: Secret, metadata: {name: given, namespace: default}}
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}", given: "${given.metadata.name}"}
  - id: far
    includeWhen: ["${schema.spec.extra}"]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}", namespace: elsewhere}
)";

// As docs/installing.md tells to grant: no verb beyond those.
constexpr std::string_view kGranted = R"(
kind: ClusterRole
rules:
- apiGroups: [kro.run]
  resources: [webs, webs/status]
  verbs: [get, list, watch, patch, update]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
)";

// What the kubelet is told agrees with the defaults of the flags.
TEST(Manifests, Trap23And28_GiveAStopItsTimeAndNameThePortsThatAreServed) {
  const auto documents = json::ParseYaml(ReadManifest("deployment.yaml"));
  ASSERT_TRUE(documents);
  const json::Value* pod = json::Find(documents->front().value, {"spec", "template", "spec"});
  ASSERT_NE(pod, nullptr);
  EXPECT_GT(
      std::chrono::seconds(json::Find(*pod, {"terminationGracePeriodSeconds"})->to_number<int>()),
      OperatorOptions().graceful_shutdown_timeout);
  std::set<int> ports;
  const json::Value& container = json::Find(*pod, {"containers"})->as_array().at(0);
  for (const json::Value& port : json::Find(container, {"ports"})->as_array()) {
    ports.insert(json::Find(port, {"containerPort"})->to_number<int>());
  }
  EXPECT_EQ(ports, (std::set<int>{
                       8078, 8079}));  // of --metrics-bind-address and --health-probe-bind-address
}

TEST(Rights, OfTheManifestsAreEnoughAndNoneIsAWildcard) {
  std::vector<Rule> rules = RulesOf(ReadManifest("rbac.yaml"));
  ASSERT_FALSE(rules.empty());
  for (const Rule& rule : rules) {
    for (const auto* words : {&rule.groups, &rule.resources, &rule.verbs}) {
      EXPECT_FALSE(words->contains("*"));
    }
  }
  for (Rule& rule : RulesOf(kGranted)) rules.push_back(std::move(rule));

  SimulatedCluster c;
  OperatorOptions options;
  options.leader_election = LeaderElection::kOn;
  options.lease_namespace = "default";
  options.identity = "one";
  options.settings.condition_events = true;
  options.settings.allow_crd_deletion = true;
  auto replica = c.Start(options);
  c.Apply("{apiVersion: v1, kind: Secret, metadata: {name: given, namespace: default}}");
  c.ApplyAndSettle(kDefinition);
  ASSERT_EQ(c.State("web"), "Active") << c.ConditionOf("web", "GraphAccepted");
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: Web, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  c.Advance(1min);
  c.ApplyAndSettle("{apiVersion: v1, kind: Namespace, metadata: {name: elsewhere}}");
  const api::Gvr webs{"kro.run", "v1alpha1", "webs"};
  ASSERT_EQ(json::FindString(c.Get(webs, "a", "default"), {"status", "state"}), "ACTIVE");
  // Drift, pruning, a fight, pauses, edits of everything, a restart, deletion.
  c.Patch(kConfigMaps, "a", "data: {text: drift}", "default");
  c.Advance(2s);
  c.Patch(webs, "a", "spec: {extra: false}", "default");
  c.Advance(2s);
  for (int i = 0; i < 80; ++i) {
    c.Patch(kConfigMaps, "a", fmt::format("data: {{text: drift-{}}}", i), "default");
    c.Advance(50ms);
  }
  c.Advance(2min);
  for (const char* wish : {"suspended", "null", "suspended", "null"}) {
    c.Patch(webs, "a", fmt::format("metadata: {{annotations: {{kro.run/reconcile: {}}}}}", wish),
            "default");
    c.Advance(5s);
  }
  for (int i = 0; i < 7; ++i) {
    c.Patch(kRgds, "web", fmt::format("spec: {{schema: {{shortNames: [w{}]}}}}", i));
    c.Advance(2s);
  }
  c.Patch(kRevisions, "web-r00008", "metadata: {ownerReferences: null}");
  c.Advance(2s);
  std::vector<http::Request> requests = replica->transport.requests;
  std::vector<http::Request> streams = replica->transport.streams;
  const auto keep = [&](const Replica& other) {
    for (const auto* transport : {&other.transport, &other.lease_transport}) {
      requests.insert(requests.end(), transport->requests.begin(), transport->requests.end());
      streams.insert(streams.end(), transport->streams.begin(), transport->streams.end());
    }
  };
  replica->Stop();
  keep(*replica);
  replica = c.Start(options);
  c.Advance(5s);
  c.Delete(webs, "a", "default");
  c.Advance(5s);
  c.Delete(kRgds, "web");
  c.Advance(10s);
  EXPECT_TRUE(c.Get(kRgds, "web").is_null());
  replica->Stop();
  keep(*replica);

  std::set<std::string> refused;
  std::set<std::string> used;
  const auto check = [&](const http::Request& request, bool stream) {
    const auto asked = AskedBy(request, stream);
    if (!asked) return;
    used.insert(asked->Text());
    if (!Allows(rules, *asked)) refused.insert(asked->Text() + " " + asked->name);
  };
  for (const http::Request& request : requests) check(request, false);
  for (const http::Request& request : streams) check(request, true);
  EXPECT_THAT(refused, IsEmpty());
  EXPECT_GT(used.size(), 20U);

  // Nor is more granted than is used, but for what only older clusters need: lists that do not stream.
  const std::set<std::string> kSpare = {"update", "get", "list"};
  std::set<std::string> unused;
  for (const Rule& rule : RulesOf(ReadManifest("rbac.yaml"))) {
    for (const std::string& resource : rule.resources) {
      if (resource.ends_with("/finalizers")) continue;  // checked by admission, not asked for
      for (const std::string& verb : rule.verbs) {
        const std::string text = verb + " " + resource + "." + *rule.groups.begin();
        const bool older = resource.starts_with("resourcegroups");
        if (!used.contains(text) && !older && !kSpare.contains(verb)) unused.insert(text);
      }
    }
  }
  EXPECT_THAT(unused, IsEmpty());
}

}  // namespace
}  // namespace kro::operator_
