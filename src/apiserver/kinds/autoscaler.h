// HorizontalPodAutoscaler, in both its versions.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

// Of autoscaling/v2, and of v1.
void DefaultAutoscaler(json::Object& object);
void DefaultAutoscalerV1(json::Object& object);
void PrepareAutoscaler(const WriteContext& context, json::Object& object);
void PrepareAutoscalerV1(const WriteContext& context, json::Object& object);
void ValidateAutoscaler(const WriteContext& context, const json::Value& object,
                        FieldErrors& errors);

}  // namespace kro::apiserver
