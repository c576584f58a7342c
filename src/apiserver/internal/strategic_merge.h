// Strategic merge patches: lists merge by key, directives inside the patch say what else to do.
#pragma once

#include "apiserver/answer.h"
#include "apiserver/object_schema.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// Leaves `patch` as refusals show it: without the directives that were obeyed, and without what is null where it
// was added.
Answer<json::Value> MergeStrategically(const json::Value& object, json::Value& patch,
                                       const TypeNode& type);

// Takes away every member that is null, at any depth.
void DropNulls(json::Value& value);

}  // namespace kro::apiserver::internal
