// What is wrong with the schema of a CRD's version (spec kube-server sections 8.2 and 8.5).
#pragma once

#include <string>

#include "apiserver/field_error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// `path` is where the schema stands. With a status subresource the root may hold less.
void CheckSchema(const json::Value& schema, const std::string& path, bool has_status,
                 FieldErrors& errors);

}  // namespace kro::apiserver::internal
