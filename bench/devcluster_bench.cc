// Question: what does the whole operator cost on a real API server, in requests, time and memory, beside a
// bare loop that writes the same objects?
//
// Input: ConfigMaps, so that no other controller takes part: instances of 5 children in 3 levels, chains of 5
// and 20, one collection of 1,000. Baseline: the floor, which applies the same objects with as many requests at
// once (kConcurrency), through the same client on the same server, in the same run.
//
//   devcluster_bench [--instances 1000] [--only WORD] [--foreign-crds 200] [--log FILE]
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "e2e/audit_log.h"
#include "e2e/cluster_user.h"
#include "e2e/kro_process.h"
#include "e2e/devcluster.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kConcurrency = 32;
constexpr std::string_view kNamespace = "bench";
const kube::Gvr kConfigMaps{"", "v1", "configmaps"};

struct Options {
  std::size_t instances = 1000;
  std::size_t foreign_crds = 200;
  std::string only;
  std::string log;
};

// One line of the table.
struct Row {
  std::string what;
  std::string floor;
  std::string kro;
  std::string ratio;
  std::string goal;
};

// A write that the floor makes, or the user.
struct Write {
  enum class Kind { kApply, kPatch, kDelete };
  Kind kind = Kind::kApply;
  kube::Gvr gvr;
  json::Value body;    // of an apply or a merge patch
  kube::ObjectKey key;  // of a patch or a delete
};

struct Counts {
  int writes = 0;
  int reads = 0;
  int lists = 0;
  int watches = 0;
  int calls() const { return writes + reads + lists; }
};

class Bench {
 public:
  explicit Bench(Options options);

  // False if something did not come up.
  bool Run();

 private:
  using Section = void (Bench::*)();

  bool Start();
  void StartController();
  bool Wanted(std::string_view section) const {
    return options_.only.empty() || options_.only.find(section) != std::string::npos;
  }

  // The sections of the table.
  void MeasureIdleMemory();
  void MeasureDefinitions();
  void MeasureCalls();
  void MeasureChains();
  void MeasureDrift();
  void MeasureMany();
  void MeasureCollection();

  // A definition whose chain of `length` ConfigMaps each reads the one before.
  static std::string ChainDefinition(const std::string& kind, int length);
  static std::string FiveDefinition(const std::string& kind);
  static std::string CollectionDefinition(const std::string& kind);
  void Define(const std::string& name, const std::string& yaml, const std::string& kind);

  static json::Value Instance(std::string_view kind, std::string_view name, std::string_view spec);
  static json::Value ConfigMap(std::string_view name, std::string_view value);
  static kube::Gvr GvrOf(std::string_view kind);

  // Makes the writes, kConcurrency at a time.
  Seconds WriteAll(std::vector<Write> writes);
  async::Task<void> WriteNext(std::vector<Write>* writes, std::size_t* next);
  void WriteOne(Write write);

  std::size_t CountActive(std::string_view kind, std::string_view prefix, std::string_view value);
  Seconds WaitUntilActive(std::string_view kind, std::string_view prefix, std::size_t count,
                          std::string_view value, steady_clock::time_point since);
  Seconds WaitUntilNone(std::string_view kind, steady_clock::time_point since);
  Seconds WaitUntilState(std::string_view kind, std::string_view name, steady_clock::time_point since);

  // What the controller asked since the last call, once it is quiet.
  Counts Settle();

  void Add(std::string what, std::string floor, std::string kro, std::string ratio, std::string goal) {
    std::printf("  %s: %s%s%s\n", what.c_str(), kro.c_str(), floor.empty() ? "" : ", floor ",
                floor.c_str());
    std::fflush(stdout);
    rows_.push_back({std::move(what), std::move(floor), std::move(kro), std::move(ratio), std::move(goal)});
  }
  void Print() const;

  Options options_;
  std::unique_ptr<e2e::Devcluster> cluster_;
  std::unique_ptr<e2e::ClusterUser> user_;
  std::unique_ptr<e2e::AuditLog> audit_;
  std::unique_ptr<e2e::ControllerProcess> controller_;
  std::vector<Row> rows_;
};

std::string Milliseconds(Seconds time) { return fmt::format("{:.0f} ms", time.count() * 1000); }
std::string InSeconds(Seconds time) { return fmt::format("{:.1f} s", time.count()); }
std::string Mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}
std::string Ratio(Seconds kro, Seconds floor) {
  return fmt::format("{:.2f}", kro.count() / floor.count());
}

