// Eviction: deletes a pod unless a disruption budget forbids it.
#pragma once

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "apiserver/internal/write_request.h"
#include "json/value.h"

namespace kro::apiserver {

// `eviction` is the policy/v1 Eviction in the body of `request`, `options` what its query says. 429 while
// the budget is used up.
Answer<void> Evict(Core& core, const WriteRequest& request, const WriteOptions& options,
                   const json::Value& eviction);

}  // namespace kro::apiserver
