#include "apiserver/controllers/deployment_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kDeployments{"apps", "v1", "deployments"};
const api::Gvr kReplicaSets{"apps", "v1", "replicasets"};
constexpr std::string_view kHashLabel = "pod-template-hash";
constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
constexpr std::string_view kHistory = "deployment.kubernetes.io/revision-history";
constexpr std::string_view kDesired = "deployment.kubernetes.io/desired-replicas";
constexpr std::string_view kMost = "deployment.kubernetes.io/max-replicas";

// "25%" of `total`, or a plain number.
enum class Round { kDown, kUp };
std::int64_t PartOf(const json::Value* value, std::int64_t total, Round round);
std::int64_t Sum(const std::vector<json::Value>& sets,
                 std::initializer_list<std::string_view> path);
std::int64_t RevisionOf(const json::Value& set);
// Marks the set of the template with the deployment's annotations and a revision, which is the newest.
void MarkNewest(const json::Value& deployment, std::int64_t revision, json::Object& annotations);
void AnnotateReplicas(const json::Value& deployment, json::Object& annotations);
bool IsComplete(const json::Value& deployment, const json::Value& current,
                const std::vector<json::Value>& old);

}  // namespace

void DeploymentController::Observe(const Collection& collection, const Change& change,
                                   const Enqueue& enqueue) {
  if (collection.group() != "apps") return;
  if (collection.resource() == "deployments" && change.type != ChangeType::kDeleted) {
    enqueue(KeyOf(*change.object));
  }
  if (collection.resource() != "replicasets") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "Deployment") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> DeploymentController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto deployment = client_.Get(kDeployments, name_space, name);
  if (!deployment || !StringAt(*deployment, {"metadata", "deletionTimestamp"}).empty()) {
    return std::nullopt;
  }
  std::vector<json::Value> old;
  for (const StoredPtr& stored : ControlledBy(client_, kReplicaSets, name_space,
                                              StringAt(*deployment, {"metadata", "uid"}))) {
    old.push_back(client_.ValueOf(kReplicaSets, *stored));
  }
  auto current = EnsureReplicaSet(*deployment, old);
  if (!current) return std::chrono::seconds(1);
  if (!BoolAt(*deployment, {"spec", "paused"})) Roll(*deployment, *current, old);
  if (IsComplete(*deployment, *current, old)) DeleteOldest(*deployment, old);
  auto latest = client_.Get(kDeployments, name_space, name);
  if (latest) WriteStatus(std::move(*latest), *current, old);
  return std::nullopt;
}

// The set of the template as it is; it is taken out of `sets`, which are old then.
std::optional<json::Value> DeploymentController::EnsureReplicaSet(json::Value& deployment,
                                                                  std::vector<json::Value>& sets) {
  const json::Value& pod_template = *json::Find(std::as_const(deployment), {"spec", "template"});
  const std::string hash = TemplateHash(pod_template);
  std::optional<json::Value> current;
  for (auto set = sets.begin(); set != sets.end(); ++set) {
    if (StringAt(*set, {"metadata", "labels", kHashLabel}) != hash) continue;
    current = std::move(*set);
    sets.erase(set);
    break;
  }
  std::int64_t revision = 1;
  for (const json::Value& set : sets) revision = std::max(revision, RevisionOf(set) + 1);
  const std::string name(StringAt(deployment, {"metadata", "name"}));
  const std::string name_space(StringAt(deployment, {"metadata", "namespace"}));
  const std::int64_t wanted = IntAt(deployment, {"spec", "replicas"}, 1);
  const bool created = !current;
  if (current) {
    // Where the deployment returns to an older template, its set becomes the newest one again.
    json::Object& annotations = Child(current->as_object(), {"metadata", "annotations"});
    const json::Object before = annotations;
    MarkNewest(deployment, revision, annotations);
    if (annotations != before) {
      auto written = client_.Update(kReplicaSets, *current);
      if (!written) return std::nullopt;
      current = client_.ValueOf(kReplicaSets, *written->object);
    }
  } else {
    json::Object set;
    set["apiVersion"] = "apps/v1";
    set["kind"] = "ReplicaSet";
    json::Object& metadata = Child(set, "metadata");
    metadata["name"] = fmt::format("{}-{}", name, hash);
    metadata["namespace"] = name_space;
    metadata["labels"] = ObjectAt(pod_template, {"metadata", "labels"});
    metadata["labels"].as_object()[kHashLabel] = hash;
    json::Object& annotations = Child(metadata, "annotations");
    MarkNewest(deployment, revision, annotations);
    AnnotateReplicas(deployment, annotations);
    metadata["ownerReferences"] = json::Array{ControllerReference(deployment)};
    json::Object& spec = Child(set, "spec");
    spec["replicas"] = sets.empty() ? wanted : 0;
    json::Object selector = ObjectAt(deployment, {"spec", "selector"});
    Child(selector, "matchLabels")[kHashLabel] = hash;
    spec["selector"] = std::move(selector);
    spec["template"] = pod_template;
    Child(Child(spec, "template"), {"metadata", "labels"})[kHashLabel] = hash;
    auto written = client_.Create(kReplicaSets, name_space, set);
    if (!written) return std::nullopt;
    current = client_.ValueOf(kReplicaSets, *written->object);
  }
  const std::string text(StringAt(*current, {"metadata", "annotations", kRevision}));
  if (StringAt(deployment, {"metadata", "annotations", kRevision}) != text) {
    Child(deployment.as_object(), {"metadata", "annotations"})[kRevision] = text;
    if (auto written = client_.Update(kDeployments, deployment)) {
      deployment = client_.ValueOf(kDeployments, *written->object);
    }
  }
  if (created) {
    SetCondition(deployment,
                 {"Progressing", "True", "NewReplicaSetCreated",
                  fmt::format("Created new replica set \"{}-{}\"", name, hash)},
                 client_.Now(), UpdateTime::kYes);
    if (auto written = client_.Update(kDeployments, deployment, "status")) {
      deployment = client_.ValueOf(kDeployments, *written->object);
    }
  }
  return current;
}