Seconds Percentile(std::vector<Seconds> times, double part) {
  if (times.empty()) return Seconds(0);
  std::ranges::sort(times);
  const auto at = static_cast<std::size_t>(part * static_cast<double>(times.size() - 1) + 0.5);
  return times[std::min(at, times.size() - 1)];
}

Bench::Bench(Options options) : options_(std::move(options)) {}

bool Bench::Run() {
  if (!Start()) return false;
  const std::pair<std::string_view, Section> sections[] = {
      {"idle", &Bench::MeasureIdleMemory}, {"definitions", &Bench::MeasureDefinitions},
      {"calls", &Bench::MeasureCalls},     {"chains", &Bench::MeasureChains},
      {"drift", &Bench::MeasureDrift},     {"many", &Bench::MeasureMany},
      {"collection", &Bench::MeasureCollection},
  };
  for (const auto& [name, section] : sections) {
    if (!Wanted(name)) continue;
    std::printf("%s\n", std::string(name).c_str());
    (this->*section)();
    if (!controller_->IsRunning()) {
      std::printf("the controller has ended:\n%s\n", controller_->Log().c_str());
      Print();
      return false;
    }
  }
  Print();
  return !::testing::UnitTest::GetInstance()->Failed();
}

bool Bench::Start() {
  cluster_ = std::make_unique<e2e::Devcluster>("bench");
  if (cluster_->kubeconfig().empty()) return false;
  user_ = std::make_unique<e2e::ClusterUser>(cluster_->kubeconfig());
  audit_ = std::make_unique<e2e::AuditLog>(cluster_->audit_log());
  for (const auto* crd : {"resourcegraphdefinitions.kro.run", "graphrevisions.internal.kro.run",
                          "resourcegroups.kro.run"}) {
    user_->ApplyFile(fmt::format("config/crd/{}.yaml", crd));
  }
  user_->Apply(fmt::format("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n", kNamespace));
  if (options_.log.empty()) options_.log = cluster_->kubeconfig() + ".kro.log";
  StartController();
  return true;
}

void Bench::StartController() {
  controller_ = std::make_unique<e2e::ControllerProcess>(
      cluster_->kubeconfig(), options_.log, std::vector<std::string>{"--allow-crd-deletion=true"});
}

void Bench::MeasureIdleMemory() {
  Settle();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  Add("RSS, idle", "", Mebibytes(controller_->ResidentBytes()), "", "≤ 20 MiB");
}

void Bench::MeasureDefinitions() {
  const auto apply = [&](const std::string& prefix) {
    std::vector<Seconds> times;
    for (int i = 0; i < 5; ++i) {
      const std::string kind = fmt::format("{}{}", prefix, i);
      const auto started = steady_clock::now();
      user_->Apply(FiveDefinition(kind));
      user_->WaitFor(fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", GvrOf(kind).resource),
                     {"status", "state"}, "Active");
      times.push_back(steady_clock::now() - started);
    }
    return Percentile(times, 0.5);
  };
  apply("Warm");  // the schemas of the kinds are loaded once
  Add("RGD applied → Active, p50 of 5", "", Milliseconds(apply("Few")), "", "≤ 300 ms");
  if (options_.foreign_crds == 0) return;
  // A CRD of some 60 KiB, as cloud operators bring them.
  std::string properties;
  for (int i = 0; i < 400; ++i) {
    properties += fmt::format(
        "                property{}: {{type: object, description: \"what a cloud operator says about "
        "this property, at the length that generated schemas have\", properties: {{a: {{type: "
        "string}}, b: {{type: integer}}}}}}\n",
        i);
  }
  for (std::size_t i = 0; i < options_.foreign_crds; ++i) {
    user_->Apply(fmt::format(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: bulks.c{0}.foreign.example.com}}
spec:
  group: c{0}.foreign.example.com
  names: {{kind: Bulk, listKind: BulkList, plural: bulks, singular: bulk}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
{1})",
                             i, properties));
  }
  std::this_thread::sleep_for(std::chrono::seconds(10));  // the server digests them
  Add(fmt::format("the same with {} large foreign CRDs", options_.foreign_crds), "",
      Milliseconds(apply("Foreign")), "", "≤ 300 ms");
}

