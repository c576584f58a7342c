// Question: what does the whole operator cost on a real API server, in requests, time and memory, beside a
// bare loop that writes the same objects?
//
// Input: ConfigMaps, so that no other controller takes part: instances of 5 children in 3 levels, chains of 5
// and 20, one collection of 1,000. Baseline: the floor, a loop that leaves the same objects behind with as many
// requests at once (kConcurrency), through the same client on the same server, in the same run. Its instances are
// of a kind with the same schema that nobody serves, created with the labels, annotations and the finalizer that
// kro gives; it writes their status in a second request, as the API demands. An edit and a delete take it as many
// writes as them all together. A watch tells when instances are done, so that waiting costs the server little.
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
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "async/when_all.h"
#include "e2e/audit_log.h"
#include "e2e/cluster_user.h"
#include "e2e/devcluster.h"
#include "e2e/kro_process.h"
#include "http/client.h"
#include "json/value.h"
#include "json/yaml.h"
#include "kube/watch_decoder.h"

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
  enum class Kind { kApply, kPatch, kPatchStatus, kDelete };
  Kind kind = Kind::kApply;
  kube::Gvr gvr;
  json::Value body;     // of an apply or a merge patch
  kube::ObjectKey key;  // of a patch or a delete
};

struct Counts {
  int writes = 0;
  int reads = 0;
  int lists = 0;
  int watches = 0;
  steady_clock::time_point last;  // of these, as the audit log showed it
  int calls() const { return writes + reads + lists; }
  void Add(const Counts& more) {
    writes += more.writes;
    reads += more.reads;
    lists += more.lists;
    watches += more.watches;
    last = std::max(last, more.last);
  }
};

// What the floor of a start reads: a whole collection, followed, or an object.
struct Reading {
  kube::Gvr gvr;
  std::string label_selector;
  std::string name;  // empty: the collection
};

// Follows the objects of a collection by a watch.
class Follower {
 public:
  // Follows once constructed. `user` outlives it.
  Follower(e2e::ClusterUser& user, kube::Gvr gvr, std::string field_selector = {});
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  std::size_t Present() const;
  // Those that are ACTIVE and show `leaf` in their status.
  std::size_t Active(std::string_view leaf) const;
  bool IsActive(const std::string& name) const;
  // Empty if it is not there.
  std::string Uid(const std::string& name) const;

 private:
  struct Seen {
    std::string uid;
    std::string state;
    std::string leaf;
  };

  async::Task<void> Run(kube::Gvr gvr, std::string field_selector, async::CancelToken cancel);

  e2e::ClusterUser& user_;
  async::Scope scope_;
  mutable std::mutex mutex_;
  std::map<std::string, Seen> objects_;  // by name; guarded by mutex_
  bool filled_ = false;                  // guarded by mutex_
};

class Bench {
 public:
  explicit Bench(Options options);

  // False if something did not come up.
  bool Run();

 private:
  using Section = void (Bench::*)();

  bool Start();
  void StartController(std::vector<std::string> flags = {});
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
  void MeasureRush();
  void MeasureIsolation();
  void MeasureCollection();
  void MeasureFleet();
  void MeasureStarts(std::size_t definitions, std::size_t instances);

  // Makes the large CRDs of others, once.
  void AddForeignCrds();

  // A definition whose chain of `length` ConfigMaps each reads the one before.
  static std::string ChainDefinition(const std::string& kind, int length);
  static std::string FiveDefinition(const std::string& kind);
  static std::string CollectionDefinition(const std::string& kind);
  void Define(const std::string& yaml, const std::string& kind);
  // Makes a CRD like that of a kind that kro serves, which nobody serves. Returns an instance of the former.
  json::Value DefineIdle(const std::string& served, const std::string& idle);

  static json::Value Instance(std::string_view kind, std::string_view name, std::string_view spec);
  static json::Value ConfigMap(std::string_view name, std::string_view value);
  static kube::Gvr GvrOf(std::string_view kind);

  // Makes the writes, kConcurrency at a time.
  Seconds WriteAll(std::vector<Write> writes);
  // The writes of a floor, stage after stage: the first half of each, and what is left of them. The machine is not as
  // fast in one minute as in the next, so one half is written before what it is compared with, one after.
  using Stages = std::vector<std::vector<Write>>;
  Seconds WriteHalf(Stages& stages);
  Seconds WriteRest(Stages& stages);
  async::Task<void> WriteNext(std::vector<Write>* writes, std::size_t* next);
  void WriteOne(Write write);

  // Reads all that, kConcurrency objects at a time and all collections at once, and follows these until it has
  // ended. The time until the last one was filled.
  Seconds ReadAll(std::vector<Reading> readings);
  async::Task<void> ReadNext(const std::vector<Reading>* readings, std::size_t* next);
  async::Task<std::unique_ptr<kube::WatchStream>> Fill(const Reading* reading);

  std::size_t CountActive(std::string_view kind, std::string_view prefix, std::string_view value);
  // Waits until it holds, and says how long that was. At most five minutes.
  Seconds WaitUntil(std::string_view what, steady_clock::time_point since,
                    const std::function<bool()>& holds);
  // The same, looking so seldom that it costs the server nothing.
  void WaitSeldom(std::string_view what, const std::function<bool()>& holds);
  // How many looks at instances of a kind came to their end and asked for no other, as the controller's metrics
  // at this port say.
  std::size_t FinishedLooks(std::uint16_t port, std::string_view kind);
  Seconds WaitUntilState(std::string_view kind, std::string_view name,
                         steady_clock::time_point since);
  // Deletes a child of an instance of the kind Drifting and waits until it is back.
  Seconds DeleteChild(const Follower& children, const std::string& name);
  void RefuseSome();
  // The times from create to ACTIVE of instances of the kind Chain5, one after the other.
  std::vector<Seconds> TimesOfChains(const std::string& prefix, int count);
  // CPU time of the controller since the last call, for each of `n`.
  std::string CpuFor(std::size_t n);

  // What the controller asked since the last call, once it is quiet.
  Counts Settle();

  void Add(std::string what, std::string floor, std::string kro, std::string ratio,
           std::string goal) {
    std::printf("  %s: %s%s%s\n", what.c_str(), kro.c_str(), floor.empty() ? "" : ", floor ",
                floor.c_str());
    std::fflush(stdout);
    rows_.push_back(
        {std::move(what), std::move(floor), std::move(kro), std::move(ratio), std::move(goal)});
  }
  void Print() const;

  Options options_;
  std::unique_ptr<e2e::Devcluster> cluster_;
  std::unique_ptr<e2e::ClusterUser> user_;
  std::unique_ptr<e2e::AuditLog> audit_;
  std::unique_ptr<e2e::ControllerProcess> controller_;
  bool foreign_crds_made_ = false;
  Seconds cpu_{0};
  std::uint64_t idle_bytes_ = 0;  // resident, before the first definition
  std::vector<Row> rows_;
};