void DeploymentController::Roll(const json::Value& deployment, json::Value& current,
                                std::vector<json::Value>& old) {
  const std::int64_t wanted = IntAt(deployment, {"spec", "replicas"}, 1);
  const std::int64_t old_total = Sum(old, {"spec", "replicas"});
  if (old_total == 0) return Scale(deployment, current, wanted);
  if (StringAt(deployment, {"spec", "strategy", "type"}) == "Recreate") {
    for (json::Value& set : old) Scale(deployment, set, 0);
    if (Sum(old, {"status", "replicas"}) == 0) Scale(deployment, current, wanted);
    return;
  }
  const std::int64_t surge =
      PartOf(json::Find(deployment, {"spec", "strategy", "rollingUpdate", "maxSurge"}), wanted,
             Round::kUp);
  std::int64_t unavailable =
      PartOf(json::Find(deployment, {"spec", "strategy", "rollingUpdate", "maxUnavailable"}),
             wanted, Round::kDown);
  if (surge == 0 && unavailable == 0) unavailable = 1;
  const std::int64_t now = IntAt(current, {"spec", "replicas"});
  const std::int64_t room = wanted + surge - old_total - now;
  if (now > wanted) {
    Scale(deployment, current, wanted);
  } else if (room > 0) {
    Scale(deployment, current, std::min(wanted, now + room));
  }
  // Old pods go as far as enough pods stay available.
  const std::int64_t available =
      IntAt(current, {"status", "availableReplicas"}) + Sum(old, {"status", "availableReplicas"});
  std::int64_t may_go = available - (wanted - unavailable);
  for (json::Value& set : old) {
    const std::int64_t replicas = IntAt(set, {"spec", "replicas"});
    const std::int64_t idle = replicas - IntAt(set, {"status", "availableReplicas"});
    std::int64_t go =
        std::min(replicas, std::max<std::int64_t>(0, may_go) + std::max<std::int64_t>(0, idle));
    if (go <= 0) continue;
    may_go -= std::max<std::int64_t>(0, go - std::max<std::int64_t>(0, idle));
    Scale(deployment, set, replicas - go);
  }
}

void DeploymentController::Scale(const json::Value& deployment, json::Value& replica_set,
                                 std::int64_t replicas) {
  if (IntAt(replica_set, {"spec", "replicas"}) == replicas) return;
  AnnotateReplicas(deployment, Child(replica_set.as_object(), {"metadata", "annotations"}));
  Child(replica_set.as_object(), "spec")["replicas"] = replicas;
  if (auto written = client_.Update(kReplicaSets, replica_set)) {
    replica_set = client_.ValueOf(kReplicaSets, *written->object);
  }
}

// Of the sets that are old and empty, as many stay as the history is long.
void DeploymentController::DeleteOldest(const json::Value& deployment,
                                        std::vector<json::Value>& old) {
  const json::Value* limit = json::Find(deployment, {"spec", "revisionHistoryLimit"});
  if (limit == nullptr || !limit->is_int64()) return;
  std::ranges::sort(old, {}, RevisionOf);
  const auto surplus = static_cast<std::int64_t>(old.size()) - limit->get_int64();
  for (std::int64_t i = 0; i < surplus; ++i) {
    const json::Value& set = old[static_cast<std::size_t>(i)];
    if (IntAt(set, {"spec", "replicas"}) != 0 || IntAt(set, {"status", "replicas"}) != 0 ||
        IntAt(set, {"metadata", "generation"}) > IntAt(set, {"status", "observedGeneration"})) {
      continue;
    }
    client_.Delete(kReplicaSets, StringAt(set, {"metadata", "namespace"}),
                   StringAt(set, {"metadata", "name"}), StringAt(set, {"metadata", "uid"}));
  }
}

