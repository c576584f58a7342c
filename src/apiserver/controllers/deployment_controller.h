// DeploymentController: a replica set per template, scaled from the old to the new one within the
// strategy's limits (spec kube-server section 9.3).
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class DeploymentController final : public Controller {
 public:
  // `core` outlives it.
  explicit DeploymentController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  std::optional<json::Value> EnsureReplicaSet(json::Value& deployment,
                                              std::vector<json::Value>& sets);
  void Roll(const json::Value& deployment, json::Value& current, std::vector<json::Value>& old);
  void Scale(const json::Value& deployment, json::Value& replica_set, std::int64_t replicas);
  void DeleteOldest(const json::Value& deployment, std::vector<json::Value>& old);
  void WriteStatus(json::Value deployment, const json::Value& current,
                   const std::vector<json::Value>& old);

  ControllerClient client_;
};

}  // namespace kro::apiserver
