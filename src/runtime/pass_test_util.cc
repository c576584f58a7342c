#include "runtime/pass_test_util.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "api/rgd.h"
#include "base/diagnostic.h"
#include "graph/compile.h"
#include "graph/kinds.h"
#include "json/yaml.h"
#include "schema/openapi.h"

namespace kro::runtime {
namespace {

// Ends the test, which the test program reports.
[[noreturn]] void Abort(std::string_view what) { throw std::runtime_error(std::string(what)); }

constexpr std::string_view kKinds = R"(
- {apiVersion: v1, kind: ConfigMap, resource: configmaps, schema: {type: object, properties: {
    data: {type: object, additionalProperties: {type: string}}}}}
- {apiVersion: v1, kind: Secret, resource: secrets, schema: {type: object, properties: {
    data: {type: object, additionalProperties: {type: string, format: byte}},
    stringData: {type: object, additionalProperties: {type: string}}}}}
- {apiVersion: apps/v1, kind: Deployment, resource: deployments, schema: {type: object, properties: {
    spec: {type: object, properties: {
      replicas: {type: integer, format: int32},
      template: {type: object, x-kubernetes-preserve-unknown-fields: true}}},
    status: {type: object, properties: {
      replicas: {type: integer, format: int32},
      availableReplicas: {type: integer, format: int32},
      conditions: {type: array, items: {type: object, properties: {
        type: {type: string}, status: {type: string}}}}}}}}}
- {apiVersion: v1, kind: Namespace, resource: namespaces, cluster: true, schema: {type: object}}
- {apiVersion: test.dev/v1, kind: Widget, resource: widgets, schema: {type: object, properties: {
    spec: {type: object, x-kubernetes-preserve-unknown-fields: true},
    status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
)";

// What every kind has.
constexpr std::string_view kCommon = R"(
apiVersion: {type: string}
kind: {type: string}
metadata: {type: object, properties: {
  name: {type: string}, namespace: {type: string}, uid: {type: string}, resourceVersion: {type: string},
  generation: {type: integer, format: int64},
  labels: {type: object, additionalProperties: {type: string}},
  annotations: {type: object, additionalProperties: {type: string}},
  creationTimestamp: {type: string, format: date-time}}}
)";

const graph::Kinds& TestKinds() {
  static const graph::Kinds kinds = [] {
    graph::Kinds made;
    for (const json::Value& kind : Yaml(kKinds).get_array()) {
      const std::string api_version(json::FindString(kind, {"apiVersion"}));
      const auto gvk = *api::ParseGvk(api_version, json::FindString(kind, {"kind"}));
      json::Value schema = *json::Find(kind, "schema");
      json::Value& properties = schema.get_object()["properties"];
      if (!properties.is_object()) properties = json::Object();
      for (const auto& member : Yaml(kCommon).get_object()) {
        properties.get_object()[member.key()] = member.value();
      }
      made.AddGroupVersion(api_version);
      auto set = std::make_shared<schema::SchemaSet>();
      const schema::Schema* root = set->Add(schema);
      made.AddSchema(gvk, graph::KindSchema(std::move(set), root));
      made.AddMapping(gvk,
                      {{gvk.group, gvk.version, std::string(json::FindString(kind, {"resource"}))},
                       json::Find(kind, "cluster") == nullptr});
    }
    return made;
  }();
  return kinds;
}

void Merge(json::Value& into, const json::Value& from) {
  if (!into.is_object() || !from.is_object()) {
    into = from;
    return;
  }
  for (const auto& member : from.get_object())
    Merge(into.get_object()[member.key()], member.value());
}

}  // namespace

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  if (!document) Abort(fmt::format("{}\nin\n{}", document.error().front().message, text));
  return document->value;
}

std::shared_ptr<const graph::Graph> GraphOf(std::string_view spec_yaml) {
  auto spec = api::DecodeRgdSpec(Yaml(spec_yaml));
  if (!spec) Abort(spec.error().front().message);
  auto graph = graph::Compile("app", *spec, TestKinds(), {.omit = graph::OmitFunction::kEnabled});
  if (!graph) Abort(fmt::format("{}\nin\n{}", Render(graph.error().front()), spec_yaml));
  return *graph;
}

std::string AppSchema(std::string_view spec, std::string_view status, std::string_view scope) {
  return fmt::format(
      "schema:\n  apiVersion: v1alpha1\n  kind: App\n  scope: {}\n  spec: {}\n  status: {}\n",
      scope, spec, status);
}

LiveObject App(std::string_view spec, std::string_view ns, std::string_view rest) {
  json::Value app = Yaml(R"(
apiVersion: kro.run/v1alpha1
kind: App
metadata: {name: web, uid: app-uid, generation: 1, creationTimestamp: "2026-08-01T12:00:00Z"}
)");
  if (!ns.empty()) app.get_object()["metadata"].get_object()["namespace"] = ns;
  app.get_object()["spec"] = Yaml(spec);
  Merge(app, Yaml(rest));
  return std::make_shared<const json::Value>(std::move(app));
}

std::string KeyOf(const json::Value& object) {
  const std::string_view ns = NamespaceOf(object);
  return fmt::format("{} {}{}{}", json::FindString(object, {"kind"}), ns, ns.empty() ? "" : "/",
                     NameOf(object));
}

LiveObject FakeCluster::Put(std::string_view yaml) { return PutObject(Yaml(yaml)); }

LiveObject FakeCluster::PutObject(json::Value object) {
  json::Object& metadata = object.get_object()["metadata"].get_object();
  if (!metadata.contains("uid")) metadata["uid"] = fmt::format("uid-{}", next_uid_++);
  metadata["resourceVersion"] = fmt::to_string(next_version_++);
  std::string key = KeyOf(object);
  return objects_[key] = std::make_shared<const json::Value>(std::move(object));
}

void FakeCluster::Patch(std::string_view key, std::string_view yaml) {
  json::Value object = *Find(key);
  Merge(object, Yaml(yaml));
  PutObject(std::move(object));
}

LiveObject FakeCluster::Find(std::string_view key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<LiveObject> FakeCluster::List(std::string_view kind) const {
  std::vector<LiveObject> objects;
  for (const auto& [key, object] : objects_) {
    if (json::FindString(*object, {"kind"}) == kind) objects.push_back(object);
  }
  return objects;
}

std::vector<std::string> FakeCluster::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, object] : objects_) keys.push_back(key);
  return keys;
}

