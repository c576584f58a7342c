#include "apiserver/controllers/stateful_set_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kStatefulSets{"apps", "v1", "statefulsets"};
const api::Gvr kClaims{"", "v1", "persistentvolumeclaims"};
constexpr std::string_view kRevisionLabel = "controller-revision-hash";

}  // namespace

void StatefulSetController::Observe(const Collection& collection, const Change& change,
                                    const Enqueue& enqueue) {
  if (collection.group() == "apps" && collection.resource() == "statefulsets") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (!collection.group().empty() || collection.resource() != "pods") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "StatefulSet") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> StatefulSetController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto set = client_.Get(kStatefulSets, name_space, name);
  if (!set || !StringAt(*set, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  const json::Value& view = *set;
  const std::string revision =
      fmt::format("{}-{}", name, TemplateHash(*json::Find(view, {"spec", "template"})));
  std::map<std::string, json::Value> pods;
  for (const StoredPtr& stored :
       ControlledBy(client_, kPods, name_space, StringAt(view, {"metadata", "uid"}))) {
    pods.emplace(stored->name, client_.ValueOf(kPods, *stored));
  }
  const std::int64_t wanted = IntAt(view, {"spec", "replicas"}, 1);
  const std::int64_t first = IntAt(view, {"spec", "ordinals", "start"});
  const bool ordered = StringAt(view, {"spec", "podManagementPolicy"}) != "Parallel";
  std::int64_t replicas = 0;
  std::int64_t ready = 0;
  std::int64_t updated = 0;
  bool waiting = false;
  for (std::int64_t i = first; i < first + wanted && !waiting; ++i) {
    const std::string pod_name = fmt::format("{}-{}", name, i);
    auto pod = pods.find(pod_name);
    if (pod == pods.end()) {
      if (!CreatePod(view, pod_name, revision)) return std::chrono::seconds(1);
      ++replicas;
      ++updated;
      waiting = ordered;
      continue;
    }
    ++replicas;
    const bool is_new = StringAt(pod->second, {"metadata", "labels", kRevisionLabel}) == revision;
    if (is_new) ++updated;
    if (IsPodReady(pod->second) && IsPodActive(pod->second)) {
      ++ready;
    } else {
      waiting = ordered;
    }
  }
  // Surplus and outdated pods go one at a time, the last first.
  for (auto pod = pods.rbegin(); pod != pods.rend() && !waiting; ++pod) {
    const std::string_view number = std::string_view(pod->first).substr(name.size() + 1);
    auto ordinal = json::Parse(number);
    const bool surplus = ordinal && ordinal->is_int64() && ordinal->get_int64() >= first + wanted;
    const bool outdated =
        StringAt(pod->second, {"metadata", "labels", kRevisionLabel}) != revision &&
        StringAt(view, {"spec", "updateStrategy", "type"}) != "OnDelete";
    if (!surplus && !outdated) continue;
    if (IsPodActive(pod->second)) {
      client_.Delete(kPods, name_space, pod->first, StringAt(pod->second, {"metadata", "uid"}));
    }
    break;
  }
  json::Object& status = Child(set->as_object(), "status");
  status["observedGeneration"] = IntAt(view, {"metadata", "generation"});
  status["replicas"] = replicas;
  SetCount(status, "readyReplicas", ready);
  status["availableReplicas"] = ready;
  SetCount(status, "currentReplicas", updated);
  SetCount(status, "updatedReplicas", updated);
  status["currentRevision"] = revision;
  status["updateRevision"] = revision;
  status["collisionCount"] = 0;
  static_cast<void>(client_.Update(kStatefulSets, *set, "status"));
  return std::nullopt;
}

bool StatefulSetController::CreatePod(const json::Value& set, const std::string& pod_name,
                                      const std::string& revision) {
  json::Object pod = PodFromTemplate(set, "");
  json::Object& metadata = Child(pod, "metadata");
  metadata.erase("generateName");
  metadata["name"] = pod_name;
  json::Object& labels = Child(metadata, "labels");
  labels[kRevisionLabel] = revision;
  labels["statefulset.kubernetes.io/pod-name"] = pod_name;
  labels["apps.kubernetes.io/pod-index"] = pod_name.substr(pod_name.rfind('-') + 1);
  json::Object& spec = Child(pod, "spec");
  spec["hostname"] = pod_name;
  spec["subdomain"] = StringAt(set, {"spec", "serviceName"});
  EnsureClaims(set, pod_name, pod);
  return client_.Create(kPods, StringAt(set, {"metadata", "namespace"}), pod).has_value();
}

void StatefulSetController::EnsureClaims(const json::Value& set, const std::string& pod_name,
                                         json::Object& pod) {
  const std::string name_space(StringAt(set, {"metadata", "namespace"}));
  for (const json::Value& claim_template : ArrayAt(set, {"spec", "volumeClaimTemplates"})) {
    const std::string volume(StringAt(claim_template, {"metadata", "name"}));
    const std::string claim_name = fmt::format("{}-{}", volume, pod_name);
    if (!client_.Get(kClaims, name_space, claim_name)) {
      json::Object claim;
      claim["apiVersion"] = "v1";
      claim["kind"] = "PersistentVolumeClaim";
      json::Object& metadata = Child(claim, "metadata");
      metadata["name"] = claim_name;
      metadata["namespace"] = name_space;
      metadata["labels"] = ObjectAt(set, {"spec", "selector", "matchLabels"});
      claim["spec"] = ObjectAt(claim_template, {"spec"});
      static_cast<void>(client_.Create(kClaims, name_space, claim));
    }
    json::Object source;
    source["name"] = volume;
    Child(source, "persistentVolumeClaim")["claimName"] = claim_name;
    json::Value& volumes = Child(pod, "spec")["volumes"];
    if (!volumes.is_array()) volumes.emplace_array();
    volumes.get_array().push_back(std::move(source));
  }
}

}  // namespace kro::apiserver
