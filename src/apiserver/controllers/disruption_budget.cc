#include "apiserver/controllers/disruption_budget.h"

#include "apiserver/controllers/conditions.h"
#include "apiserver/kinds/values.h"
#include "kube/label_selector.h"

namespace kro::apiserver {

bool Selects(const json::Value& budget, const StoredObject& pod) {
  const json::Value* selector = json::Find(budget, {"spec", "selector"});
  if (selector == nullptr) return false;
  auto read = kube::LabelSelector::FromObject(*selector);
  return read && read->Matches([&](std::string_view key) -> std::optional<std::string_view> {
    for (const auto& [name, value] : pod.labels) {
      if (name == key) return value;
    }
    return std::nullopt;
  });
}

void SetDisruptionsAllowed(json::Value& budget, std::int64_t allowed, std::string_view now) {
  Child(budget.as_object(), "status")["disruptionsAllowed"] = allowed;
  SetCondition(budget,
               {"DisruptionAllowed", allowed > 0 ? "True" : "False",
                allowed > 0 ? "SufficientPods" : "InsufficientPods", ""},
               now);
}

}  // namespace kro::apiserver
