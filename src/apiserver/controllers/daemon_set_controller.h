// DaemonSetController: one pod, since there is one node.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class DaemonSetController final : public Controller {
 public:
  // `core` outlives it.
  explicit DaemonSetController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  ControllerClient client_;
};

}  // namespace kro::apiserver
