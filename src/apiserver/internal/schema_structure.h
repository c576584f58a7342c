// Whether the schema of a CRD is structural: what every place is stands at the place itself, not in the
// branches of allOf, anyOf, oneOf and not (spec kube-server section 8.2).
#pragma once

#include <string>

#include "apiserver/field_error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

void CheckStructural(const json::Value& schema, const std::string& path, FieldErrors& errors);

}  // namespace kro::apiserver::internal
