// The scale subresource: the replicas of an object as an autoscaling/v1 Scale (spec kube-server section
// 4.5).
#pragma once

#include <string>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/object_writer.h"
#include "json/value.h"

namespace kro::apiserver {

// What GET answers.
Answer<json::Value> ReadScale(Core& core, const Resource& resource, std::string_view name_space,
                              std::string_view name);

// PUT and PATCH, also to apply: writes the replicas. The answer is the new Scale; what the client is warned
// of is added to `warnings`.
enum class ScaleWrite { kUpdate, kPatch };
Answer<json::Value> WriteScale(Core& core, const WriteRequest& request, ScaleWrite how,
                               std::vector<std::string>& warnings);

}  // namespace kro::apiserver
