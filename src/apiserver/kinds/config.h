// Kinds that hold data: ConfigMap, Secret, Event.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultSecret(json::Object& object);
void ValidateConfigMap(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void ValidateSecret(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultEvent(json::Object& object);
void ValidateEvent(const WriteContext& context, const json::Value& object, FieldErrors& errors);

}  // namespace kro::apiserver
