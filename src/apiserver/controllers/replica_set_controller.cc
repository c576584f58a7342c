#include "apiserver/controllers/replica_set_controller.h"

#include <algorithm>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kReplicaSets{"apps", "v1", "replicasets"};

}  // namespace

void ReplicaSetController::Observe(const Collection& collection, const Change& change,
                                   const Enqueue& enqueue) {
  if (collection.group() == "apps" && collection.resource() == "replicasets") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (!collection.group().empty() || collection.resource() != "pods") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "ReplicaSet") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> ReplicaSetController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto replica_set = client_.Get(kReplicaSets, name_space, name);
  if (!replica_set || !StringAt(*replica_set, {"metadata", "deletionTimestamp"}).empty()) {
    return std::nullopt;
  }
  const std::string uid(StringAt(*replica_set, {"metadata", "uid"}));
  std::vector<json::Value> pods;
  for (const StoredPtr& stored : ControlledBy(client_, kPods, name_space, uid)) {
    json::Value pod = client_.ValueOf(kPods, *stored);
    if (IsPodActive(pod)) pods.push_back(std::move(pod));
  }
  const auto wanted = static_cast<std::size_t>(
      std::max<std::int64_t>(0, IntAt(*replica_set, {"spec", "replicas"}, 1)));
  for (std::size_t i = pods.size(); i < wanted; ++i) {
    auto created = client_.Create(kPods, name_space, PodFromTemplate(*replica_set, name + "-"));
    if (!created) return std::chrono::seconds(1);
    pods.push_back(client_.ValueOf(kPods, *created->object));
  }
  // Those that are not ready go first.
  std::ranges::sort(pods, [](const json::Value& a, const json::Value& b) {
    if (IsPodReady(a) != IsPodReady(b)) return IsPodReady(a);
    return StringAt(a, {"metadata", "name"}) < StringAt(b, {"metadata", "name"});
  });
  while (pods.size() > wanted) {
    client_.Delete(kPods, name_space, StringAt(pods.back(), {"metadata", "name"}),
                   StringAt(pods.back(), {"metadata", "uid"}));
    pods.pop_back();
  }
  WriteStatus(std::move(*replica_set), pods);
  return std::nullopt;
}

void ReplicaSetController::WriteStatus(json::Value replica_set,
                                       const std::vector<json::Value>& pods) {
  const auto ready = static_cast<std::int64_t>(std::ranges::count_if(pods, IsPodReady));
  json::Object& status = Child(replica_set.as_object(), "status");
  status["replicas"] = pods.size();
  SetCount(status, "fullyLabeledReplicas", static_cast<std::int64_t>(pods.size()));
  SetCount(status, "readyReplicas", ready);
  SetCount(status, "availableReplicas", ready);
  status["observedGeneration"] =
      IntAt(static_cast<const json::Value&>(replica_set), {"metadata", "generation"});
  static_cast<void>(client_.Update(kReplicaSets, replica_set, "status"));
}

}  // namespace kro::apiserver
