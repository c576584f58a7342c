// What controllers of workloads share: pods made from templates, and what state pods are in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/controllers/conditions.h"
#include "apiserver/controllers/controller.h"
#include "json/value.h"

namespace kro::apiserver {

inline const api::Gvr kPods{"", "v1", "pods"};

// A new pod after `owner`'s spec.template, named by `generate_name`. `owner` has apiVersion and kind.
json::Object PodFromTemplate(const json::Value& owner, std::string_view generate_name);

// The reference by which `owner` controls its dependents.
json::Object ControllerReference(const json::Value& owner);

// Objects of `gvr` that `uid` controls, by name.
std::vector<StoredPtr> ControlledBy(const ControllerClient& client, const api::Gvr& gvr,
                                    std::string_view name_space, std::string_view uid);

// The controller of an object, nullptr if it has none.
const OwnerReference* ControllerOf(const StoredObject& object);

bool IsPodReady(const json::Value& pod);
// Neither ended nor being deleted.
bool IsPodActive(const json::Value& pod);

// Sets a condition as pods have them: with a lastProbeTime, and nothing that is empty.
void SetPodCondition(json::Value& pod, const ConditionState& state, std::string_view now);

// A name for a template that stays the same while the template does: 10 characters, safe in labels.
std::string TemplateHash(const json::Value& pod_template);

}  // namespace kro::apiserver
