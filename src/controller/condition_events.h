// Condition events: what a change of an instance's conditions is told as, behind the feature gate
// InstanceConditionEvents (instance spec section 5.7).
#pragma once

#include <vector>

#include "controller/instance_controller.h"
#include "json/value.h"
#include "kube/events.h"

namespace kro::controller {

// One for each condition whose status differs between the stored status of `instance` and `wanted`:
// reason is the type, the message `<old or none> -> <new>: <reason>`. Messages of conditions are left
// out: they may quote what only readers of the instance may see.
std::vector<kube::Happening> ConditionEvents(const InstanceApi& api, const json::Value& instance,
                                             const json::Value& wanted);

}  // namespace kro::controller
