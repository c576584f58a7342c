#include "apiserver/controllers/job_controller.h"

#include <algorithm>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {

// The pods of a job by what they are to it.
struct JobController::Pods {
  std::vector<json::Value> active;
  std::vector<json::Value> tracked;  // neither counted nor active
  std::int64_t going = 0;            // being deleted
};

namespace {

const api::Gvr kJobs{"batch", "v1", "jobs"};
constexpr std::string_view kTracking = "batch.kubernetes.io/job-tracking";

struct Failure {
  std::string reason;
  std::string message;
};

std::optional<Failure> FailureOf(const json::Value& job, std::optional<Duration> time_left);
bool IsComplete(const json::Value& job, std::size_t active);
void Suspend(json::Value& job, const std::string& now);
void Resume(json::Value& job, const std::string& now);
// Unlike other conditions those of jobs tell when they were looked at.
void SetJobCondition(json::Value& job, const ConditionState& state, const std::string& now);

bool IsFinished(const json::Value& job) {
  return IsConditionTrue(job, "Complete") || IsConditionTrue(job, "Failed");
}

bool IsSuspended(const json::Value& job) { return BoolAt(job, {"spec", "suspend"}); }

bool IsTracked(const json::Value& pod) {
  const json::Array& finalizers = ArrayAt(pod, {"metadata", "finalizers"});
  return std::ranges::find(finalizers, json::Value(kTracking)) != finalizers.end();
}

}  // namespace

