// JobController: runs a job's pods until enough have succeeded, too many failed or its time is over.
#pragma once

#include <vector>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class JobController final : public Controller {
 public:
  // `core` outlives it.
  explicit JobController(Core& core) : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  struct Pods;

  Pods PodsOf(const json::Value& job) const;
  // Of jobs of this name that are no longer there.
  void ReleaseOrphans(const std::string& name_space, const std::string& name,
                      std::string_view but_of);
  void CountEnded(json::Value& job, Pods& pods);
  // False: a pod could not be made.
  bool ReachSize(const json::Value& job, Pods& pods);
  void StopPods(Pods& pods, std::size_t count);
  void ReleasePod(const json::Value& pod);
  // What is left of the time that the job may take.
  std::optional<Duration> TimeLeft(const json::Value& job) const;

  Core& core_;
  ControllerClient client_;
};

}  // namespace kro::apiserver
