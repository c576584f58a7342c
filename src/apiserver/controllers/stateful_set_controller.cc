#include "apiserver/controllers/stateful_set_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apiserver/controllers/pods.h"
#include "apiserver/controllers/revision_history.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kStatefulSets{"apps", "v1", "statefulsets"};
const api::Gvr kClaims{"", "v1", "persistentvolumeclaims"};
constexpr std::string_view kRevisionLabel = "controller-revision-hash";

std::string_view RevisionOf(const json::Value& pod) {
  return StringAt(pod, {"metadata", "labels", kRevisionLabel});
}

bool HasEnded(const json::Value& pod) {
  const std::string_view phase = StringAt(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

bool IsRunning(const json::Value& pod) { return IsPodReady(pod) && IsPodActive(pod); }

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
  const std::vector<json::Value> revisions = EnsureRevisions(client_, *set);
  if (revisions.empty()) return std::chrono::seconds(1);
  const json::Value& update = revisions.back();
  const std::string_view current_name = StringAt(*set, {"status", "currentRevision"});
  const auto found = std::ranges::find_if(revisions, [&](const json::Value& revision) {
    return StringAt(revision, {"metadata", "name"}) == current_name;
  });
  const json::Value& current = found == revisions.end() ? update : *found;

  const bool done = Act(*set, current, update);
  const Pods pods = PodsOf(*set);
  WriteStatus(*set, pods, current, update);
  std::set<std::string, std::less<>> in_use{std::string(StringAt(current, {"metadata", "name"})),
                                            std::string(StringAt(update, {"metadata", "name"}))};
  for (const auto& [ordinal, pod] : pods) in_use.emplace(RevisionOf(pod));
  PruneRevisions(client_, *set, revisions, in_use);
  if (!done) return std::chrono::seconds(1);
  return std::nullopt;
}

StatefulSetController::Pods StatefulSetController::PodsOf(const json::Value& set) const {
  const std::size_t prefix = StringAt(set, {"metadata", "name"}).size() + 1;
  Pods pods;
  for (const StoredPtr& stored :
       ControlledBy(client_, kPods, StringAt(set, {"metadata", "namespace"}),
                    StringAt(set, {"metadata", "uid"}))) {
    if (stored->name.size() <= prefix) continue;
    auto ordinal = json::Parse(std::string_view(stored->name).substr(prefix));
    if (!ordinal || !ordinal->is_int64()) continue;
    pods.emplace(ordinal->get_int64(), client_.ValueOf(kPods, *stored));
  }
  return pods;
}

// One step: what is missing is made, then what is too much goes, then what is outdated. In order, each waits
// for the pods before it.
bool StatefulSetController::Act(const json::Value& set, const json::Value& current,
                                const json::Value& update) {
  const std::int64_t first = IntAt(set, {"spec", "ordinals", "start"});
  const std::int64_t end = first + IntAt(set, {"spec", "replicas"}, 1);
  const std::int64_t partition =
      IntAt(set, {"spec", "updateStrategy", "rollingUpdate", "partition"});
  const bool ordered = StringAt(set, {"spec", "podManagementPolicy"}) != "Parallel";
  const Pods pods = PodsOf(set);
  for (std::int64_t i = first; i < end; ++i) {
    const auto pod = pods.find(i);
    if (pod == pods.end()) {
      const json::Value& revision = i < first + partition ? current : update;
      if (!CreatePod(AtRevision(set, revision), i,
                     std::string(StringAt(revision, {"metadata", "name"})))) {
        return false;
      }
      if (ordered) return true;
    } else if (HasEnded(pod->second)) {
      DeletePod(pod->second);
      if (ordered) return true;
    } else if (ordered && !IsRunning(pod->second)) {
      return true;
    }
  }
  for (auto pod = pods.rbegin(); pod != pods.rend(); ++pod) {
    if (pod->first >= first && pod->first < end) continue;
    if (IsPodActive(pod->second)) DeletePod(pod->second);
    if (ordered) return true;
  }
  if (StringAt(set, {"spec", "updateStrategy", "type"}) == "OnDelete") return true;
  for (auto pod = pods.rbegin(); pod != pods.rend(); ++pod) {
    if (pod->first >= end || pod->first < first + partition) continue;
    if (RevisionOf(pod->second) != StringAt(update, {"metadata", "name"}) &&
        IsPodActive(pod->second)) {
      DeletePod(pod->second);
      return true;
    }
    if (!IsRunning(pod->second)) return true;
  }
  return true;
}

void StatefulSetController::WriteStatus(json::Value set, const Pods& pods,
                                        const json::Value& current, const json::Value& update) {
  std::string current_name(StringAt(current, {"metadata", "name"}));
  const std::string update_name(StringAt(update, {"metadata", "name"}));
  const std::int64_t wanted = IntAt(set, {"spec", "replicas"}, 1);
  const auto replicas = static_cast<std::int64_t>(pods.size());
  std::int64_t ready = 0;
  std::int64_t at_current = 0;
  std::int64_t at_update = 0;
  for (const auto& [ordinal, pod] : pods) {
    if (IsPodReady(pod)) ++ready;
    if (!StringAt(pod, {"metadata", "deletionTimestamp"}).empty()) continue;
    if (RevisionOf(pod) == current_name) ++at_current;
    if (RevisionOf(pod) == update_name) ++at_update;
  }
  const bool rolls = StringAt(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate";
  if (rolls && at_update == wanted && ready == wanted && replicas == wanted) {
    at_current = at_update;
    current_name = update_name;
  }
  const std::int64_t generation = IntAt(set, {"metadata", "generation"});
  json::Object& status = Child(set.as_object(), "status");
  status["observedGeneration"] = generation;
  status["replicas"] = replicas;
  SetCount(status, "readyReplicas", ready);
  status["availableReplicas"] = ready;
  SetCount(status, "currentReplicas", at_current);
  SetCount(status, "updatedReplicas", at_update);
  status["currentRevision"] = current_name;
  status["updateRevision"] = update_name;
  status["collisionCount"] = 0;
  static_cast<void>(client_.Update(kStatefulSets, set, "status"));
}

void StatefulSetController::DeletePod(const json::Value& pod) {
  client_.Delete(kPods, StringAt(pod, {"metadata", "namespace"}),
                 StringAt(pod, {"metadata", "name"}), StringAt(pod, {"metadata", "uid"}));
}

bool StatefulSetController::CreatePod(const json::Value& set, std::int64_t ordinal,
                                      const std::string& revision) {
  const std::string pod_name = fmt::format("{}-{}", StringAt(set, {"metadata", "name"}), ordinal);
  json::Object pod = PodFromTemplate(set, "");
  json::Object& metadata = Child(pod, "metadata");
  metadata.erase("generateName");
  metadata["name"] = pod_name;
  json::Object& labels = Child(metadata, "labels");
  labels[kRevisionLabel] = revision;
  labels["statefulset.kubernetes.io/pod-name"] = pod_name;
  labels["apps.kubernetes.io/pod-index"] = fmt::format("{}", ordinal);
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