void DeploymentController::WriteStatus(json::Value deployment, const json::Value& current,
                                       const std::vector<json::Value>& old) {
  const json::Value& view = deployment;
  const std::int64_t wanted = IntAt(view, {"spec", "replicas"}, 1);
  const std::int64_t total =
      IntAt(current, {"status", "replicas"}) + Sum(old, {"status", "replicas"});
  const std::int64_t available =
      IntAt(current, {"status", "availableReplicas"}) + Sum(old, {"status", "availableReplicas"});
  const std::int64_t updated = IntAt(current, {"status", "replicas"});
  json::Object& status = Child(deployment.as_object(), "status");
  status["observedGeneration"] = IntAt(view, {"metadata", "generation"});
  SetCount(status, "replicas", total);
  SetCount(status, "updatedReplicas", updated);
  SetCount(status, "readyReplicas",
           IntAt(current, {"status", "readyReplicas"}) + Sum(old, {"status", "readyReplicas"}));
  SetCount(status, "availableReplicas", available);
  SetCount(status, "unavailableReplicas",
           std::max<std::int64_t>(0, std::max(total, wanted) - available));
  status["terminatingReplicas"] = 0;

  const std::string now = client_.Now();
  const std::int64_t unavailable = std::max<std::int64_t>(
      PartOf(json::Find(view, {"spec", "strategy", "rollingUpdate", "maxUnavailable"}), wanted,
             Round::kDown),
      0);
  if (available >= wanted - unavailable) {
    SetCondition(
        deployment,
        {"Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."},
        now, UpdateTime::kYes);
  } else {
    SetCondition(deployment,
                 {"Available", "False", "MinimumReplicasUnavailable",
                  "Deployment does not have minimum availability."},
                 now, UpdateTime::kYes);
  }
  const std::string set(StringAt(current, {"metadata", "name"}));
  if (updated == wanted && total == wanted && available == wanted) {
    SetCondition(deployment,
                 {"Progressing", "True", "NewReplicaSetAvailable",
                  fmt::format("ReplicaSet \"{}\" has successfully progressed.", set)},
                 now, UpdateTime::kYes);
  } else if (updated > 0) {
    SetCondition(deployment,
                 {"Progressing", "True", "ReplicaSetUpdated",
                  fmt::format("ReplicaSet \"{}\" is progressing.", set)},
                 now, UpdateTime::kYes);
  }
  static_cast<void>(client_.Update(kDeployments, deployment, "status"));
}

namespace {

std::int64_t PartOf(const json::Value* value, std::int64_t total, Round round) {
  if (value == nullptr) return 0;
  if (value->is_int64()) return value->get_int64();
  if (!value->is_string()) return 0;
  std::string_view text = value->get_string();
  std::int64_t percent = 0;
  std::from_chars(text.data(), text.data() + text.size(), percent);
  return (total * percent + (round == Round::kUp ? 99 : 0)) / 100;
}

std::int64_t Sum(const std::vector<json::Value>& sets,
                 std::initializer_list<std::string_view> path) {
  std::int64_t sum = 0;
  for (const json::Value& set : sets) sum += IntAt(set, path);
  return sum;
}

std::int64_t RevisionOf(const json::Value& set) {
  const std::string_view text = StringAt(set, {"metadata", "annotations", kRevision});
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void MarkNewest(const json::Value& deployment, std::int64_t revision, json::Object& annotations) {
  for (const auto& annotation : ObjectAt(deployment, {"metadata", "annotations"})) {
    const std::string_view key = annotation.key();
    if (key == "kubectl.kubernetes.io/last-applied-configuration" || key == kRevision ||
        key == kHistory || key == kDesired || key == kMost) {
      continue;
    }
    annotations[key] = annotation.value();
  }
  const std::string before(StringAt(annotations, {kRevision}));
  std::int64_t number = 0;
  std::from_chars(before.data(), before.data() + before.size(), number);
  if (number >= revision) return;
  annotations[kRevision] = fmt::format("{}", revision);
  if (before.empty()) return;
  const std::string history(StringAt(annotations, {kHistory}));
  annotations[kHistory] = history.empty() ? before : fmt::format("{},{}", history, before);
}

void AnnotateReplicas(const json::Value& deployment, json::Object& annotations) {
  const std::int64_t wanted = IntAt(deployment, {"spec", "replicas"}, 1);
  const std::int64_t surge =
      PartOf(json::Find(deployment, {"spec", "strategy", "rollingUpdate", "maxSurge"}), wanted,
             Round::kUp);
  annotations[kDesired] = fmt::format("{}", wanted);
  annotations[kMost] = fmt::format("{}", wanted + surge);
}

bool IsComplete(const json::Value& deployment, const json::Value& current,
                const std::vector<json::Value>& old) {
  const std::int64_t wanted = IntAt(deployment, {"spec", "replicas"}, 1);
  return IntAt(current, {"status", "replicas"}) == wanted &&
         IntAt(current, {"status", "availableReplicas"}) == wanted &&
         Sum(old, {"status", "replicas"}) == 0;
}

}  // namespace
}  // namespace kro::apiserver
