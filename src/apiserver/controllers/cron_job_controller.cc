#include "apiserver/controllers/cron_job_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/cron_schedule.h"
#include "apiserver/controllers/pods.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kCronJobs{"batch", "v1", "cronjobs"};
const api::Gvr kJobs{"batch", "v1", "jobs"};
// As the real one: more missed runs than this are not counted through.
constexpr int kMostMissed = 100;

json::Object ReferenceTo(const json::Value& job);

}  // namespace

void CronJobController::Observe(const Collection& collection, const Change& change,
                                const Enqueue& enqueue) {
  if (collection.group() != "batch") return;
  if (collection.resource() == "cronjobs") {
    if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
    return;
  }
  if (collection.resource() != "jobs") return;
  const OwnerReference* controller = ControllerOf(*change.object);
  if (controller != nullptr && controller->kind == "CronJob") {
    enqueue(Collection::Key(change.object->name_space, controller->name));
  }
}

std::optional<Duration> CronJobController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  auto cron_job = client_.Get(kCronJobs, name_space, name);
  if (!cron_job || !StringAt(*cron_job, {"metadata", "deletionTimestamp"}).empty()) {
    return std::nullopt;
  }
  std::vector<json::Value> active;
  std::vector<json::Value> finished;
  json::Object& status = Child(cron_job->as_object(), "status");
  for (const StoredPtr& stored :
       ControlledBy(client_, kJobs, name_space, StringAt(*cron_job, {"metadata", "uid"}))) {
    json::Value job = client_.ValueOf(kJobs, *stored);
    if (IsConditionTrue(job, "Complete")) {
      std::string_view ended = StringAt(job, {"status", "completionTime"});
      if (ended > StringAt(std::as_const(status), {"lastSuccessfulTime"})) {
        status["lastSuccessfulTime"] = ended;
      }
      finished.push_back(std::move(job));
    } else if (IsConditionTrue(job, "Failed")) {
      finished.push_back(std::move(job));
    } else if (!stored->terminating()) {
      active.push_back(std::move(job));
    }
  }
  DeleteOld(*cron_job, finished, "Complete", "successfulJobsHistoryLimit", 3);
  DeleteOld(*cron_job, std::move(finished), "Failed", "failedJobsHistoryLimit", 1);

  std::optional<WallTime> next;
  auto missed = MissedRun(*cron_job, next);
  if (missed && !BoolAt(*cron_job, {"spec", "suspend"})) Start(*cron_job, *missed, active);
  json::Array references;
  for (const json::Value& job : active) references.push_back(ReferenceTo(job));
  if (references.empty()) {
    status.erase("active");
  } else {
    status["active"] = std::move(references);
  }
  static_cast<void>(client_.Update(kCronJobs, *cron_job, "status"));
  if (!next) return std::nullopt;
  return std::max(Duration(std::chrono::milliseconds(1)), *next - core_.clock.Now());
}

std::optional<WallTime> CronJobController::MissedRun(const json::Value& cron_job,
                                                     std::optional<WallTime>& next) {
  auto schedule = CronSchedule::Parse(StringAt(cron_job, {"spec", "schedule"}),
                                      StringAt(cron_job, {"spec", "timeZone"}));
  if (!schedule) return std::nullopt;
  const WallTime now = core_.clock.Now();
  auto since = ParseTime(StringAt(cron_job, {"status", "lastScheduleTime"}));
  if (!since) since = ParseTime(StringAt(cron_job, {"metadata", "creationTimestamp"}));
  WallTime from = since.value_or(now);
  const std::int64_t deadline = IntAt(cron_job, {"spec", "startingDeadlineSeconds"}, -1);
  if (deadline >= 0) from = std::max(from, now - Duration(std::chrono::seconds(deadline)));
  std::optional<WallTime> missed;
  next = schedule->Next(from);
  for (int counted = 0; next && *next <= now; ++counted) {
    missed = next;
    // After so many, the one that follows now is all that matters.
    next = schedule->Next(counted < kMostMissed ? *next : now);
  }
  return missed;
}

void CronJobController::Start(json::Value& cron_job, WallTime scheduled,
                              std::vector<json::Value>& active) {
  const json::Value& view = cron_job;
  std::string_view policy = StringAt(view, {"spec", "concurrencyPolicy"});
  if (policy == "Forbid" && !active.empty()) return;
  const std::string name_space(StringAt(view, {"metadata", "namespace"}));
  if (policy == "Replace") {
    for (const json::Value& job : active) {
      client_.Delete(kJobs, name_space, StringAt(job, {"metadata", "name"}),
                     StringAt(job, {"metadata", "uid"}), "Background");
    }
    active.clear();
  }
  const auto minutes =
      std::chrono::duration_cast<std::chrono::minutes>(scheduled.time_since_epoch()).count();
  json::Object job;
  job["apiVersion"] = "batch/v1";
  job["kind"] = "Job";
  json::Object& metadata = Child(job, "metadata");
  metadata = ObjectAt(view, {"spec", "jobTemplate", "metadata"});
  metadata["name"] = fmt::format("{}-{}", StringAt(view, {"metadata", "name"}), minutes);
  metadata["namespace"] = name_space;
  Child(metadata, "annotations")["batch.kubernetes.io/cronjob-scheduled-timestamp"] =
      FormatTime(scheduled);
  metadata["ownerReferences"] = json::Array{ControllerReference(view)};
  job["spec"] = ObjectAt(view, {"spec", "jobTemplate", "spec"});
  auto created = client_.Create(kJobs, name_space, job);
  if (!created && created.error().reason != "AlreadyExists") return;
  Child(cron_job.as_object(), "status")["lastScheduleTime"] = FormatTime(scheduled);
  if (created) active.push_back(client_.ValueOf(kJobs, *created->object));
}

// Keeps the newest ones of those that ended this way.
void CronJobController::DeleteOld(const json::Value& cron_job, std::vector<json::Value> finished,
                                  std::string_view condition, std::string_view limit,
                                  std::int64_t otherwise) {
  std::erase_if(finished, [&](const json::Value& job) { return !IsConditionTrue(job, condition); });
  std::ranges::sort(finished, std::greater<>(), [](const json::Value& job) {
    return std::pair(std::string(StringAt(job, {"status", "startTime"})),
                     std::string(StringAt(job, {"metadata", "name"})));
  });
  const std::int64_t kept = IntAt(cron_job, {"spec", limit}, otherwise);
  for (std::size_t i = static_cast<std::size_t>(std::max<std::int64_t>(kept, 0));
       i < finished.size(); ++i) {
    client_.Delete(kJobs, StringAt(finished[i], {"metadata", "namespace"}),
                   StringAt(finished[i], {"metadata", "name"}),
                   StringAt(finished[i], {"metadata", "uid"}), "Background");
  }
}

namespace {

json::Object ReferenceTo(const json::Value& job) {
  json::Object reference;
  reference["apiVersion"] = "batch/v1";
  reference["kind"] = "Job";
  for (std::string_view key : {"name", "namespace", "resourceVersion", "uid"}) {
    reference[key] = StringAt(job, {"metadata", key});
  }
  return reference;
}

}  // namespace
}  // namespace kro::apiserver