std::string Definition(const std::string& kind, std::string_view name, std::string_view spec,
                       std::string_view status, std::string_view resources);

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
      {"idle", &Bench::MeasureIdleMemory},
      {"definitions", &Bench::MeasureDefinitions},
      {"calls", &Bench::MeasureCalls},
      {"chains", &Bench::MeasureChains},
      {"drift", &Bench::MeasureDrift},
      {"many", &Bench::MeasureMany},
      {"collection", &Bench::MeasureCollection},
      {"fleet", &Bench::MeasureFleet},
      {"rush", &Bench::MeasureRush},
      {"isolation", &Bench::MeasureIsolation},
  };
  for (const auto& [name, section] : sections) {
    if (!Wanted(name)) continue;
    std::printf("%s\n", std::string(name).c_str());
    std::fflush(stdout);
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
  user_->Apply(
      fmt::format("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n", kNamespace));
  if (options_.log.empty()) options_.log = cluster_->kubeconfig() + ".kro.log";
  StartController();
  return true;
}

void Bench::StartController(std::vector<std::string> flags) {
  flags.emplace_back("--allow-crd-deletion=true");
  controller_ = std::make_unique<e2e::ControllerProcess>(cluster_->kubeconfig(), options_.log,
                                                         std::move(flags));
}

void Bench::MeasureIdleMemory() {
  Settle();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  idle_bytes_ = controller_->ResidentBytes();
  Add("RSS, idle", "", Mebibytes(idle_bytes_), "", "≤ 20 MiB");
}

void Bench::MeasureDefinitions() {
  const auto apply = [&](const std::string& prefix) {
    std::vector<Seconds> times;
    for (int i = 0; i < 5; ++i) {
      const std::string kind = fmt::format("{}{}", prefix, i);
      const auto started = steady_clock::now();
      user_->Apply(FiveDefinition(kind));
      user_->WaitFor(
          fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", GvrOf(kind).resource),
          {"status", "state"}, "Active");
      times.push_back(steady_clock::now() - started);
    }
    return Percentile(times, 0.5);
  };
  apply("Warm");  // the schemas of the kinds are loaded once
  Add("RGD applied → Active, p50 of 5", "", Milliseconds(apply("Few")), "", "≤ 300 ms");
  if (options_.foreign_crds == 0) return;
  AddForeignCrds();
  Add(fmt::format("the same with {} large foreign CRDs", options_.foreign_crds), "",
      Milliseconds(apply("Foreign")), "", "≤ 300 ms");
}

void Bench::AddForeignCrds() {
  if (std::exchange(foreign_crds_made_, true)) return;
  // A CRD of some 60 KiB, as cloud operators bring them.
  std::string properties;
  for (int i = 0; i < 400; ++i) {
    properties += fmt::format(
        "                property{}: {{type: object, description: \"what a cloud operator says "
        "about "
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
}

void Bench::MeasureCalls() {
  Define(FiveDefinition("Five"), "Five");
  WriteOne({.gvr = GvrOf("Five"), .body = Instance("Five", "first", "{}")});  // starts the watches
  WaitUntilState("Five", "first", steady_clock::now());
  Settle();

  WriteOne({.gvr = GvrOf("Five"), .body = Instance("Five", "counted", "{}")});
  WaitUntilState("Five", "counted", steady_clock::now());
  Counts counts = Settle();
  Add("API calls, bring-up of 5 children in 3 levels", "6", fmt::format("{}", counts.calls()), "",
      "≤ 7");

  WriteOne({.kind = Write::Kind::kPatch,
            .gvr = GvrOf("Five"),
            .body = *json::Parse(R"({"spec":{"leaf":"two"}})"),
            .key = {std::string(kNamespace), "counted"}});
  counts = Settle();
  Add("API calls, edit that changes one child", "2", fmt::format("{}", counts.calls()), "", "≤ 3");

  std::this_thread::sleep_for(std::chrono::seconds(10));
  counts = Settle();
  Add("API calls, 10 s at rest", "0", fmt::format("{}", counts.calls()), "", "0");

  WriteOne({.kind = Write::Kind::kDelete,
            .gvr = GvrOf("Five"),
            .key = {std::string(kNamespace), "counted"}});
  user_->WaitUntilGone(fmt::format("kro.run/v1alpha1 Five {}/counted", kNamespace));
  counts = Settle();
  Add("API calls, delete", "6", fmt::format("{}", counts.calls()), "", "≤ 7");
}

void Bench::MeasureChains() {
  for (const int length : {5, 20}) {
    const std::string kind = fmt::format("Chain{}", length);
    Define(ChainDefinition(kind, length), kind);
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
        WriteOne({.gvr = kConfigMaps,
                  .body = ConfigMap(fmt::format("floor-{}-{}-{}", length, i, child), "x")});
      }
      floor.push_back(steady_clock::now() - floor_started);
    }
    Add(fmt::format("API calls, bring-up of a chain of {}", length), fmt::format("{}", length + 1),
        fmt::format("{}", calls), "", fmt::format("≤ {}", length + 2));
    Add(fmt::format("chain of {} ConfigMaps, create → ACTIVE, p50 of 20", length),
        Milliseconds(Percentile(floor, 0.5)), Milliseconds(Percentile(times, 0.5)),
        Ratio(Percentile(times, 0.5), Percentile(floor, 0.5)),
        length == 5 ? "≤ 60 ms" : "≤ 150 ms");
  }
}

void Bench::MeasureDrift() {
  Define(ChainDefinition("Drifting", 2), "Drifting");
  const auto started = steady_clock::now();
  WriteOne({.gvr = GvrOf("Drifting"), .body = Instance("Drifting", "d", "{}")});
  WaitUntilState("Drifting", "d", started);
  std::vector<Seconds> times;
  const Follower children(*user_, kConfigMaps, "metadata.name=d-1");
  for (int i = 0; i < 50; ++i) {
    Settle();
    times.push_back(DeleteChild(children, "d-1"));
  }
  Add("drift: child deleted → recreated, p50 / max of 50", "",
      fmt::format("{} / {}", Milliseconds(Percentile(times, 0.5)),
                  Milliseconds(Percentile(times, 1))),
      "", "≤ 20 ms / ≤ 200 ms");
}

Seconds Bench::DeleteChild(const Follower& children, const std::string& name) {
  const std::string before = children.Uid(name);
  const auto deleted = steady_clock::now();
  WriteOne(
      {.kind = Write::Kind::kDelete, .gvr = kConfigMaps, .key = {std::string(kNamespace), name}});
  return WaitUntil("the child is back", deleted, [&] {
    const std::string uid = children.Uid(name);
    return !uid.empty() && uid != before;
  });
}

