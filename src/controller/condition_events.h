// Condition events: what a change of an instance's conditions is told as, behind the feature gate
// InstanceConditionEvents (instance spec section 5.7).
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "controller/instance_controller.h"
#include "json/value.h"

namespace kro::controller {

// One core/v1 Event for each condition whose status differs between the stored status of `instance` and
// `wanted`: reason is the type, the message `<old or none> -> <new>: <reason>`. `now` makes the names.
std::vector<json::Value> ConditionEvents(const InstanceApi& api, const json::Value& instance,
                                         const json::Value& wanted, WallTime now);

}  // namespace kro::controller
