// AutoscalerController: the status of horizontal pod autoscalers. Pods that pretend to run use exactly
// what their autoscaler aims at, so nothing is scaled but into the bounds.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class AutoscalerController final : public Controller {
 public:
  // `core` outlives it.
  explicit AutoscalerController(Core& core)
      : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  Core& core_;
  ControllerClient client_;
};

}  // namespace kro::apiserver
