// NamespaceController: fills new namespaces and empties deleted ones (spec kube-server section 7.2).
#pragma once

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class NamespaceController final : public Controller {
 public:
  // `core` outlives it.
  explicit NamespaceController(Core& core)
      : core_(core), client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  void Fill(const std::string& name);
  std::optional<Duration> Empty(json::Value name_space, const std::string& name);

  Core& core_;
  ControllerClient client_;
};

}  // namespace kro::apiserver