void Bench::MeasureCalls() {
  Define("Five", FiveDefinition("Five"), "Five");
  WriteOne({.gvr = GvrOf("Five"), .body = Instance("Five", "first", "{}")});  // starts the watches
  WaitUntilState("Five", "first", steady_clock::now());
  Settle();

  WriteOne({.gvr = GvrOf("Five"), .body = Instance("Five", "counted", "{}")});
  WaitUntilState("Five", "counted", steady_clock::now());
  Counts counts = Settle();
  Add("API calls, bring-up of 5 children in 3 levels", "6", fmt::format("{}", counts.calls()), "",
      "≤ 7");

  WriteOne({.kind = Write::Kind::kPatch, .gvr = GvrOf("Five"), .body = *json::Parse(R"({"spec":{"leaf":"two"}})"),
            .key = {std::string(kNamespace), "counted"}});
  counts = Settle();
  Add("API calls, edit that changes one child", "2", fmt::format("{}", counts.calls()), "", "≤ 3");

  std::this_thread::sleep_for(std::chrono::seconds(10));
  counts = Settle();
  Add("API calls, 10 s at rest", "0", fmt::format("{}", counts.calls()), "", "0");

  WriteOne({.kind = Write::Kind::kDelete, .gvr = GvrOf("Five"), .key = {std::string(kNamespace), "counted"}});
  user_->WaitUntilGone(fmt::format("kro.run/v1alpha1 Five {}/counted", kNamespace));
  counts = Settle();
  Add("API calls, delete", "6", fmt::format("{}", counts.calls()), "", "≤ 7");
}

void Bench::MeasureChains() {
  for (const int length : {5, 20}) {
    const std::string kind = fmt::format("Chain{}", length);
    Define(kind, ChainDefinition(kind, length), kind);
    std::vector<Seconds> times;
    std::vector<Seconds> floor;
    int calls = 0;
    for (int i = 0; i < 20; ++i) {
      const std::string name = fmt::format("c{}", i);
      if (i == 10) Settle();
      const auto started = steady_clock::now();
      WriteOne({.gvr = GvrOf(kind), .body = Instance(kind, name, "{}")});
      times.push_back(WaitUntilState(kind, name, started));
      if (i == 10) calls = Settle().calls();

      const auto floor_started = steady_clock::now();
      for (int child = 0; child < length; ++child) {
        WriteOne({.gvr = kConfigMaps, .body = ConfigMap(fmt::format("floor-{}-{}-{}", length, i, child), "x")});
      }
      floor.push_back(steady_clock::now() - floor_started);
    }
    Add(fmt::format("API calls, bring-up of a chain of {}", length), fmt::format("{}", length + 1),
        fmt::format("{}", calls), "", fmt::format("≤ {}", length + 2));
    Add(fmt::format("chain of {} ConfigMaps, create → ACTIVE, p50 of 20", length),
        Milliseconds(Percentile(floor, 0.5)), Milliseconds(Percentile(times, 0.5)),
        Ratio(Percentile(times, 0.5), Percentile(floor, 0.5)), length == 5 ? "≤ 60 ms" : "≤ 150 ms");
  }
}

void Bench::MeasureDrift() {
  Define("Drifting", ChainDefinition("Drifting", 2), "Drifting");
  const auto started = steady_clock::now();
  WriteOne({.gvr = GvrOf("Drifting"), .body = Instance("Drifting", "d", "{}")});
  WaitUntilState("Drifting", "d", started);
  std::vector<Seconds> times;
  for (int i = 0; i < 50; ++i) {
    Settle();
    const auto deleted = steady_clock::now();
    WriteOne({.kind = Write::Kind::kDelete, .gvr = kConfigMaps, .key = {std::string(kNamespace), "d-1"}});
    user_->WaitUntil("the child is back", [&] {
      return user_->Get(fmt::format("v1 ConfigMap {}/d-1", kNamespace)).has_value();
    });
    times.push_back(steady_clock::now() - deleted);
  }
  Add("drift: child deleted → recreated, p50 / max of 50", "",
      fmt::format("{} / {}", Milliseconds(Percentile(times, 0.5)), Milliseconds(Percentile(times, 1))),
      "", "≤ 20 ms / ≤ 200 ms");
}

