// ServiceController: the endpoints behind a service, and addresses for load balancers.
#pragma once

#include <cstdint>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class ServiceController final : public Controller {
 public:
  // `core` outlives it.
  explicit ServiceController(Core& core);

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  void WriteSlice(const json::Value& service);
  void GiveAddress(json::Value service);

  ControllerClient client_;
  std::uint32_t balancers_ = 0;
};

}  // namespace kro::apiserver
