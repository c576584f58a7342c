#include "apiserver/controllers/pod_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kNode = "node-1";
constexpr std::string_view kNodeAddress = "10.0.0.1";
constexpr std::string_view kBehaviour = "devcluster.kro.run/pod";

std::string_view BehaviourOf(const json::Value& pod);
json::Array ContainerStatuses(const json::Value& pod, std::string_view now, bool ready);

}  // namespace

PodRunner::PodRunner(Core& core) : core_(core), client_(core, "kubelet") {
  // Pods of an earlier run have addresses.
  for (const StoredPtr& pod : client_.List(kPods, "")) {
    const json::Value value = client_.ValueOf(kPods, *pod);
    started_ = std::max(started_, AddressPool::LastBytes(StringAt(value, {"status", "podIP"})));
  }
}

void PodRunner::Observe(const Collection& collection, const Change& change,
                        const Enqueue& enqueue) {
  if (!collection.group().empty() || collection.resource() != "pods") return;
  if (change.type == ChangeType::kDeleted) {
    until_.erase(change.object->uid);
  } else {
    enqueue(KeyOf(*change.object));
  }
}

std::optional<Duration> PodRunner::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto pod = client_.Get(kPods, name_space, name);
  if (!pod) return std::nullopt;
  if (!StringAt(*pod, {"metadata", "deletionTimestamp"}).empty()) {
    if (IntAt(*pod, {"metadata", "deletionGracePeriodSeconds"}) > 0) {
      client_.Delete(kPods, name_space, name, StringAt(*pod, {"metadata", "uid"}), "", 0);
    }
    return std::nullopt;
  }
  std::string_view phase = StringAt(*pod, {"status", "phase"});
  if (StringAt(*pod, {"spec", "nodeName"}).empty()) {
    if (!ArrayAt(*pod, {"spec", "schedulingGates"}).empty()) return std::nullopt;
    json::Object binding;
    Child(binding, "metadata")["name"] = name;
    Child(binding, "target")["name"] = kNode;
    static_cast<void>(client_.CreateAt(kPods, name_space, name, "binding", binding));
    return std::nullopt;
  }
  if (phase == "Pending") return Start(std::move(*pod));
  if (phase == "Running") return Finish(std::move(*pod));
  return std::nullopt;
}

std::optional<Duration> PodRunner::Start(json::Value pod) {
  auto created = ParseTime(StringAt(pod, {"metadata", "creationTimestamp"}));
  // Times in objects are whole seconds, so the wait is measured from the binding instead.
  const json::Value* scheduled = FindCondition(pod, "PodScheduled");
  if (created && scheduled != nullptr &&
      json::Find(std::as_const(pod), {"status", "startTime"}) == nullptr) {
    Child(pod.as_object(), "status")["startTime"] = client_.Now();
    static_cast<void>(client_.Update(kPods, pod, "status"));
    return Left(pod, core_.options.pod_start);
  }
  if (auto left = Left(pod, core_.options.pod_start)) return left;
  const std::string now = client_.Now();
  const bool ready = BehaviourOf(pod) != "not-ready";
  json::Object& status = Child(pod.as_object(), "status");
  ++started_;
  std::string address = fmt::format("10.244.{}.{}", (started_ >> 8) & 255, started_ & 255);
  status["phase"] = "Running";
  status["hostIP"] = kNodeAddress;
  json::Object host;
  host["ip"] = kNodeAddress;
  status["hostIPs"] = json::Array{std::move(host)};
  status["podIP"] = address;
  json::Object ip;
  ip["ip"] = address;
  status["podIPs"] = json::Array{std::move(ip)};
  status["containerStatuses"] = ContainerStatuses(pod, now, ready);
  SetCondition(pod, {"Initialized", "True", "", ""}, now);
  SetCondition(pod,
               {"ContainersReady", ready ? "True" : "False", ready ? "" : "ContainersNotReady", ""},
               now);
  SetCondition(pod, {"Ready", ready ? "True" : "False", ready ? "" : "ContainersNotReady", ""},
               now);
  static_cast<void>(client_.Update(kPods, pod, "status"));
  return std::nullopt;
}

std::optional<Duration> PodRunner::Finish(json::Value pod) {
  std::string_view behaviour = BehaviourOf(pod);
  if (StringAt(pod, {"spec", "restartPolicy"}) == "Always" || behaviour == "runs" ||
      behaviour == "not-ready") {
    return std::nullopt;
  }
  json::Object& status = Child(pod.as_object(), "status");
  if (auto left = Left(pod, core_.options.pod_run)) return left;
  const bool fails = behaviour == "fails";
  const std::string now = client_.Now();
  status["phase"] = fails ? "Failed" : "Succeeded";
  if (json::Array* containers = FindArray(status, "containerStatuses")) {
    for (json::Value& container : *containers) {
      json::Object terminated;
      terminated["exitCode"] = fails ? 1 : 0;
      terminated["reason"] = fails ? "Error" : "Completed";
      terminated["startedAt"] = StringAt(container, {"state", "running", "startedAt"});
      terminated["finishedAt"] = now;
      json::Object state;
      state["terminated"] = std::move(terminated);
      container.as_object()["state"] = std::move(state);
      container.as_object()["ready"] = false;
      container.as_object()["started"] = false;
    }
  }
  SetCondition(pod, {"ContainersReady", "False", fails ? "PodFailed" : "PodCompleted", ""}, now);
  SetCondition(pod, {"Ready", "False", fails ? "PodFailed" : "PodCompleted", ""}, now);
  static_cast<void>(client_.Update(kPods, pod, "status"));
  return std::nullopt;
}

std::optional<Duration> PodRunner::Left(const json::Value& pod, Duration span) {
  const MonotonicTime now = core_.clock.Monotonic();
  auto [until, fresh] =
      until_.try_emplace(std::string(StringAt(pod, {"metadata", "uid"})), now + span);
  if (until->second > now) return until->second - now;
  until_.erase(until);
  return std::nullopt;
}

namespace {

std::string_view BehaviourOf(const json::Value& pod) {
  return StringAt(pod, {"metadata", "annotations", kBehaviour});
}

json::Array ContainerStatuses(const json::Value& pod, std::string_view now, bool ready) {
  json::Array statuses;
  for (const json::Value& container : ArrayAt(pod, {"spec", "containers"})) {
    json::Object running;
    running["startedAt"] = now;
    json::Object state;
    state["running"] = std::move(running);
    json::Object status;
    status["name"] = StringAt(container, {"name"});
    status["state"] = std::move(state);
    status["lastState"] = json::Object();
    status["ready"] = ready;
    status["restartCount"] = 0;
    status["image"] = StringAt(container, {"image"});
    status["imageID"] = StringAt(container, {"image"});
    status["started"] = true;
    statuses.push_back(std::move(status));
  }
  return statuses;
}

}  // namespace
}  // namespace kro::apiserver