void Bench::MeasureMany() {
  const std::size_t n = options_.instances;
  const auto name = [](std::size_t i) { return fmt::format("m{}", i); };
  Define("Many", FiveDefinition("Many"), "Many");
  // The floor's instances are of a kind that nobody serves.
  Define("Idle", "", "Idle");

  std::vector<Write> floor_creates;
  std::vector<Write> creates;
  for (std::size_t i = 0; i < n; ++i) {
    creates.push_back({.gvr = GvrOf("Many"), .body = Instance("Many", name(i), "{}")});
    floor_creates.push_back({.gvr = GvrOf("Idle"), .body = Instance("Idle", name(i), "{}")});
    for (int child = 0; child < 5; ++child) {
      floor_creates.push_back({.gvr = kConfigMaps, .body = ConfigMap(fmt::format("f{}-{}", i, child), "one")});
    }
  }
  const std::uint64_t idle = controller_->ResidentBytes();
  const Seconds floor_create = WriteAll(std::move(floor_creates));
  Settle();
  auto started = steady_clock::now();
  WriteAll(std::move(creates));
  const Seconds create = WaitUntilActive("Many", "m", n, "one", started);
  const Counts creation = Settle();
  Add(fmt::format("{} × 5 children: create all → ACTIVE", n), InSeconds(floor_create), InSeconds(create),
      Ratio(create, floor_create), "≤ 1.4");
  Add("API calls an instance while creating them", "6",
      fmt::format("{:.2f}", static_cast<double>(creation.calls()) / static_cast<double>(n)), "", "≤ 7");
  const std::uint64_t loaded = controller_->ResidentBytes();
  Add(fmt::format("RSS with {} instances", n), "", Mebibytes(loaded), "", "≤ 60 MiB");
  Add("memory an instance", "",
      fmt::format("{:.1f} KiB", static_cast<double>(loaded - std::min(loaded, idle)) / 1024 /
                                    static_cast<double>(n)),
      "", "≤ 15 KiB");

  std::this_thread::sleep_for(std::chrono::seconds(10));
  Add(fmt::format("API calls, 10 s at rest with {} instances", n), "0", fmt::format("{}", Settle().calls()),
      "", "0");

  std::vector<Write> floor_edits;
  std::vector<Write> edits;
  const json::Value patch = *json::Parse(R"({"spec":{"leaf":"two"}})");
  for (std::size_t i = 0; i < n; ++i) {
    const kube::ObjectKey key{std::string(kNamespace), name(i)};
    edits.push_back({.kind = Write::Kind::kPatch, .gvr = GvrOf("Many"), .body = patch, .key = key});
    floor_edits.push_back({.kind = Write::Kind::kPatch, .gvr = GvrOf("Idle"), .body = patch, .key = key});
    floor_edits.push_back({.gvr = kConfigMaps, .body = ConfigMap(fmt::format("f{}-4", i), "two")});
  }
  const Seconds floor_edit = WriteAll(std::move(floor_edits));
  Settle();
  started = steady_clock::now();
  WriteAll(std::move(edits));
  const Seconds edit = WaitUntilActive("Many", "m", n, "two", started);
  const Counts edited = Settle();
  Add(fmt::format("edit one field of all {}", n), InSeconds(floor_edit), InSeconds(edit),
      Ratio(edit, floor_edit), "≤ 1.4");
  Add("API calls an instance while editing them", "2",
      fmt::format("{:.2f}", static_cast<double>(edited.calls()) / static_cast<double>(n)), "", "≤ 3");

  controller_->Stop();
  StartController();
  started = steady_clock::now();
  // Settled once an edit is carried out.
  WriteOne({.kind = Write::Kind::kPatch, .gvr = GvrOf("Many"), .body = *json::Parse(R"({"spec":{"leaf":"three"}})"),
            .key = {std::string(kNamespace), name(0)}});
  user_->WaitFor(fmt::format("kro.run/v1alpha1 Many {}/{}", kNamespace, name(0)), {"status", "leaf"}, "three");
  const Seconds settled = steady_clock::now() - started;
  const Counts restart = Settle();
  Add(fmt::format("restart with {} instances: time until an edit is done", n), "", InSeconds(settled), "",
      "≤ 3 s");
  Add("  writes / lists / other reads (the edit's 2 writes among them)", "",
      fmt::format("{} / {} / {}", restart.writes, restart.lists, restart.reads), "", "2 / one a kind / –");

  std::vector<Write> floor_deletes;
  std::vector<Write> deletes;
  for (std::size_t i = 0; i < n; ++i) {
    const kube::ObjectKey key{std::string(kNamespace), name(i)};
    deletes.push_back({.kind = Write::Kind::kDelete, .gvr = GvrOf("Many"), .key = key});
    floor_deletes.push_back({.kind = Write::Kind::kDelete, .gvr = GvrOf("Idle"), .key = key});
    for (int child = 0; child < 5; ++child) {
      floor_deletes.push_back({.kind = Write::Kind::kDelete, .gvr = kConfigMaps,
                               .key = {std::string(kNamespace), fmt::format("f{}-{}", i, child)}});
    }
  }
  const Seconds floor_delete = WriteAll(std::move(floor_deletes));
  started = steady_clock::now();
  WriteAll(std::move(deletes));
  const Seconds all_gone = WaitUntilNone("Many", started);
  const Counts deleted = Settle();
  Add(fmt::format("delete all {}", n), InSeconds(floor_delete), InSeconds(all_gone),
      Ratio(all_gone, floor_delete), "≤ 1.4");
  Add("API calls an instance while deleting them", "6",
      fmt::format("{:.2f}", static_cast<double>(deleted.calls()) / static_cast<double>(n)), "", "≤ 7");
}

