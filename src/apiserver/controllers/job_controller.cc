#include "apiserver/controllers/job_controller.h"

#include <algorithm>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kJobs{"batch", "v1", "jobs"};
constexpr std::string_view kTracking = "batch.kubernetes.io/job-tracking";

bool IsFinished(const json::Value& job) {
  return IsConditionTrue(job, "Complete") || IsConditionTrue(job, "Failed");
}

}  // namespace

void JobController::Observe(const Collection& collection, const Change& change,
                            const Enqueue& enqueue) {
  if (collection.group() == "batch" && collection.resource() == "jobs") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (!collection.group().empty() || collection.resource() != "pods") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "Job") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> JobController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto job = client_.Get(kJobs, name_space, name);
  if (!job) return std::nullopt;
  const bool deleting = !StringAt(*job, {"metadata", "deletionTimestamp"}).empty();
  std::int64_t active = 0;
  std::int64_t ready = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::vector<json::Value> ended;
  for (const StoredPtr& stored :
       ControlledBy(client_, kPods, name_space, StringAt(*job, {"metadata", "uid"}))) {
    json::Value pod = client_.ValueOf(kPods, *stored);
    std::string_view phase = StringAt(pod, {"status", "phase"});
    if (phase == "Succeeded") ++succeeded;
    if (phase == "Failed") ++failed;
    if (IsPodActive(pod)) {
      ++active;
      if (IsPodReady(pod)) ++ready;
    } else {
      ended.push_back(std::move(pod));
    }
  }
  for (const json::Value& pod : ended) ReleasePod(pod);
  if (deleting || IsFinished(*job)) return std::nullopt;

  const std::int64_t completions = IntAt(*job, {"spec", "completions"}, 1);
  const std::int64_t parallelism = IntAt(*job, {"spec", "parallelism"}, 1);
  const bool suspended = BoolAt(*job, {"spec", "suspend"});
  const std::string now = client_.Now();
  json::Object& status = Child(job->as_object(), "status");
  if (suspended) {
    SetCondition(*job, {"Suspended", "True", "JobSuspended", "Job suspended"}, now);
  } else {
    if (FindCondition(*job, "Suspended") != nullptr) {
      SetCondition(*job, {"Suspended", "False", "JobResumed", "Job resumed"}, now);
    }
    SetDefault(status, "startTime", json::Value(now));
  }
  const bool over = succeeded >= completions || failed > IntAt(*job, {"spec", "backoffLimit"}, 6);
  const std::int64_t wanted =
      suspended || over ? 0 : std::min(parallelism, completions - succeeded);
  for (; active < wanted; ++active) {
    json::Object pod = PodFromTemplate(*job, name + "-");
    Child(pod, "metadata")["finalizers"] = json::Array{json::Value(kTracking)};
    if (!client_.Create(kPods, name_space, pod)) return std::chrono::seconds(1);
  }
  SetCount(status, "active", over ? 0 : active);
  SetCount(status, "succeeded", succeeded);
  SetCount(status, "failed", failed);
  status["ready"] = ready;
  status["terminating"] = 0;
  status["uncountedTerminatedPods"] = json::Object();
  Finish(*job, succeeded, failed);
  static_cast<void>(client_.Update(kJobs, *job, "status"));
  return std::nullopt;
}

// A pod that has been counted need not be kept.
void JobController::ReleasePod(const json::Value& pod) {
  json::Array kept;
  bool held = false;
  for (const json::Value& finalizer : ArrayAt(pod, {"metadata", "finalizers"})) {
    if (finalizer == json::Value(kTracking)) {
      held = true;
    } else {
      kept.push_back(finalizer);
    }
  }
  if (!held) return;
  json::Value released = pod;
  Child(released.as_object(), "metadata")["finalizers"] = std::move(kept);
  static_cast<void>(client_.Update(kPods, released));
}

bool JobController::Finish(json::Value& job, std::int64_t succeeded, std::int64_t failed) {
  const std::string now = client_.Now();
  if (succeeded >= IntAt(job, {"spec", "completions"}, 1)) {
    constexpr std::string_view kText = "Reached expected number of succeeded pods";
    SetCondition(job, {"SuccessCriteriaMet", "True", "CompletionsReached", kText}, now);
    SetCondition(job, {"Complete", "True", "CompletionsReached", kText}, now);
    Child(job.as_object(), "status")["completionTime"] = now;
    return true;
  }
  if (failed > IntAt(job, {"spec", "backoffLimit"}, 6)) {
    constexpr std::string_view kText = "Job has reached the specified backoff limit";
    SetCondition(job, {"FailureTarget", "True", "BackoffLimitExceeded", kText}, now);
    SetCondition(job, {"Failed", "True", "BackoffLimitExceeded", kText}, now);
    return true;
  }
  return false;
}

}  // namespace kro::apiserver