void JobController::Observe(const Collection& collection, const Change& change,
                            const Enqueue& enqueue) {
  if (collection.group() == "batch" && collection.resource() == "jobs") {
    enqueue(KeyOf(*change.object));
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
  ReleaseOrphans(name_space, name, job ? StringAt(*job, {"metadata", "uid"}) : "");
  if (!job) return std::nullopt;
  Pods pods = PodsOf(*job);
  if (IsFinished(*job) || !StringAt(*job, {"metadata", "deletionTimestamp"}).empty()) {
    for (const json::Value& pod : pods.tracked) ReleasePod(pod);
    return std::nullopt;
  }
  const std::string now = client_.Now();
  json::Object& status = Child(job->as_object(), "status");
  CountEnded(*job, pods);
  if (!IsSuspended(*job)) SetDefault(status, "startTime", json::Value(now));

  const std::optional<Duration> time_left = TimeLeft(*job);
  const std::optional<Failure> failure = FailureOf(*job, time_left);
  bool reached = true;
  if (failure) {
    // What still runs has failed as well.
    SetCount(status, "failed",
             IntAt(*job, {"status", "failed"}) + static_cast<std::int64_t>(pods.active.size()));
    StopPods(pods, pods.active.size());
    SetJobCondition(*job, {"FailureTarget", "True", failure->reason, failure->message}, now);
    if (pods.going == 0) {
      SetJobCondition(*job, {"Failed", "True", failure->reason, failure->message}, now);
    }
  } else {
    reached = ReachSize(*job, pods);
    if (IsComplete(*job, pods.active.size())) {
      constexpr std::string_view kText = "Reached expected number of succeeded pods";
      SetJobCondition(*job, {"SuccessCriteriaMet", "True", "CompletionsReached", kText}, now);
      if (pods.going == 0) {
        SetJobCondition(*job, {"Complete", "True", "CompletionsReached", kText}, now);
        status["completionTime"] = now;
      }
    } else if (IsSuspended(*job)) {
      Suspend(*job, now);
    } else {
      Resume(*job, now);
    }
  }
  SetCount(status, "active", static_cast<std::int64_t>(pods.active.size()));
  status["ready"] = std::ranges::count_if(pods.active, IsPodReady);
  status["terminating"] = pods.going;
  status["uncountedTerminatedPods"] = json::Object();
  static_cast<void>(client_.Update(kJobs, *job, "status"));
  if (!reached) return std::chrono::seconds(1);
  return failure || IsSuspended(*job) ? std::nullopt : time_left;
}

JobController::Pods JobController::PodsOf(const json::Value& job) const {
  const bool deleting = !StringAt(job, {"metadata", "deletionTimestamp"}).empty();
  Pods pods;
  for (const StoredPtr& stored :
       ControlledBy(client_, kPods, StringAt(job, {"metadata", "namespace"}),
                    StringAt(job, {"metadata", "uid"}))) {
    json::Value pod = client_.ValueOf(kPods, *stored);
    const std::string_view phase = StringAt(pod, {"status", "phase"});
    if (stored->terminating() && phase != "Succeeded" && phase != "Failed") ++pods.going;
    if (IsPodActive(pod) && !deleting) {
      pods.active.push_back(std::move(pod));
    } else if (IsTracked(pod)) {
      pods.tracked.push_back(std::move(pod));
    }
  }
  return pods;
}

void JobController::ReleaseOrphans(const std::string& name_space, const std::string& name,
                                   std::string_view but_of) {
  for (const StoredPtr& stored : client_.List(kPods, name_space)) {
    const OwnerReference* controller = ControllerOf(*stored);
    if (controller == nullptr || controller->kind != "Job" || controller->name != name ||
        controller->uid == but_of) {
      continue;
    }
    ReleasePod(client_.ValueOf(kPods, *stored));
  }
}

// Each pod once: one that has been counted is tracked no longer, and need not be kept.
void JobController::CountEnded(json::Value& job, Pods& pods) {
  const bool only_failed = StringAt(job, {"spec", "podReplacementPolicy"}) == "Failed";
  std::int64_t succeeded = IntAt(job, {"status", "succeeded"});
  std::int64_t failed = IntAt(job, {"status", "failed"});
  for (const json::Value& pod : pods.tracked) {
    const std::string_view phase = StringAt(pod, {"status", "phase"});
    if (phase == "Succeeded") {
      ++succeeded;
    } else if (phase == "Failed" || !only_failed) {
      ++failed;
    } else {
      continue;
    }
    ReleasePod(pod);
  }
  json::Object& status = Child(job.as_object(), "status");
  SetCount(status, "succeeded", succeeded);
  SetCount(status, "failed", failed);
}

bool JobController::ReachSize(const json::Value& job, Pods& pods) {
  const auto active = static_cast<std::int64_t>(pods.active.size());
  const std::int64_t succeeded = IntAt(job, {"status", "succeeded"});
  const json::Value* completions = json::Find(job, {"spec", "completions"});
  std::int64_t wanted = IntAt(job, {"spec", "parallelism"}, 1);
  if (IsSuspended(job)) {
    wanted = 0;
  } else if (completions != nullptr) {
    wanted =
        std::clamp<std::int64_t>(completions->to_number<std::int64_t>() - succeeded, 0, wanted);
  } else if (succeeded > 0) {
    wanted = active;
  }
  if (active > wanted) StopPods(pods, static_cast<std::size_t>(active - wanted));
  if (StringAt(job, {"spec", "podReplacementPolicy"}) == "Failed") wanted -= pods.going;
  while (static_cast<std::int64_t>(pods.active.size()) < wanted) {
    const std::string name_space(StringAt(job, {"metadata", "namespace"}));
    json::Object pod = PodFromTemplate(job, std::string(StringAt(job, {"metadata", "name"})) + "-");
    Child(pod, "metadata")["finalizers"] = json::Array{json::Value(kTracking)};
    auto created = client_.Create(kPods, name_space, pod);
    if (!created) return false;
    pods.active.push_back(client_.ValueOf(kPods, *created->object));
  }
  return true;
}

void JobController::StopPods(Pods& pods, std::size_t count) {
  for (; count > 0; --count) {
    const json::Value pod = std::move(pods.active.back());
    pods.active.pop_back();
    ReleasePod(pod);
    const std::string_view name_space = StringAt(pod, {"metadata", "namespace"});
    const std::string_view name = StringAt(pod, {"metadata", "name"});
    client_.Delete(kPods, name_space, name, StringAt(pod, {"metadata", "uid"}));
    if (client_.Get(kPods, name_space, name)) ++pods.going;
  }
}

void JobController::ReleasePod(const json::Value& pod) {
  if (!IsTracked(pod)) return;
  json::Value released = pod;
  json::Array& finalizers = *FindArray(Child(released.as_object(), "metadata"), "finalizers");
  finalizers.erase(std::ranges::find(finalizers, json::Value(kTracking)));
  static_cast<void>(client_.Update(kPods, released));
}

std::optional<Duration> JobController::TimeLeft(const json::Value& job) const {
  const json::Value* limit = json::Find(job, {"spec", "activeDeadlineSeconds"});
  const auto start = ParseTime(StringAt(job, {"status", "startTime"}));
  if (limit == nullptr || !start || IsSuspended(job)) return std::nullopt;
  const Duration left =
      *start + std::chrono::seconds(limit->to_number<std::int64_t>()) - core_.clock.Now();
  return std::max(Duration(0), left);
}

namespace {

std::optional<Failure> FailureOf(const json::Value& job, std::optional<Duration> time_left) {
  if (const json::Value* target = FindCondition(job, "FailureTarget")) {
    return Failure{std::string(StringAt(*target, {"reason"})),
                   std::string(StringAt(*target, {"message"}))};
  }
  if (FindCondition(job, "SuccessCriteriaMet") != nullptr) return std::nullopt;
  if (IntAt(job, {"status", "failed"}) > IntAt(job, {"spec", "backoffLimit"}, 6)) {
    return Failure{"BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  }
  if (time_left && *time_left == Duration(0)) {
    return Failure{"DeadlineExceeded", "Job was active longer than specified deadline"};
  }
  return std::nullopt;
}

bool IsComplete(const json::Value& job, std::size_t active) {
  if (active > 0) return false;
  const std::int64_t succeeded = IntAt(job, {"status", "succeeded"});
  const json::Value* completions = json::Find(job, {"spec", "completions"});
  if (completions == nullptr) return succeeded > 0;
  return succeeded >= completions->to_number<std::int64_t>();
}

void Suspend(json::Value& job, const std::string& now) {
  if (IsConditionTrue(job, "Suspended")) return;
  SetJobCondition(job, {"Suspended", "True", "JobSuspended", "Job suspended"}, now);
  Child(job.as_object(), "status").erase("startTime");
}

// The time of a job that goes on begins anew.
void Resume(json::Value& job, const std::string& now) {
  if (!IsConditionTrue(job, "Suspended")) return;
  SetJobCondition(job, {"Suspended", "False", "JobResumed", "Job resumed"}, now);
  Child(job.as_object(), "status")["startTime"] = now;
}

void SetJobCondition(json::Value& job, const ConditionState& state, const std::string& now) {
  if (!SetCondition(job, state, now)) return;
  for (json::Value& condition : *FindArray(Child(job.as_object(), "status"), "conditions")) {
    if (StringAt(condition, {"type"}) == state.type) condition.as_object()["lastProbeTime"] = now;
  }
}

}  // namespace
}  // namespace kro::apiserver