void Bench::MeasureMany() {
  const std::size_t n = options_.instances;
  const auto name = [](std::size_t i) { return fmt::format("m{}", i); };
  Define(FiveDefinition("Many"), "Many");
  const json::Value sample = DefineIdle("Many", "Idle");

  std::vector<Write> floor_creates;
  std::vector<Write> creates;
  std::vector<Write> floor_statuses;
  for (std::size_t i = 0; i < n; ++i) {
    floor_statuses.push_back({.kind = Write::Kind::kPatchStatus,
                              .gvr = GvrOf("Idle"),
                              .body = json::Object{{"status", sample.at("status")}},
                              .key = {std::string(kNamespace), name(i)}});
    creates.push_back({.gvr = GvrOf("Many"), .body = Instance("Many", name(i), "{}")});
    json::Value idle = Instance("Idle", name(i), "{}");
    auto& metadata = idle.as_object()["metadata"].as_object();
    for (const char* kept : {"labels", "annotations", "finalizers"}) {
      metadata[kept] = sample.at("metadata").at(kept);
    }
    floor_creates.push_back({.gvr = GvrOf("Idle"), .body = std::move(idle)});
    for (int child = 0; child < 5; ++child) {
      floor_creates.push_back(
          {.gvr = kConfigMaps, .body = ConfigMap(fmt::format("f{}-{}", i, child), "one")});
    }
  }
  const std::uint64_t idle = idle_bytes_ > 0 ? idle_bytes_ : controller_->ResidentBytes();
  Stages floor = {std::move(floor_creates), std::move(floor_statuses)};
  Seconds floor_create = WriteHalf(floor);
  Settle();
  const Follower many(*user_, GvrOf("Many"));
  CpuFor(n);
  auto started = steady_clock::now();
  WriteAll(std::move(creates));
  const Seconds create =
      WaitUntil("all are ACTIVE", started, [&] { return many.Active("one") == n; });
  const Counts creation = Settle();
  const std::string create_cpu = CpuFor(n);
  const std::uint64_t loaded = controller_->ResidentBytes();
  floor_create += WriteRest(floor);
  Settle();
  Add(fmt::format("{} × 5 children: create all → ACTIVE", n), InSeconds(floor_create),
      InSeconds(create), Ratio(create, floor_create), "≤ 1.4");
  Add("CPU time of kro an instance", "", create_cpu, "", "–");
  Add("API calls an instance while creating them", "7",
      fmt::format("{:.2f}", static_cast<double>(creation.calls()) / static_cast<double>(n)), "",
      "≤ 7");
  Add(fmt::format("RSS with {} instances", n), "", Mebibytes(loaded), "", "≤ 60 MiB");
  Add("memory an instance", "",
      fmt::format("{:.1f} KiB", static_cast<double>(loaded - std::min(loaded, idle)) / 1024 /
                                    static_cast<double>(n)),
      "", "≤ 15 KiB");

  std::this_thread::sleep_for(std::chrono::seconds(10));
  Add(fmt::format("API calls, 10 s at rest with {} instances", n), "0",
      fmt::format("{}", Settle().calls()), "", "0");

  std::vector<Write> floor_edits;
  std::vector<Write> edits;
  const json::Value patch = *json::Parse(R"({"spec":{"leaf":"two"}})");
  const json::Value status = *json::Parse(R"({"status":{"leaf":"two"}})");
  for (std::size_t i = 0; i < n; ++i) {
    const kube::ObjectKey key{std::string(kNamespace), name(i)};
    edits.push_back({.kind = Write::Kind::kPatch, .gvr = GvrOf("Many"), .body = patch, .key = key});
    floor_edits.push_back(
        {.kind = Write::Kind::kPatch, .gvr = GvrOf("Idle"), .body = patch, .key = key});
    floor_edits.push_back({.gvr = kConfigMaps, .body = ConfigMap(fmt::format("f{}-4", i), "two")});
    floor_edits.push_back(
        {.kind = Write::Kind::kPatchStatus, .gvr = GvrOf("Idle"), .body = status, .key = key});
  }
  floor = {std::move(floor_edits)};
  Seconds floor_edit = WriteHalf(floor);
  Settle();
  CpuFor(n);
  started = steady_clock::now();
  WriteAll(std::move(edits));
  const Seconds edit =
      WaitUntil("all are edited", started, [&] { return many.Active("two") == n; });
  const Counts edited = Settle();
  const std::string edit_cpu = CpuFor(n);
  floor_edit += WriteRest(floor);
  Settle();
  Add(fmt::format("edit one field of all {}", n), InSeconds(floor_edit), InSeconds(edit),
      Ratio(edit, floor_edit), "≤ 1.4");
  Add("CPU time of kro an instance", "", edit_cpu, "", "–");
  Add("API calls an instance while editing them", "2",
      fmt::format("{:.2f}", static_cast<double>(edited.calls()) / static_cast<double>(n)), "",
      "≤ 3");

  controller_->Stop();
  StartController();
  started = steady_clock::now();
  // Settled once an edit is carried out.
  WriteOne({.kind = Write::Kind::kPatch,
            .gvr = GvrOf("Many"),
            .body = *json::Parse(R"({"spec":{"leaf":"three"}})"),
            .key = {std::string(kNamespace), name(0)}});
  user_->WaitFor(fmt::format("kro.run/v1alpha1 Many {}/{}", kNamespace, name(0)),
                 {"status", "leaf"}, "three");
  const Seconds settled = steady_clock::now() - started;
  const Counts restart = Settle();
  Add(fmt::format("restart with {} instances: time until an edit is done", n), "",
      InSeconds(settled), "", "≤ 3 s");
  Add("  writes / lists / other reads (the edit's 2 writes among them)", "",
      fmt::format("{} / {} / {}", restart.writes, restart.lists, restart.reads), "",
      "2 / one a kind / –");

  controller_->Stop();
  started = steady_clock::now();
  StartController({"--metrics-bind-address=127.0.0.1:0"});
  const std::uint16_t port = controller_->WaitForPort("metrics");
  const Seconds all_seen =
      WaitUntil("all are looked at", started, [&] { return FinishedLooks(port, "Many") >= n; });
  Add(fmt::format("restart with {} instances: time until each was looked at", n), "",
      InSeconds(all_seen), "", "≤ 3 s");
  Settle();

  std::vector<Write> floor_deletes;
  std::vector<Write> floor_statuses_last;
  std::vector<Write> floor_releases;
  const json::Value deleting = *json::Parse(R"({"status":{"state":"DELETING"}})");
  const json::Value release = *json::Parse(R"({"metadata":{"finalizers":[]}})");
  std::vector<Write> deletes;
  for (std::size_t i = 0; i < n; ++i) {
    const kube::ObjectKey key{std::string(kNamespace), name(i)};
    deletes.push_back({.kind = Write::Kind::kDelete, .gvr = GvrOf("Many"), .key = key});
    floor_deletes.push_back({.kind = Write::Kind::kDelete, .gvr = GvrOf("Idle"), .key = key});
    floor_statuses_last.push_back(
        {.kind = Write::Kind::kPatchStatus, .gvr = GvrOf("Idle"), .body = deleting, .key = key});
    floor_releases.push_back(
        {.kind = Write::Kind::kPatch, .gvr = GvrOf("Idle"), .body = release, .key = key});
    for (int child = 0; child < 5; ++child) {
      floor_deletes.push_back({.kind = Write::Kind::kDelete,
                               .gvr = kConfigMaps,
                               .key = {std::string(kNamespace), fmt::format("f{}-{}", i, child)}});
    }
  }
  floor = {std::move(floor_deletes), std::move(floor_statuses_last), std::move(floor_releases)};
  Seconds floor_delete = WriteHalf(floor);
  Settle();
  CpuFor(n);
  started = steady_clock::now();
  WriteAll(std::move(deletes));
  const Seconds all_gone = WaitUntil("all are gone", started, [&] { return many.Present() == 0; });
  const Counts deleted = Settle();
  const std::string delete_cpu = CpuFor(n);
  floor_delete += WriteRest(floor);
  Settle();
  Add(fmt::format("delete all {}", n), InSeconds(floor_delete), InSeconds(all_gone),
      Ratio(all_gone, floor_delete), "≤ 1.4");
  Add("CPU time of kro an instance", "", delete_cpu, "", "–");
  Add("API calls an instance while deleting them", "7",
      fmt::format("{:.2f}", static_cast<double>(deleted.calls()) / static_cast<double>(n)), "",
      "≤ 7");
}

