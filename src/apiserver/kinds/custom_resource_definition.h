// CustomResourceDefinition.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultDefinition(json::Object& object);
void PrepareDefinition(const WriteContext& context, json::Object& object);
void ValidateDefinition(const WriteContext& context, const json::Value& object,
                        FieldErrors& errors);

}  // namespace kro::apiserver
