// Keeps the rules of ClusterRoles with an aggregationRule equal to those of the roles it selects.
#pragma once

#include <set>
#include <string>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class ClusterRoleController final : public Controller {
 public:
  // `core` outlives it.
  explicit ClusterRoleController(Core& core)
      : client_(core, "clusterrole-aggregation-controller") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  ControllerClient client_;
  std::set<std::string> aggregates_;  // the roles made of others
};

}  // namespace kro::apiserver
