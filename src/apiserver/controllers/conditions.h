// Conditions in the status of objects that controllers write.
#pragma once

#include <string_view>

#include "json/value.h"

namespace kro::apiserver {

struct ConditionState {
  std::string_view type;
  std::string_view status;  // "True", "False"
  std::string_view reason;
  std::string_view message;
};

// The condition of this type in status.conditions, or nullptr.
const json::Value* FindCondition(const json::Value& object, std::string_view type);
bool IsConditionTrue(const json::Value& object, std::string_view type);

enum class UpdateTime { kNo, kYes };  // whether the condition also tells when it was last written

// Sets a condition; its transition time moves only with its status. True if anything changed.
bool SetCondition(json::Value& object, const ConditionState& state, std::string_view now,
                  UpdateTime update_time = UpdateTime::kNo);

}  // namespace kro::apiserver