void Bench::MeasureCollection() {
  constexpr int kItems = 1000;
  Define("Set", CollectionDefinition("Set"), "Set");
  json::Array items;
  std::vector<Write> floor_creates;
  for (int i = 0; i < kItems; ++i) {
    items.emplace_back(fmt::format("item{}", i));
    floor_creates.push_back({.gvr = kConfigMaps, .body = ConfigMap(fmt::format("floor-item{}", i), "one")});
  }
  const Seconds floor = WriteAll(std::move(floor_creates));
  json::Value instance = Instance("Set", "set", "{}");
  instance.as_object()["spec"] = json::Object{{"items", items}, {"special", "item0"}};
  auto started = steady_clock::now();
  WriteOne({.gvr = GvrOf("Set"), .body = instance});
  const Seconds create = WaitUntilState("Set", "set", started);
  Add("a collection of 1,000: create → ACTIVE", InSeconds(floor), InSeconds(create), Ratio(create, floor),
      "≤ 1.4");

  Settle();
  started = steady_clock::now();
  WriteOne({.kind = Write::Kind::kPatch, .gvr = GvrOf("Set"), .body = *json::Parse(R"({"spec":{"special":"none"}})"),
            .key = {std::string(kNamespace), "set"}});
  user_->WaitFor(fmt::format("v1 ConfigMap {}/set-item0", kNamespace), {"data", "special"}, "false");
  const Seconds change = steady_clock::now() - started;
  int children = 0;
  for (const auto& request : audit_->Next("kro")) children += request.resource == "configmaps" && request.IsWrite();
  Settle();
  Add("a collection of 1,000: change one item", "1 write",
      fmt::format("{} writes, {}", children, Milliseconds(change)), "", "1 write, ≤ 50 ms");
}

std::string Definition(const std::string& kind, std::string_view name, std::string_view spec,
                       std::string_view status, std::string_view resources) {
  return fmt::format(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {{name: {}}}
spec:
  schema:
    apiVersion: v1alpha1
    kind: {}
    spec: {}
    status: {}
  resources:
{})",
                     name, kind, spec, status, resources);
}

std::string ConfigMapNode(std::string_view id, std::string_view name, std::string_view value) {
  return fmt::format(R"(  - id: {}
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: "{}"}}
      data: {{v: "{}"}}
)",
                     id, name, value);
}

std::string Bench::ChainDefinition(const std::string& kind, int length) {
  std::string nodes;
  for (int i = 0; i < length; ++i) {
    nodes += ConfigMapNode(
        fmt::format("n{}", i), fmt::format("${{schema.metadata.name}}-{}{}", length > 2 ? kind.substr(5) + "-" : "", i),
        i == 0 ? std::string("${schema.spec.text}") : fmt::format("${{n{}.data.v}}", i - 1));
  }
  return Definition(kind, GvrOf(kind).resource, "{text: string | default=one}",
                    fmt::format("{{last: \"${{n{}.data.v}}\"}}", length - 1), nodes);
}

