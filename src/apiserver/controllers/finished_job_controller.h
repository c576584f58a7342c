// FinishedJobController: deletes jobs some time after they have finished, where they say when.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class FinishedJobController final : public Controller {
 public:
  // `core` outlives it.
  explicit FinishedJobController(Core& core)
      : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  Core& core_;
  ControllerClient client_;
};

}  // namespace kro::apiserver
