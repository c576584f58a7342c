// JobController: runs a job's pods until enough have succeeded or too many failed.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class JobController final : public Controller {
 public:
  // `core` outlives it.
  explicit JobController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  void ReleasePod(const json::Value& pod);
  bool Finish(json::Value& job, std::int64_t succeeded, std::int64_t failed);

  ControllerClient client_;
};

}  // namespace kro::apiserver
