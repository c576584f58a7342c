// How long does the controller think about an instance?
//
// A pass over a live instance of five children in which nothing changed: every expression is
// evaluated, every object rendered, stamped and hashed, readiness judged, the status projected and
// compared. Budget: 50 µs. The same when all is new, and for a collection of 1000 ConfigMaps.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <new>

#include "runtime/pass_test_util.h"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace kro::runtime {
namespace {

constexpr std::string_view kFive = R"(
schema:
  apiVersion: v1alpha1
  kind: App
  spec:
    name: string
    image: string | default=nginx
    replicas: integer | default=3
    greeting: string
    ingress: boolean | default=true
  status:
    available: ${deployment.status.availableReplicas}
    address: "http://${service.metadata.name}.${service.metadata.namespace}"
resources:
- id: config
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.spec.name}-config"}
    data:
      greeting: ${schema.spec.greeting}
      settings: "a rather long literal text, as configuration tends to be, of some hundred bytes"
- id: secret
  template:
    apiVersion: v1
    kind: Secret
    metadata: {name: "${schema.spec.name}-secret"}
    stringData: {token: "${schema.metadata.uid}"}
- id: deployment
  readyWhen: ["${deployment.status.availableReplicas == deployment.spec.replicas}"]
  template:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "${schema.spec.name}", labels: {app: "${schema.spec.name}"}}
    spec:
      replicas: ${schema.spec.replicas}
      template:
        metadata: {labels: {app: "${schema.spec.name}"}}
        spec:
          containers:
          - name: web
            image: ${schema.spec.image}
            ports: [{containerPort: 8080, name: http, protocol: TCP}]
            resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 100m, memory: 128Mi}}
            env:
            - {name: GREETING, value: "${config.data.greeting}"}
            - {name: MODE, value: production}
            envFrom:
            - configMapRef: {name: "${config.metadata.name}"}
            - secretRef: {name: "${secret.metadata.name}"}
            readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 5}
- id: service
  template:
    apiVersion: test.dev/v1
    kind: Widget
    metadata: {name: "${schema.spec.name}"}
    spec: {selector: {app: "${deployment.metadata.name}"}, ports: [{port: 80, targetPort: 8080}]}
- id: ingress
  includeWhen: ["${schema.spec.ingress}"]
  template:
    apiVersion: test.dev/v1
    kind: Widget
    metadata: {name: "${schema.spec.name}-ingress"}
    spec: {rules: [{host: "${schema.spec.name}.example.com", service: "${service.metadata.name}", port: 80}]}
)";

constexpr std::string_view kThousand = R"(
schema: {apiVersion: v1alpha1, kind: App, spec: {count: integer}, status: {size: "${size(parts)}"}}
resources:
- id: parts
  forEach: [{i: "${lists.range(schema.spec.count)}"}]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "part-${string(i)}"}
    data: {number: "${string(i * 2)}", fixed: "the same for all of them"}
)";

// Objects by name: as a store's index gives them.
struct Stored {
  std::map<std::string, LiveObject, std::less<>> objects;

  FindObject Find() const {
    return [this](const graph::Node& node, std::string_view, std::string_view name) -> LiveObject {
      std::string key = node.gvk.kind;
      key += name;
      const auto found = objects.find(key);
      return found == objects.end() ? nullptr : found->second;
    };
  }
  void Put(const json::Value& object) {
    json::Value copy(object, boost::json::storage_ptr());
    copy.get_object()["metadata"].get_object()["uid"] = "3f0c7a0e-0000-4000-8000-000000000001";
    if (json::FindString(copy, {"kind"}) == "Deployment") {
      copy.get_object()["status"] = {{"availableReplicas", 3}, {"replicas", 3}};
    }
    std::string key(json::FindString(copy, {"kind"}));
    key += NameOf(copy);
    objects[std::move(key)] = std::make_shared<const json::Value>(std::move(copy));
  }
};

// One pass, all applies answered with what is live or `fresh`.
Outcome RunOnce(const std::shared_ptr<const graph::Graph>& graph, const LiveObject& instance,
                const Stored& stored, Stored* fresh) {
  Reconciliation pass(graph, instance, {.version = "1.2.3", .find = stored.Find()});
  while (true) {
    const auto actions = pass.Advance();
    if (actions.empty()) break;
    for (const Action& action : actions) {
      if (action.same_as_applied) {
        pass.Applied(action, action.live);
        continue;
      }
      if (fresh != nullptr) fresh->Put(*action.desired);
      std::string key = graph->nodes[action.node].gvk.kind;
      key += action.name;
      pass.Applied(action, fresh != nullptr ? fresh->objects[key] : action.live);
    }
  }
  Outcome outcome = pass.Finish();
  InstanceStatus status(*instance, api::Timestamp(std::chrono::seconds(1'800'000'000)));
  status.Managed();
  status.Resolved();
  status.Resources(outcome);
  benchmark::DoNotOptimize(
      SameStatus(json::Find(*instance, "status"), status.Running(outcome, nullptr)));
  return outcome;
}

void NothingChanged(benchmark::State& state, std::string_view spec, const LiveObject& instance) {
  const auto graph = GraphOf(spec);
  Stored stored;
  RunOnce(graph, instance, Stored(), &stored);
  if (!RunOnce(graph, instance, stored, nullptr).ready) {
    state.SkipWithError("not converged");
    return;
  }
  std::size_t before = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(RunOnce(graph, instance, stored, nullptr));
  state.counters["allocations"] =
      static_cast<double>(allocations - before) / static_cast<double>(state.iterations());
}

LiveObject FiveApp() {
  return App("{name: web, image: nginx, replicas: 3, greeting: hello world, ingress: true}",
             "default", "{status: {available: 3, state: ACTIVE}}");
}

void FiveChildrenUnchanged(benchmark::State& state) { NothingChanged(state, kFive, FiveApp()); }
BENCHMARK(FiveChildrenUnchanged);

void FiveChildrenNew(benchmark::State& state) {
  const auto graph = GraphOf(kFive);
  const LiveObject instance = FiveApp();
  for (auto _ : state) {
    Stored fresh;
    benchmark::DoNotOptimize(RunOnce(graph, instance, Stored(), &fresh));
  }
}
BENCHMARK(FiveChildrenNew);

void CollectionOfThousandUnchanged(benchmark::State& state) {
  NothingChanged(state, kThousand, App("{count: 1000}"));
}
BENCHMARK(CollectionOfThousandUnchanged);

}  // namespace
}  // namespace kro::runtime
