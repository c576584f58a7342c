// EndpointsController: keeps an Endpoints object beside each service that selects pods.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class EndpointsController final : public Controller {
 public:
  // `core` outlives it.
  explicit EndpointsController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  ControllerClient client_;
};

}  // namespace kro::apiserver
