// StatefulSetController: numbered pods with claims of their own, one after another.
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class StatefulSetController final : public Controller {
 public:
  // `core` outlives it.
  explicit StatefulSetController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  bool CreatePod(const json::Value& set, const std::string& pod_name, const std::string& revision);
  void EnsureClaims(const json::Value& set, const std::string& pod_name, json::Object& pod);

  ControllerClient client_;
};

}  // namespace kro::apiserver
