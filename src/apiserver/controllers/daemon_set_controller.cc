#include "apiserver/controllers/daemon_set_controller.h"

#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kDaemonSets{"apps", "v1", "daemonsets"};
constexpr std::string_view kRevisionLabel = "controller-revision-hash";

}  // namespace

void DaemonSetController::Observe(const Collection& collection, const Change& change,
                                  const Enqueue& enqueue) {
  if (collection.group() == "apps" && collection.resource() == "daemonsets") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (!collection.group().empty() || collection.resource() != "pods") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "DaemonSet") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> DaemonSetController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto set = client_.Get(kDaemonSets, name_space, name);
  if (!set || !StringAt(*set, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  const json::Value& view = *set;
  const std::string revision = TemplateHash(*json::Find(view, {"spec", "template"}));
  std::int64_t current = 0;
  std::int64_t ready = 0;
  for (const StoredPtr& stored :
       ControlledBy(client_, kPods, name_space, StringAt(view, {"metadata", "uid"}))) {
    json::Value pod = client_.ValueOf(kPods, *stored);
    if (!IsPodActive(pod)) continue;
    if (StringAt(pod, {"metadata", "labels", kRevisionLabel}) != revision) {
      client_.Delete(kPods, name_space, stored->name, stored->uid);
      continue;
    }
    ++current;
    if (IsPodReady(pod)) ++ready;
  }
  if (current == 0) {
    json::Object pod = PodFromTemplate(view, name + "-");
    Child(Child(pod, "metadata"), "labels")[kRevisionLabel] = revision;
    if (!client_.Create(kPods, name_space, pod)) return std::chrono::seconds(1);
    current = 1;
  }
  json::Object& status = Child(set->as_object(), "status");
  status["observedGeneration"] = IntAt(view, {"metadata", "generation"});
  status["currentNumberScheduled"] = current;
  status["desiredNumberScheduled"] = 1;
  status["numberMisscheduled"] = 0;
  status["numberReady"] = ready;
  status["updatedNumberScheduled"] = current;
  SetCount(status, "numberAvailable", ready);
  SetCount(status, "numberUnavailable", 1 - ready);
  static_cast<void>(client_.Update(kDaemonSets, *set, "status"));
  return std::nullopt;
}

}  // namespace kro::apiserver