LiveObject FakeCluster::Apply(const json::Value& desired) {
  json::Value object(desired, boost::json::storage_ptr());
  if (const LiveObject live = Find(KeyOf(desired))) {
    json::Object& metadata = object.get_object()["metadata"].get_object();
    metadata["uid"] = UidOf(*live);
    if (const json::Value* status = json::Find(*live, "status"))
      object.get_object()["status"] = *status;
  }
  if (on_apply) on_apply(object);
  return PutObject(std::move(object));
}

const NodeReport& Ran::Of(const graph::Graph& graph, std::string_view id) const {
  for (const NodeReport& report : outcome.nodes) {
    if (graph.nodes[report.node].id == id) return report;
  }
  Abort(id);
}

Ran RunPass(const std::shared_ptr<const graph::Graph>& graph, const LiveObject& instance,
            FakeCluster& cluster, const RunOptions& options) {
  const auto key_of = [](const graph::Node& node, std::string_view ns, std::string_view name) {
    return fmt::format("{} {}{}{}", node.gvk.kind, ns, ns.empty() ? "" : "/", name);
  };
  ReconciliationOptions pass_options;
  pass_options.version = options.version;
  pass_options.max_collection_size = options.max_collection_size;
  pass_options.budget = options.budget;
  pass_options.find = [&](const graph::Node& node, std::string_view ns, std::string_view name) {
    return cluster.Find(key_of(node, ns, name));
  };
  Reconciliation pass(graph, instance, std::move(pass_options));
  Ran ran;
  std::vector<Action> open = pass.Advance();
  ran.foreseen = pass.Foreseen();
  std::vector<std::string> wave;
  std::vector<Action> next;
  while (!open.empty()) {
    if (options.shuffle != nullptr) std::shuffle(open.begin(), open.end(), *options.shuffle);
    const Action action = open.back();
    open.pop_back();
    const graph::Node& node = graph->nodes[action.node];
    const std::string key = key_of(node, action.ns, action.name);
    if (action.kind == Action::Kind::kRead) {
      ran.reads.push_back(key);
      if (!action.name.empty()) {
        pass.Observed(action, {cluster.Find(key)});
      } else {
        pass.Observed(action, cluster.List(node.gvk.kind));
      }
    } else if (auto refused = options.refuse ? options.refuse(key) : std::nullopt) {
      pass.Failed(action, *refused);
    } else if (action.same_as_applied) {
      ran.unchanged.push_back(key);
      pass.Applied(action, action.live);
    } else {
      wave.push_back(key);
      ran.desired.emplace_back(*action.desired, boost::json::storage_ptr());
      pass.Applied(action, cluster.Apply(*action.desired));
    }
    // With a shuffle every answer is told at once; without, wave by wave.
    for (Action& more : pass.Advance()) {
      (options.shuffle != nullptr ? open : next).push_back(std::move(more));
    }
    if (!open.empty()) continue;
    std::ranges::sort(wave);
    if (!wave.empty()) ran.waves.push_back(std::move(wave));
    wave.clear();
    open = std::move(next);
    next.clear();
  }
  if (!pass.IsDone()) Abort("the pass stopped before its end");
  ran.outcome = pass.Finish();
  ran.over_budget = pass.IsOverBudget();
  if (!graph->conditions.empty()) {
    InstanceStatus status(*instance, api::Timestamp(std::chrono::seconds(1'800'000'000)));
    status.Managed();
    status.Resolved();
    status.Resources(ran.outcome);
    ran.author = pass.Conditions(status.conditions());
  }
  return ran;
}

}  // namespace kro::runtime
