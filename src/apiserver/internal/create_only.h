// Subresources that one can only create: pods/binding, pods/eviction, serviceaccounts/token.
#pragma once

#include <string>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/resource.h"
#include "apiserver/internal/write_request.h"
#include "json/value.h"

namespace kro::apiserver {

// The answer to a POST. What the client is warned of is added to `warnings`.
Answer<json::Value> AnswerCreateOnly(Core& core, const WriteRequest& request,
                                     const Subresource& part, std::vector<std::string>& warnings);

}  // namespace kro::apiserver
