// Requests that store nothing: access reviews, and subresources that one can only create (spec
// kube-server section 10).
//
// Whoever reaches this server may do everything, so reviews allow.
#pragma once

#include <string_view>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "json/value.h"

namespace kro::apiserver {

bool IsReview(const Resource& resource);
Answer<json::Value> AnswerReview(const Resource& resource, std::string_view body);

// POST to pods/binding, pods/eviction, serviceaccounts/token.
Answer<json::Value> AnswerCreateOnly(Core& core, const Resource& resource,
                                     std::string_view name_space, std::string_view name,
                                     std::string_view subresource, std::string_view body);

}  // namespace kro::apiserver
