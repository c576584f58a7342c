// IngressController: gives ingresses the address of the one balancer that serves them all.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class IngressController final : public Controller {
 public:
  // `core` outlives it.
  explicit IngressController(Core& core) : client_(core, "ingress-controller") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  ControllerClient client_;
};

}  // namespace kro::apiserver