// As many definitions as large CRDs of others, each of which makes an object of one of those; a thousand
// instances among them.
void Bench::MeasureFleet() {
  const std::size_t definitions = options_.foreign_crds;
  if (definitions == 0) return;
  AddForeignCrds();
  const std::size_t each = std::max<std::size_t>(1, options_.instances / definitions);
  const auto kind = [](std::size_t i) { return fmt::format("Fleet{}", i); };
  const auto definition = [&](std::size_t i, std::string_view edit) {
    return fmt::format(R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {{name: {1}}}
spec:
  schema:
    apiVersion: v1alpha1
    kind: {0}
    spec: {{text: string | default=one}}
    status: {{leaf: "${{settings.data.v}}"}}
  resources:
  - id: bulk
    template:
      apiVersion: c{2}.foreign.example.com/v1
      kind: Bulk
      metadata: {{name: "${{schema.metadata.name}}"}}
      spec: {{property7: {{a: "${{schema.spec.text}}"}}}}
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: "${{schema.metadata.name}}"}}
      data: {{v: "${{bulk.spec.property7.a}}{3}"}}
)",
                       kind(i), GvrOf(kind(i)).resource, i, edit);
  };
  auto started = steady_clock::now();
  for (std::size_t i = 0; i < definitions; ++i) user_->Apply(definition(i, ""));
  const std::string last =
      "kro.run/v1alpha1 ResourceGraphDefinition " + GvrOf(kind(definitions - 1)).resource;
  user_->WaitFor(last, {"status", "state"}, "Active", std::chrono::minutes(5));
  Add(fmt::format("{} definitions, applied one after the other → all Active", definitions), "",
      InSeconds(steady_clock::now() - started), "", "");

  std::vector<Write> creates;
  const auto name = [](std::size_t i, std::size_t j) { return fmt::format("fleet-{}-{}", i, j); };
  for (std::size_t i = 0; i < definitions; ++i) {
    for (std::size_t j = 0; j < each; ++j) {
      creates.push_back({.gvr = GvrOf(kind(i)), .body = Instance(kind(i), name(i, j), "{}")});
    }
  }
  WriteAll(std::move(creates));
  // Those that were edited and those that were not.
  const auto wait_for = [&](std::size_t i, const std::string& suffix) {
    user_->WaitUntil(
        "instances follow",
        [&] {
          return CountActive(kind(i), "fleet", "one" + suffix) +
                     CountActive(kind(i), "fleet", "two" + suffix) ==
                 each;
        },
        std::chrono::minutes(5));
  };
  for (std::size_t i = 0; i < definitions; ++i) wait_for(i, "");
  Settle();
  Add(fmt::format("RSS, {} definitions with as many large CRDs, {} instances", definitions,
                  definitions * each),
      "", Mebibytes(controller_->ResidentBytes()), "", "≤ 80 MiB");

  MeasureStarts(definitions, definitions * each);

  // An edit of one of each is carried out.
  controller_->Stop();
  started = steady_clock::now();
  StartController();
  std::vector<Write> edits;
  for (std::size_t i = 0; i < definitions; ++i) {
    edits.push_back({.kind = Write::Kind::kPatch,
                     .gvr = GvrOf(kind(i)),
                     .body = *json::Parse(R"({"spec":{"text":"two"}})"),
                     .key = {std::string(kNamespace), name(i, 0)}});
  }
  WriteAll(std::move(edits));
  for (std::size_t i = 0; i < definitions; ++i) {
    WaitSeldom("edits are carried out", [&] { return CountActive(kind(i), "fleet", "two") == 1; });
  }
  Add(fmt::format("start → an instance of each of {} definitions is edited", definitions), "",
      InSeconds(steady_clock::now() - started), "", "–");
  Settle();
  Add("RSS after that start", "", Mebibytes(controller_->ResidentBytes()), "", "≤ 80 MiB");

  // The floor: the revision and as many writes as the instances take, in turn as they depend on each other.
  std::vector<Seconds> floors;
  std::vector<Seconds> times;
  for (std::size_t i = 1; i <= std::min<std::size_t>(5, definitions - 1); ++i) {
    Settle();
    started = steady_clock::now();
    user_->Apply(definition(i, "!"));
    wait_for(i, "!");
    times.push_back(steady_clock::now() - started);
    const Counts counts = Settle();
    started = steady_clock::now();
    for (int write = 0; write < counts.writes; ++write) {
      WriteOne(
          {.gvr = kConfigMaps, .body = ConfigMap(fmt::format("floor-fleet-{}-{}", i, write), "x")});
    }
    floors.push_back(steady_clock::now() - started);
  }
  Add(fmt::format("edit of one definition → its {} instances follow, p50 of {}", each,
                  times.size()),
      Milliseconds(Percentile(floors, 0.5)), Milliseconds(Percentile(times, 0.5)), "",
      "floor + 500 ms");

  const std::string edited = "kro.run/v1alpha1 ResourceGraphDefinition " + GvrOf(kind(0)).resource;
  started = steady_clock::now();
  for (int edit = 0; edit < 100; ++edit) {
    user_->Apply(definition(0, fmt::format("-{}", edit)));
    std::this_thread::sleep_until(started + (edit + 1) * milliseconds(100));
  }
  const auto edited_at = steady_clock::now();
  wait_for(0, "-99");
  const Seconds settled = steady_clock::now() - edited_at;
  Settle();  // what retention deletes waits for its finalizer
  const auto revisions =
      user_->List("internal.kro.run/v1alpha1 GraphRevision",
                  "kro.run/resource-graph-definition-name=" + GvrOf(kind(0)).resource);
  const auto state = user_->Get(edited);
  const json::Value* issued =
      state ? json::Find(*state, {"status", "lastIssuedRevision"}) : nullptr;
  Add("100 edits in 10 s: last one rolled out after / revisions kept / issued", "",
      fmt::format("{} / {} / {}", Milliseconds(settled), revisions.size(),
                  issued != nullptr && issued->is_int64() ? issued->get_int64() : 0),
      "", "– / ≤ 5 / ≤ 101");
}

