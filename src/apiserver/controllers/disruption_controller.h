// DisruptionController: the status of pod disruption budgets.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class DisruptionController final : public Controller {
 public:
  // `core` outlives it.
  explicit DisruptionController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  ControllerClient client_;
};

}  // namespace kro::apiserver
