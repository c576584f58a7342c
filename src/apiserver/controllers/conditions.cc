#include "apiserver/controllers/conditions.h"

#include "apiserver/kinds/values.h"

namespace kro::apiserver {

const json::Value* FindCondition(const json::Value& object, std::string_view type) {
  for (const json::Value& condition : ArrayAt(object, {"status", "conditions"})) {
    if (StringAt(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

bool IsConditionTrue(const json::Value& object, std::string_view type) {
  const json::Value* condition = FindCondition(object, type);
  return condition != nullptr && StringAt(*condition, {"status"}) == "True";
}

bool SetCondition(json::Value& object, const ConditionState& state, std::string_view now,
                  UpdateTime update_time) {
  const json::Value* before = FindCondition(object, state.type);
  if (before != nullptr && StringAt(*before, {"status"}) == state.status &&
      StringAt(*before, {"reason"}) == state.reason &&
      StringAt(*before, {"message"}) == state.message) {
    return false;
  }
  json::Object condition;
  condition["type"] = state.type;
  condition["status"] = state.status;
  if (update_time == UpdateTime::kYes) condition["lastUpdateTime"] = now;
  condition["lastTransitionTime"] =
      before != nullptr && StringAt(*before, {"status"}) == state.status
          ? StringAt(*before, {"lastTransitionTime"})
          : now;
  condition["reason"] = state.reason;
  condition["message"] = state.message;
  json::Value& conditions = Child(object.as_object(), "status")["conditions"];
  if (!conditions.is_array()) conditions.emplace_array();
  for (json::Value& other : conditions.get_array()) {
    if (StringAt(other, {"type"}) == state.type) {
      other = std::move(condition);
      return true;
    }
  }
  conditions.get_array().push_back(std::move(condition));
  return true;
}

}  // namespace kro::apiserver
