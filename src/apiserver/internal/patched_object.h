// What a PATCH that is no apply makes of an object (spec kube-server section 4.4).
#pragma once

#include "apiserver/answer.h"
#include "apiserver/internal/write_request.h"
#include "apiserver/object_schema.h"
#include "apiserver/patch.h"
#include "json/value.h"

namespace kro::apiserver {

// `structure` is that of `live`, for strategic merges.
Answer<Patched> PatchOf(const WriteRequest& request, const json::Value& live,
                        const ObjectSchema& structure);

}  // namespace kro::apiserver