// a; b and c read a; d reads b; e reads c and the field that is edited.
std::string Bench::FiveDefinition(const std::string& kind) {
  const std::string prefix = "${schema.metadata.name}-";
  return Definition(kind, GvrOf(kind).resource, "{text: string | default=one, leaf: string | default=one}",
                    "{leaf: \"${e.data.v}\"}",
                    ConfigMapNode("a", prefix + "a", "${schema.spec.text}") +
                        ConfigMapNode("b", prefix + "b", "${a.data.v}") +
                        ConfigMapNode("c", prefix + "c", "${a.data.v}") +
                        ConfigMapNode("d", prefix + "d", "${b.data.v}") +
                        ConfigMapNode("e", prefix + "e", "${c.data.v != '' ? schema.spec.leaf : ''}"));
}

std::string Bench::CollectionDefinition(const std::string& kind) {
  return Definition(kind, GvrOf(kind).resource, "{items: '[]string', special: string | default=none}",
                    "{count: '${size(settings)}'}", R"(  - id: settings
    forEach: [{entry: "${schema.spec.items}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${entry}"}
      data: {v: one, special: "${string(entry == schema.spec.special)}"}
)");
}

// Makes the API of a kind; without a definition a CRD that nobody serves.
void Bench::Define(const std::string& name, const std::string& yaml, const std::string& kind) {
  if (yaml.empty()) {
    user_->Apply(fmt::format(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {0}.kro.run}}
spec:
  group: kro.run
  names: {{kind: {1}, listKind: {1}List, plural: {0}, singular: {0}x}}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
)",
                             GvrOf(kind).resource, name));
    user_->WaitUntil("the kind is served", [&] {
      return user_->Await(user_->client().List(GvrOf(kind), "", {}, {})).has_value();
    });
    return;
  }
  user_->Apply(yaml);
  user_->WaitFor(fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", GvrOf(kind).resource),
                 {"status", "state"}, "Active");
}

json::Value Bench::Instance(std::string_view kind, std::string_view name, std::string_view spec) {
  return json::Object{{"apiVersion", "kro.run/v1alpha1"},
                      {"kind", kind},
                      {"metadata", json::Object{{"name", name}, {"namespace", kNamespace}}},
                      {"spec", *json::Parse(spec)}};
}

// As large as a child that kro makes: with as many labels.
json::Value Bench::ConfigMap(std::string_view name, std::string_view value) {
  json::Object labels;
  for (int i = 0; i < 12; ++i) labels[fmt::format("floor.example.com/label-number-{}", i)] = "value-of-a-label";
  return json::Object{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", json::Object{{"name", name}, {"namespace", kNamespace}, {"labels", labels}}},
                      {"data", json::Object{{"v", value}}}};
}

kube::Gvr Bench::GvrOf(std::string_view kind) {
  std::string resource(kind);
  for (char& c : resource) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (resource.ends_with('y')) {
    resource.pop_back();
    resource += "ie";
  }
  return {"kro.run", "v1alpha1", resource + "s"};
}

async::Task<void> Bench::WriteNext(std::vector<Write>* writes, std::size_t* next) {
  const kube::ApplyOptions apply{.field_manager = "floor", .on_conflict = kube::OnConflict::kTakeOver};
  const kube::WriteOptions patch;
  const kube::DeleteOptions remove;
  while (*next < writes->size()) {
    Write write = std::move((*writes)[(*next)++]);
    switch (write.kind) {
      case Write::Kind::kApply: {
        const auto reply =
            co_await user_->client().Apply(write.gvr, std::move(write.body), apply, async::CancelToken());
        if (!reply) std::printf("apply: %s\n", reply.error().message().c_str());
        break;
      }
      case Write::Kind::kPatch: {
        const auto reply =
            co_await user_->client().Patch(write.gvr, write.key, kube::PatchType::kMerge,
                                           std::move(write.body), patch, async::CancelToken());
        if (!reply) std::printf("patch: %s\n", reply.error().message().c_str());
        break;
      }
      case Write::Kind::kDelete: {
        const auto reply =
            co_await user_->client().Delete(write.gvr, write.key, remove, async::CancelToken());
        if (!reply) std::printf("delete: %s\n", reply.error().message().c_str());
        break;
      }
    }
  }
}

