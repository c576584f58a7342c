// Roles and their bindings.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

// Rules that are not given show as null and belong to nobody.
void DefaultRole(json::Object& object);
void PrepareRole(const WriteContext& context, json::Object& object);
void ValidateRole(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultRoleBinding(json::Object& object);
void ValidateRoleBinding(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors);

}  // namespace kro::apiserver