// Of each figure the sum of three collections, as one takes two seconds only.
void Bench::MeasureCollection() {
  constexpr int kItems = 1000;
  constexpr int kCollections = 3;
  Define(CollectionDefinition("Set"), "Set");
  json::Array items;
  for (int i = 0; i < kItems; ++i) items.emplace_back(fmt::format("item{}", i));
  Seconds floor{0};
  Seconds create{0};
  Seconds change{0};
  int changed = 0;
  for (int round = 0; round < kCollections; ++round) {
    const std::string name = fmt::format("set{}", round);
    std::vector<Write> floor_creates;
    for (int i = 0; i < kItems; ++i) {
      floor_creates.push_back(
          {.gvr = kConfigMaps, .body = ConfigMap(fmt::format("floor-{}-{}", name, i), "one")});
    }
    Stages floor_stages = {std::move(floor_creates)};
    floor += WriteHalf(floor_stages);
    json::Value instance = Instance("Set", name, "{}");
    instance.as_object()["spec"] = json::Object{{"items", items}, {"special", "item0"}};
    auto started = steady_clock::now();
    WriteOne({.gvr = GvrOf("Set"), .body = instance});
    create += WaitUntilState("Set", name, started);
    floor += WriteRest(floor_stages);

    Settle();
    started = steady_clock::now();
    WriteOne({.kind = Write::Kind::kPatch,
              .gvr = GvrOf("Set"),
              .body = *json::Parse(R"({"spec":{"special":"none"}})"),
              .key = {std::string(kNamespace), name}});
    user_->WaitFor(fmt::format("v1 ConfigMap {}/{}-item0", kNamespace, name), {"data", "special"},
                   "false");
    change += steady_clock::now() - started;
    for (const auto& request : audit_->Next("kro")) {
      changed += request.resource == "configmaps" && request.IsWrite();
    }
    Settle();
  }
  // What is measured next is not to carry them along.
  for (int round = 0; round < kCollections; ++round) {
    const std::string instance = fmt::format("kro.run/v1alpha1 Set {}/set{}", kNamespace, round);
    user_->Delete(instance);
    user_->WaitUntilGone(instance);
  }
  Settle();
  Add("a collection of 1,000: create → ACTIVE, mean of 3", InSeconds(floor / kCollections),
      InSeconds(create / kCollections), Ratio(create, floor), "≤ 1.4");
  Add("a collection of 1,000: change one item, mean of 3", "1 write",
      fmt::format("{:.3g} writes, {}", static_cast<double>(changed) / kCollections,
                  Milliseconds(change / kCollections)),
      "", "1 write, ≤ 50 ms");
}

// Somebody deletes children while kro brings up many instances of another kind; each now and then, since what is
// deleted again and again is made again in its own time.
void Bench::MeasureRush() {
  constexpr int kDrifting = 20;
  const std::size_t n = options_.instances;
  Define(ChainDefinition("Drifting", 2), "Drifting");
  std::vector<std::unique_ptr<Follower>> children;
  for (int i = 0; i < kDrifting; ++i) {
    const std::string name = fmt::format("d{}", i);
    WriteOne({.gvr = GvrOf("Drifting"), .body = Instance("Drifting", name, "{}")});
    WaitUntilState("Drifting", name, steady_clock::now());
    children.push_back(
        std::make_unique<Follower>(*user_, kConfigMaps, "metadata.name=" + name + "-1"));
  }
  Define(FiveDefinition("Flood"), "Flood");
  std::vector<Write> creates;
  for (std::size_t i = 0; i < n; ++i) {
    creates.push_back(
        {.gvr = GvrOf("Flood"), .body = Instance("Flood", fmt::format("r{}", i), "{}")});
  }
  Settle();
  const Follower rush(*user_, GvrOf("Flood"));
  std::vector<Seconds> times;
  const auto started = steady_clock::now();
  std::thread writer([&] { WriteAll(std::move(creates)); });
  while (rush.Active("one") < n && steady_clock::now() - started < std::chrono::minutes(5)) {
    const std::size_t next = times.size() % children.size();
    times.push_back(DeleteChild(*children[next], fmt::format("d{}-1", next)));
  }
  writer.join();
  Add(fmt::format("drift while {} instances are created, p50 / p99 of {}", n, times.size()), "",
      fmt::format("{} / {}", Milliseconds(Percentile(times, 0.5)),
                  Milliseconds(Percentile(times, 0.99))),
      "", "p99 ≤ 500 ms");
  Settle();
}

// No ConfigMap may say that it is denied, and there may be no Secret.
void Bench::RefuseSome() {
  user_->Apply(R"(
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: isolation}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
  validations:
  - expression: object.metadata.?labels.?refused.orValue('') != 'denied'
)");
  user_->Apply(R"(
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: isolation}
spec: {policyName: isolation, validationActions: [Deny]}
)");
  user_->Apply(fmt::format(R"(
apiVersion: v1
kind: ResourceQuota
metadata: {{name: isolation, namespace: {}}}
spec: {{hard: {{secrets: "0"}}}}
)",
                           kNamespace));
}