async::Task<void> Join(async::Scope* scope) { co_await scope->Join(); }

Seconds Bench::WriteAll(std::vector<Write> writes) {
  const auto started = steady_clock::now();
  std::size_t next = 0;
  async::Scope scope(user_->executor());
  // All of them run on the one loop, so that `next` needs no lock.
  for (std::size_t i = 0; i < kConcurrency; ++i) scope.Spawn(WriteNext(&writes, &next));
  user_->Await(Join(&scope));
  return steady_clock::now() - started;
}

void Bench::WriteOne(Write write) {
  std::vector<Write> one;
  one.push_back(std::move(write));
  std::size_t next = 0;
  user_->Await(WriteNext(&one, &next));
}

std::size_t Bench::CountActive(std::string_view kind, std::string_view prefix, std::string_view value) {
  const auto list = user_->Await(
      user_->client().List(GvrOf(kind), std::string(kNamespace), {.resource_version = "0"}, {}));
  if (!list) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(list->items, [&](const json::Value& item) {
    return json::FindString(item, {"metadata", "name"}).starts_with(prefix) &&
           json::FindString(item, {"status", "state"}) == "ACTIVE" &&
           json::FindString(item, {"status", "leaf"}) == value;
  }));
}

Seconds Bench::WaitUntilActive(std::string_view kind, std::string_view prefix, std::size_t count,
                               std::string_view value, steady_clock::time_point since) {
  while (CountActive(kind, prefix, value) < count) {
    if (steady_clock::now() - since > std::chrono::minutes(5) || !controller_->IsRunning()) {
      std::printf("  only %zu of %zu are ACTIVE\n", CountActive(kind, prefix, value), count);
      break;
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
  return steady_clock::now() - since;
}

Seconds Bench::WaitUntilNone(std::string_view kind, steady_clock::time_point since) {
  while (true) {
    const auto list = user_->Await(
        user_->client().List(GvrOf(kind), std::string(kNamespace), {.resource_version = "0"}, {}));
    if (list && list->items.empty()) break;
    if (steady_clock::now() - since > std::chrono::minutes(5) || !controller_->IsRunning()) {
      std::printf("  %zu are left\n", list ? list->items.size() : 0);
      break;
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
  return steady_clock::now() - since;
}

Seconds Bench::WaitUntilState(std::string_view kind, std::string_view name, steady_clock::time_point since) {
  while (true) {
    const auto found = user_->Await(
        user_->client().Get(GvrOf(kind), {std::string(kNamespace), std::string(name)}, {}, {}));
    if (found && json::FindString(*found, {"status", "state"}) == "ACTIVE") break;
    if (steady_clock::now() - since > std::chrono::minutes(2) || !controller_->IsRunning()) {
      std::printf("  %s %s does not become ACTIVE\n", std::string(kind).c_str(), std::string(name).c_str());
      break;
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  return steady_clock::now() - since;
}

Counts Bench::Settle() {
  constexpr auto kQuiet = milliseconds(500);
  Counts counts;
  auto last = steady_clock::now();
  while (steady_clock::now() - last < kQuiet) {
    for (const auto& request : audit_->Next("kro")) {
      if (request.resource.starts_with("leases") || request.resource.starts_with("events")) continue;
      last = steady_clock::now();
      if (request.verb == "watch") ++counts.watches;
      else if (request.verb == "list") ++counts.lists;
      else if (request.IsWrite()) ++counts.writes;
      else ++counts.reads;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return counts;
}

void Bench::Print() const {
  std::printf("\n| what | floor | kro | ratio | must be |\n|---|---|---|---|---|\n");
  for (const Row& row : rows_) {
    std::printf("| %s | %s | %s | %s | %s |\n", row.what.c_str(), row.floor.c_str(), row.kro.c_str(),
                row.ratio.c_str(), row.goal.c_str());
  }
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const char* value = argv[i + 1];
    if (flag == "--instances") options.instances = static_cast<std::size_t>(std::atoi(value));
    if (flag == "--foreign-crds") options.foreign_crds = static_cast<std::size_t>(std::atoi(value));
    if (flag == "--only") options.only = value;
    if (flag == "--log") options.log = value;
  }
  return Bench(std::move(options)).Run() ? 0 : 1;
}

}  // namespace
}  // namespace kro

int main(int argc, char** argv) { return kro::Main(argc, argv); }
