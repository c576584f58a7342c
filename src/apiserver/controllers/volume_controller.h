// VolumeController: binds claims to volumes that fit or to new ones, and reclaims what claims leave behind.
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
  void ReconcileVolume(const std::string& name);
  void ReconcileClaim(const std::string& name_space, const std::string& name);
  // Binds the volume to a claim that waits for one, if it fits.
  void Offer(const json::Value& volume);
  // The smallest that fits, or the one that names the claim.
  std::optional<json::Value> FindVolume(const json::Value& claim) const;
  std::optional<json::Value> Provision(const json::Value& claim);
  void Bind(json::Value claim, json::Value volume);
  bool IsInUse(const json::Value& claim) const;
  // Whether the claim that a volume is bound to is there.
  bool HasClaim(const json::Value& volume) const;
  // Returns false if it was so already.
  bool SetPhase(json::Value& object, const api::Gvr& gvr, std::string_view phase);
  void Release(json::Value object, const api::Gvr& gvr, std::string_view finalizer);

  ControllerClient client_;
};

}  // namespace kro::apiserver
