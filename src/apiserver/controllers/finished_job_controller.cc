#include "apiserver/controllers/finished_job_controller.h"

#include "apiserver/controllers/conditions.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kJobs{"batch", "v1", "jobs"};

std::optional<WallTime> FinishOf(const json::Value& job) {
  for (std::string_view type : {"Complete", "Failed"}) {
    if (!IsConditionTrue(job, type)) continue;
    const auto when = ParseTime(StringAt(*FindCondition(job, type), {"lastTransitionTime"}));
    if (when) return *when;
  }
  return std::nullopt;
}

}  // namespace

void FinishedJobController::Observe(const Collection& collection, const Change& change,
                                    const Enqueue& enqueue) {
  if (collection.group() != "batch" || collection.resource() != "jobs") return;
  if (change.type != ChangeType::kDeleted) enqueue(KeyOf(*change.object));
}

std::optional<Duration> FinishedJobController::Reconcile(const std::string& key) {
  auto [name_space, name] = SplitKey(key);
  const auto job = client_.Get(kJobs, name_space, name);
  if (!job || !StringAt(*job, {"metadata", "deletionTimestamp"}).empty()) return std::nullopt;
  const json::Value* seconds = json::Find(*job, {"spec", "ttlSecondsAfterFinished"});
  const auto finish = FinishOf(*job);
  if (seconds == nullptr || !seconds->is_int64() || !finish) return std::nullopt;
  const Duration left = *finish + std::chrono::seconds(seconds->get_int64()) - core_.clock.Now();
  if (left > Duration(0)) return left;
  client_.Delete(kJobs, name_space, name, StringAt(*job, {"metadata", "uid"}), "Foreground");
  return std::nullopt;
}

}  // namespace kro::apiserver
