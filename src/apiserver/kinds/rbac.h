// Roles and their bindings.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultRole(json::Object& object);
void ValidateRole(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultRoleBinding(json::Object& object);
void ValidateRoleBinding(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors);

}  // namespace kro::apiserver
