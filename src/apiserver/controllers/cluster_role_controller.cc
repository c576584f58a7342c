#include "apiserver/controllers/cluster_role_controller.h"

#include <algorithm>

#include "apiserver/internal/label_query.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

const api::Gvr kClusterRoles{"rbac.authorization.k8s.io", "v1", "clusterroles"};

bool Aggregates(const StoredObject& role) {
  return role.text.find("\"aggregationRule\":{") != std::string::npos;
}

}  // namespace

void ClusterRoleController::Observe(const Collection& collection, const Change& change,
                                    const Enqueue& enqueue) {
  if (collection.group() != kClusterRoles.group || collection.resource() != "clusterroles") return;
  if (change.type != ChangeType::kDeleted && Aggregates(*change.object)) {
    aggregates_.insert(change.object->name);
  } else {
    aggregates_.erase(change.object->name);
  }
  for (const std::string& name : aggregates_) enqueue(name);
}

std::optional<Duration> ClusterRoleController::Reconcile(const std::string& key) {
  auto role = client_.Get(kClusterRoles, "", key);
  if (!role || json::Find(*role, "aggregationRule") == nullptr) return std::nullopt;
  json::Array rules;
  for (const json::Value& selector : ArrayAt(*role, {"aggregationRule", "clusterRoleSelectors"})) {
    const LabelQuery query = LabelQuery::OfSelector(selector);
    for (const StoredPtr& other : client_.List(kClusterRoles, "")) {
      if (other->name == key || !query.Matches(other->labels)) continue;
      const json::Value value = client_.ValueOf(kClusterRoles, *other);
      for (const json::Value& rule : ArrayAt(value, {"rules"})) {
        if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
      }
    }
  }
  if (ArrayAt(*role, {"rules"}) == rules) return std::nullopt;
  role->as_object()["rules"] = std::move(rules);
  static_cast<void>(client_.Update(kClusterRoles, *role));
  return std::nullopt;
}

}  // namespace kro::apiserver
