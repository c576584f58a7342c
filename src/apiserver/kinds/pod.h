// Pod, and what all templates of pods share.
#pragma once

#include <string>

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultPod(json::Object& object);
void PreparePod(const WriteContext& context, json::Object& object);
void ValidatePod(const WriteContext& context, const json::Value& object, FieldErrors& errors);

// Completes the spec of a pod or of a template of pods.
void DefaultPodSpec(json::Object& spec);
// `at` is the path of the spec: "spec.template.spec".
void ValidatePodSpec(const json::Value& spec, const std::string& at, FieldErrors& errors);

}  // namespace kro::apiserver
