// Validating admission policies and their bindings: defaults and validation.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultAdmissionPolicy(json::Object& object);
void ValidateAdmissionPolicy(const WriteContext& context, const json::Value& object,
                             FieldErrors& errors);
void DefaultAdmissionBinding(json::Object& object);
void ValidateAdmissionBinding(const WriteContext& context, const json::Value& object,
                              FieldErrors& errors);

}  // namespace kro::apiserver