// Instances whose only child the server refuses, for one of three causes, beside those of a kind that does well. The
// server slows down as it fills: half of the chains without the others are made before them, half when they are gone.
void Bench::MeasureIsolation() {
  constexpr int kSamples = 1000;
  const std::size_t n = options_.instances;
  Define(ChainDefinition("Chain5", 5), "Chain5");
  RefuseSome();
  Define(Definition("Failing", "failings", "{text: string | default=one}", "{}", R"(  - id: refused
    includeWhen: ["${schema.spec.text != 'quota'}"]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}", labels: {refused: "${schema.spec.text}"}}
  - id: beyond
    includeWhen: ["${schema.spec.text == 'quota'}"]
    template:
      apiVersion: v1
      kind: Secret
      metadata: {name: "${schema.metadata.name}"}
)"),
         "Failing");
  TimesOfChains("warm", 20);
  auto alone = TimesOfChains("before", kSamples / 2);
  std::vector<Write> creates;
  std::vector<Write> deletes;
  const std::string_view causes[] = {"no label value", "denied", "quota"};
  for (std::size_t i = 0; i < n; ++i) {
    creates.push_back(
        {.gvr = GvrOf("Failing"),
         .body = Instance("Failing", fmt::format("x{}", i),
                          fmt::format(R"({{"text":"{}"}})", causes[i % std::size(causes)]))});
    deletes.push_back({.kind = Write::Kind::kDelete,
                       .gvr = GvrOf("Failing"),
                       .key = {std::string(kNamespace), fmt::format("x{}", i)}});
  }
  std::thread writer([&] { WriteAll(std::move(creates)); });
  const auto meanwhile = TimesOfChains("meanwhile", kSamples);
  writer.join();
  const auto written = steady_clock::now();
  const auto calls_in = [&](std::chrono::seconds time) {
    audit_->Next("kro");
    std::this_thread::sleep_for(time);
    int calls = 0;
    for (const auto& request : audit_->Next("kro"))
      calls += request.verb != "watch" && !request.resource.starts_with("leases");
    return static_cast<double>(calls) / static_cast<double>(time.count());
  };
  while (calls_in(std::chrono::seconds(5)) > 10 &&
         steady_clock::now() - written < std::chrono::minutes(5)) {
  }
  const Seconds settled = steady_clock::now() - written;
  const auto beside = TimesOfChains("beside", kSamples);
  const double calls = calls_in(std::chrono::seconds(30));
  {
    const Follower failing(*user_, GvrOf("Failing"));
    const auto started = steady_clock::now();
    WriteAll(std::move(deletes));
    WaitUntil("all are gone", started, [&] { return failing.Present() == 0; });
  }
  Settle();
  for (const Seconds time : TimesOfChains("after", kSamples / 2)) alone.push_back(time);
  const Seconds without = Percentile(alone, 0.99);
  const Seconds with = Percentile(beside, 0.99);
  Add(fmt::format("create → ACTIVE of a chain of 5, p50 / p99 of {}, alone", kSamples), "",
      fmt::format("{} / {}", Milliseconds(Percentile(alone, 0.5)), Milliseconds(without)), "", "–");
  Add(fmt::format("the same while {} failing instances are created and tried first", n), "",
      fmt::format("{} / {}", Milliseconds(Percentile(meanwhile, 0.5)),
                  Milliseconds(Percentile(meanwhile, 0.99))),
      Ratio(Percentile(meanwhile, 0.99), without), "–");
  Add(fmt::format("the same beside {} failing instances", n), "",
      fmt::format("{} / {}", Milliseconds(Percentile(beside, 0.5)), Milliseconds(with)),
      Ratio(with, without), "p99 + < 10 %");
  Add("calls a second of the failing ones", "",
      fmt::format("{:.1f}, after {:.0f} s", calls, settled.count()), "", "≤ 10");
}

std::vector<Seconds> Bench::TimesOfChains(const std::string& prefix, int count) {
  const Follower chains(*user_, GvrOf("Chain5"));
  std::vector<Seconds> times;
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("{}{}", prefix, i);
    const auto started = steady_clock::now();
    WriteOne({.gvr = GvrOf("Chain5"), .body = Instance("Chain5", name, "{}")});
    times.push_back(WaitUntil("ACTIVE", started, [&] { return chains.IsActive(name); }));
  }
  return times;
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
        fmt::format("n{}", i),
        fmt::format("${{schema.metadata.name}}-{}{}", length > 2 ? kind.substr(5) + "-" : "", i),
        i == 0 ? std::string("${schema.spec.text}") : fmt::format("${{n{}.data.v}}", i - 1));
  }
  return Definition(kind, GvrOf(kind).resource, "{text: string | default=one}",
                    fmt::format("{{last: \"${{n{}.data.v}}\"}}", length - 1), nodes);
}

// a; b and c read a; d reads b; e reads c and the field that is edited.
std::string Bench::FiveDefinition(const std::string& kind) {
  const std::string prefix = "${schema.metadata.name}-";
  return Definition(
      kind, GvrOf(kind).resource, "{text: string | default=one, leaf: string | default=one}",
      "{leaf: \"${e.data.v}\"}",
      ConfigMapNode("a", prefix + "a", "${schema.spec.text}") +
          ConfigMapNode("b", prefix + "b", "${a.data.v}") +
          ConfigMapNode("c", prefix + "c", "${a.data.v}") +
          ConfigMapNode("d", prefix + "d", "${b.data.v}") +
          ConfigMapNode("e", prefix + "e", "${c.data.v != '' ? schema.spec.leaf : ''}"));
}

