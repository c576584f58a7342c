// ReplicaSetController: as many pods as a replica set says.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class ReplicaSetController final : public Controller {
 public:
  // `core` outlives it.
  explicit ReplicaSetController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  void WriteStatus(json::Value replica_set, const std::vector<json::Value>& pods);

  ControllerClient client_;
};

}  // namespace kro::apiserver
