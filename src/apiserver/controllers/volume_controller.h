// VolumeController: gives each claim a volume of its own.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class VolumeController final : public Controller {
 public:
  // `core` outlives it.
  explicit VolumeController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  void Bind(json::Value claim);
  void Release(json::Value object, const api::Gvr& gvr, std::string_view finalizer);

  ControllerClient client_;
};

}  // namespace kro::apiserver
