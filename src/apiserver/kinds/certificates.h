// Requests for certificates. They are approved and denied as in a cluster; nobody signs them here.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

// Who asks is who writes it; what is asked for stays; conditions have times.
void PrepareSigningRequest(const WriteContext& context, json::Object& object);
void ValidateSigningRequest(const WriteContext& context, const json::Value& object,
                            FieldErrors& errors);

}  // namespace kro::apiserver