std::string Bench::CollectionDefinition(const std::string& kind) {
  return Definition(kind, GvrOf(kind).resource,
                    "{items: '[]string', special: string | default=none}",
                    "{count: '${size(settings)}'}", R"(  - id: settings
    forEach: [{entry: "${schema.spec.items}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${entry}"}
      data: {v: one, special: "${string(entry == schema.spec.special)}"}
)");
}

// Ready: every definition's kinds are watched and every instance was looked at, so that nothing is asked any more.
// The floor reads the same: the collections that a start follows, and the CRDs that definitions use.
void Bench::MeasureStarts(std::size_t definitions, std::size_t instances) {
  std::vector<Reading> readings = {{.gvr = kConfigMaps, .label_selector = "kro.run/owned=true"}};
  for (std::size_t i = 0; i < definitions; ++i) {
    const std::string group = fmt::format("c{}.foreign.example.com", i);
    readings.push_back({.gvr = GvrOf(fmt::format("Fleet{}", i))});
    readings.push_back({.gvr = {group, "v1", "bulks"}, .label_selector = "kro.run/owned=true"});
    readings.push_back({.gvr = {"apiextensions.k8s.io", "v1", "customresourcedefinitions"},
                        .name = "bulks." + group});
  }
  constexpr int kStarts = 5;
  std::vector<Seconds> floors;
  std::vector<Seconds> times;
  Counts counts;
  Seconds cpu{0};
  for (int i = 0; i < kStarts; ++i) {
    controller_->Stop();
    Settle();
    floors.push_back(ReadAll(readings));
    const auto started = steady_clock::now();
    StartController();
    counts = Counts();
    // Beside those: what kro itself is made of.
    while (counts.watches < static_cast<int>(2 * definitions) &&
           steady_clock::now() - started < std::chrono::minutes(5)) {
      counts.Add(Settle());
    }
    times.push_back(counts.last - started);
    cpu = controller_->CpuTime();
  }
  Add(fmt::format(
          "start → all is watched and looked at, {} definitions, {} instances, p50 / max of {}",
          definitions, instances, kStarts),
      InSeconds(Percentile(floors, 0.5)),
      fmt::format("{} / {}", InSeconds(Percentile(times, 0.5)), InSeconds(Percentile(times, 1))),
      "", "≤ 5 s");
  Add("watches / reads / lists / writes of such a start, CPU time of kro", "",
      fmt::format("{} / {} / {} / {}, {}", counts.watches, counts.reads, counts.lists,
                  counts.writes, InSeconds(cpu)),
      "", "writes 0");
}

// Makes the API of a kind.
void Bench::Define(const std::string& yaml, const std::string& kind) {
  user_->Apply(yaml);
  user_->WaitFor(fmt::format("kro.run/v1alpha1 ResourceGraphDefinition {}", GvrOf(kind).resource),
                 {"status", "state"}, "Active");
}

json::Value Bench::DefineIdle(const std::string& served, const std::string& idle) {
  const std::string instance = fmt::format("kro.run/v1alpha1 {} {}/sample", served, kNamespace);
  WriteOne({.gvr = GvrOf(served), .body = Instance(served, "sample", "{}")});
  WaitUntilState(served, "sample", steady_clock::now());
  // The client's discovery may be older than the kind.
  const auto read = [&](const std::string& object) {
    std::optional<json::Value> found;
    user_->WaitUntil(object, [&] { return (found = user_->Get(object)).has_value(); });
    return found.value_or(json::Object());
  };
  json::Value sample = read(instance);
  user_->Delete(instance);
  user_->WaitUntilGone(instance);

  json::Value crd = read(fmt::format("apiextensions.k8s.io/v1 CustomResourceDefinition {}.kro.run",
                                     GvrOf(served).resource));
  const std::string resource = GvrOf(idle).resource;
  auto& object = crd.as_object();
  object["metadata"] = json::Object{{"name", resource + ".kro.run"}};
  object.erase("status");
  object["spec"].as_object()["names"] = json::Object{{"kind", idle},
                                                     {"listKind", idle + "List"},
                                                     {"plural", resource},
                                                     {"singular", resource + "x"}};
  user_->Apply(json::Serialize(crd));
  user_->WaitUntil("the kind is served", [&] {
    return user_->Await(user_->client().List(GvrOf(idle), "", {}, {})).has_value();
  });
  return sample;
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
  for (int i = 0; i < 12; ++i)
    labels[fmt::format("floor.example.com/label-number-{}", i)] = "value-of-a-label";
  return json::Object{
      {"apiVersion", "v1"},
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
  const kube::ApplyOptions apply{.field_manager = "floor",
                                 .on_conflict = kube::OnConflict::kTakeOver};
  const kube::WriteOptions patch;
  const kube::WriteOptions patch_status{.subresource = "status"};
  const kube::DeleteOptions remove;
  while (*next < writes->size()) {
    Write write = std::move((*writes)[(*next)++]);
    switch (write.kind) {
      case Write::Kind::kApply: {
        const auto reply = co_await user_->client().Apply(write.gvr, std::move(write.body), apply,
                                                          async::CancelToken());
        if (!reply) std::printf("apply: %s\n", reply.error().message().c_str());
        break;
      }
      case Write::Kind::kPatch:
      case Write::Kind::kPatchStatus: {
        const auto reply = co_await user_->client().Patch(
            write.gvr, write.key, kube::PatchType::kMerge, std::move(write.body),
            write.kind == Write::Kind::kPatch ? patch : patch_status, async::CancelToken());
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

Seconds Bench::WriteHalf(Stages& stages) {
  Seconds took{0};
  for (std::vector<Write>& stage : stages) {
    const auto half = stage.begin() + static_cast<std::ptrdiff_t>(stage.size() / 2);
    took += WriteAll({std::make_move_iterator(stage.begin()), std::make_move_iterator(half)});
    stage.erase(stage.begin(), half);
  }
  return took;
}

Seconds Bench::WriteRest(Stages& stages) {
  Seconds took{0};
  for (std::vector<Write>& stage : stages) took += WriteAll(std::move(stage));
  return took;
}

void Bench::WriteOne(Write write) {
  std::vector<Write> one;
  one.push_back(std::move(write));
  std::size_t next = 0;
  user_->Await(WriteNext(&one, &next));
}

async::Task<std::unique_ptr<kube::WatchStream>> Bench::Fill(const Reading* reading) {
  const kube::WatchOptions options{.label_selector = reading->label_selector,
                                   .initial_events = kube::InitialEvents::kSend};
  auto stream = co_await user_->client().Watch(reading->gvr, {}, options, async::CancelToken());
  if (!stream) {
    std::printf("watch: %s\n", stream.error().message().c_str());
    co_return nullptr;
  }
  while (true) {
    const auto event = co_await (*stream)->Next();
    if (!event || !*event || kube::EndsInitialEvents(**event)) break;
  }
  co_return std::move(*stream);
}

async::Task<void> Bench::ReadNext(const std::vector<Reading>* readings, std::size_t* next) {
  while (*next < readings->size()) {
    const Reading& reading = (*readings)[(*next)++];
    if (reading.name.empty()) continue;
    const kube::ObjectKey key{{}, reading.name};
    const auto object = co_await user_->client().Get(reading.gvr, key, {}, async::CancelToken());
    if (!object) std::printf("get: %s\n", object.error().message().c_str());
  }
}

Seconds Bench::ReadAll(std::vector<Reading> readings) {
  const auto started = steady_clock::now();
  std::size_t next = 0;
  async::Scope scope(user_->executor());
  for (std::size_t i = 0; i < kConcurrency; ++i) scope.Spawn(ReadNext(&readings, &next));
  std::vector<async::Task<std::unique_ptr<kube::WatchStream>>> fills;
  for (const Reading& reading : readings) {
    if (reading.name.empty()) fills.push_back(Fill(&reading));
  }
  const auto streams = user_->Await(async::WhenAll(user_->executor(), std::move(fills)));
  user_->Await(Join(&scope));
  return steady_clock::now() - started;
}

std::size_t Bench::CountActive(std::string_view kind, std::string_view prefix,
                               std::string_view value) {
  const auto list = user_->Await(
      user_->client().List(GvrOf(kind), std::string(kNamespace), {.resource_version = "0"}, {}));
  if (!list) return 0;
  return static_cast<std::size_t>(std::ranges::count_if(list->items, [&](const json::Value& item) {
    return json::FindString(item, {"metadata", "name"}).starts_with(prefix) &&
           json::FindString(item, {"status", "state"}) == "ACTIVE" &&
           json::FindString(item, {"status", "leaf"}) == value;
  }));
}

Seconds Bench::WaitUntil(std::string_view what, steady_clock::time_point since,
                         const std::function<bool()>& holds) {
  while (!holds()) {
    if (steady_clock::now() - since > std::chrono::minutes(5) || !controller_->IsRunning()) {
      std::printf("  not so: %s\n", std::string(what).c_str());
      break;
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  return steady_clock::now() - since;
}

void Bench::WaitSeldom(std::string_view what, const std::function<bool()>& holds) {
  WaitUntil(what, steady_clock::now(), [&] {
    if (holds()) return true;
    std::this_thread::sleep_for(milliseconds(50));
    return false;
  });
}

std::size_t Bench::FinishedLooks(std::uint16_t port, std::string_view kind) {
  std::this_thread::sleep_for(milliseconds(20));
  auto client =
      http::Client::Create(user_->executor(), {.url = fmt::format("http://127.0.0.1:{}", port)});
  const auto response = user_->Await((*client)->Send({.target = "/metrics"}, {}));
  if (!response) return 0;
  const kube::Gvr gvr = GvrOf(kind);
  const std::string label = fmt::format("gvr=\"{}/{}/{}\"", gvr.group, gvr.version, gvr.resource);
  double finished = 0;
  for (std::string_view rest = response->body; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find(label) == std::string_view::npos) continue;
    const double value = std::strtod(line.substr(line.rfind(' ')).data(), nullptr);
    if (line.starts_with("dynamic_controller_reconcile_total{")) finished += value;
    if (line.starts_with("dynamic_controller_requeue_total{")) finished -= value;
  }
  return static_cast<std::size_t>(std::max(finished, 0.0));
}

Seconds Bench::WaitUntilState(std::string_view kind, std::string_view name,
                              steady_clock::time_point since) {
  while (true) {
    const auto found = user_->Await(
        user_->client().Get(GvrOf(kind), {std::string(kNamespace), std::string(name)}, {}, {}));
    if (found && json::FindString(*found, {"status", "state"}) == "ACTIVE") break;
    if (steady_clock::now() - since > std::chrono::minutes(2) || !controller_->IsRunning()) {
      std::printf("  %s %s does not become ACTIVE\n", std::string(kind).c_str(),
                  std::string(name).c_str());
      break;
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  return steady_clock::now() - since;
}

std::string Bench::CpuFor(std::size_t n) {
  const Seconds before = std::exchange(cpu_, controller_->CpuTime());
  return fmt::format("{:.2f} ms", (cpu_ - before).count() * 1000 / static_cast<double>(n));
}

Counts Bench::Settle() {
  constexpr auto kQuiet = milliseconds(500);
  Counts counts;
  auto last = steady_clock::now();
  while (steady_clock::now() - last < kQuiet) {
    for (const auto& request : audit_->Next("kro")) {
      if (request.resource.starts_with("leases") || request.resource.starts_with("events"))
        continue;
      last = counts.last = steady_clock::now();
      if (request.verb == "watch")
        ++counts.watches;
      else if (request.verb == "list")
        ++counts.lists;
      else if (request.IsWrite())
        ++counts.writes;
      else
        ++counts.reads;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return counts;
}

void Bench::Print() const {
  std::printf("\n| what | floor | kro | ratio | must be |\n|---|---|---|---|---|\n");
  for (const Row& row : rows_) {
    std::printf("| %s | %s | %s | %s | %s |\n", row.what.c_str(), row.floor.c_str(),
                row.kro.c_str(), row.ratio.c_str(), row.goal.c_str());
  }
}

Follower::Follower(e2e::ClusterUser& user, kube::Gvr gvr, std::string field_selector)
    : user_(user), scope_(user.executor()) {
  scope_.Spawn(Run(std::move(gvr), std::move(field_selector), scope_.token()));
  user.WaitUntil("the watch is filled", [this] {
    const std::scoped_lock lock(mutex_);
    return filled_;
  });
}

Follower::~Follower() {
  scope_.Cancel();
  user_.Await(Join(&scope_));
}

std::size_t Follower::Present() const {
  const std::scoped_lock lock(mutex_);
  return objects_.size();
}

std::size_t Follower::Active(std::string_view leaf) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(objects_, [&](const auto& entry) {
    return entry.second.state == "ACTIVE" && entry.second.leaf == leaf;
  }));
}

bool Follower::IsActive(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = objects_.find(name);
  return found != objects_.end() && found->second.state == "ACTIVE";
}

std::string Follower::Uid(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = objects_.find(name);
  return found == objects_.end() ? std::string() : found->second.uid;
}

async::Task<void> Follower::Run(kube::Gvr gvr, std::string field_selector,
                                async::CancelToken cancel) {
  // The server ends watches of a kind whose definition changed.
  while (!cancel.cancelled()) {
    auto stream = co_await user_.client().Watch(gvr, std::string(kNamespace),
                                                {.field_selector = field_selector,
                                                 .initial_events = kube::InitialEvents::kSend,
                                                 .timeout = std::chrono::hours(1)},
                                                cancel);
    if (!stream) {
      const auto slept = co_await async::Sleep(user_.executor(), milliseconds(100), cancel);
      if (!slept) co_return;
      continue;
    }
    std::map<std::string, Seen> initial;
    bool live = false;
    while (true) {
      const auto event = co_await (*stream)->Next();
      if (!event || !*event) break;
      const json::Value& object = (*event)->object;
      const std::string name(json::FindString(object, {"metadata", "name"}));
      const std::scoped_lock lock(mutex_);
      if ((*event)->type == kube::WatchEvent::Type::kBookmark) {
        if (!live) objects_.swap(initial);
        live = filled_ = true;
        continue;
      }
      auto& objects = live ? objects_ : initial;
      objects.erase(name);
      if ((*event)->type == kube::WatchEvent::Type::kDeleted) continue;
      objects[name] = {.uid = std::string(json::FindString(object, {"metadata", "uid"})),
                       .state = std::string(json::FindString(object, {"status", "state"})),
                       .leaf = std::string(json::FindString(object, {"status", "leaf"}))};
    }
  }
}

int Usage(std::string_view flag) {
  std::fprintf(
      stderr,
      "unknown or incomplete: %.*s\n"
      "usage: devcluster_bench [--only PART] [--instances N] [--foreign-crds N] [--log FILE]\n",
      static_cast<int>(flag.size()), flag.data());
  return 2;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const char* value = argv[i + 1];
    if (flag == "--instances") {
      options.instances = static_cast<std::size_t>(std::atoi(value));
    } else if (flag == "--foreign-crds") {
      options.foreign_crds = static_cast<std::size_t>(std::atoi(value));
    } else if (flag == "--only") {
      options.only = value;
    } else if (flag == "--log") {
      options.log = value;
    } else {
      return Usage(flag);
    }
  }
  if (argc % 2 == 0) return Usage(argv[argc - 1]);
  return Bench(std::move(options)).Run() ? 0 : 1;
}

}  // namespace
}  // namespace kro

int main(int argc, char** argv) { return kro::Main(argc, argv); }
