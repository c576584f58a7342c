// CronJobController: makes a job of its template whenever a CronJob's schedule says so.
#pragma once

#include <vector>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class CronJobController final : public Controller {
 public:
  // `core` outlives it.
  explicit CronJobController(Core& core) : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  // The newest time that the schedule named since the last run, if it still counts.
  std::optional<WallTime> MissedRun(const json::Value& cron_job, std::optional<WallTime>& next);
  void Start(json::Value& cron_job, WallTime scheduled, std::vector<json::Value>& active);
  void DeleteOld(const json::Value& cron_job, std::vector<json::Value> finished,
                 std::string_view condition, std::string_view limit, std::int64_t otherwise);

  Core& core_;
  ControllerClient client_;
};

}  // namespace kro::apiserver
