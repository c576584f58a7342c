// Strategic merge patches: lists merge by key, directives inside the patch say what else to do.
#pragma once

#include "apiserver/answer.h"
#include "apiserver/object_schema.h"
#include "json/value.h"

namespace kro::apiserver::internal {

Answer<json::Value> MergeStrategically(const json::Value& object, const json::Value& patch,
                                       const TypeNode& type);

}  // namespace kro::apiserver::internal
