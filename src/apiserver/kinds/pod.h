// Pod, and what all templates of pods share.
#pragma once

#include <string>
#include <vector>

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultPod(json::Object& object);
void PreparePod(const WriteContext& context, json::Object& object);
void ValidatePod(const WriteContext& context, const json::Value& object, FieldErrors& errors);

// Completes the spec of a pod or of a template of pods.
void DefaultPodSpec(json::Object& spec);
// `at` is the path of the spec: "spec.template.spec".
void ValidatePodSpec(const json::Value& spec, const std::string& at, FieldErrors& errors);
// What is valid and hardly meant: variables and ports that are there twice.
void WarnOfPodSpec(const json::Value& spec, const std::string& at,
                   std::vector<std::string>& warnings);
// The same of the template of a workload, where a write changes it.
void WarnOfTemplate(const WriteContext& context, const json::Value& object, const std::string& at);

}  // namespace kro::apiserver
