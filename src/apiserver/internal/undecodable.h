// What is answered to a write whose object does not fit its kind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "apiserver/answer.h"
#include "apiserver/decode.h"
#include "apiserver/internal/typed_decode.h"
#include "apiserver/internal/write_request.h"
#include "json/value.h"
#include "kube/api_error.h"

namespace kro::apiserver {

// Whether the request's body is the object, or what it is merged from.
WrittenAs WrittenIn(const WriteRequest& request);

// `fault` is what the decoder says of `object`: 400 for a body, 422 for the outcome of a patch, 500 for
// that of an apply.
kube::Status UndecodableStatus(const api::Gvk& gvk, const WriteRequest& request,
                               const json::Value& object, std::string_view fault);

// What fieldValidation says of fields that the kind does not know and of repeated ones: a refusal where it
// is strict, `warnings` where it warns.
Answer<void> ReportFields(const api::Gvk& gvk, const WriteRequest& request,
                          const WriteOptions& options, const json::Value& object,
                          const std::vector<std::string>& unknown, const RepeatedKeys& duplicates,
                          std::vector<std::string>& warnings);

// `Pod in version "v1" cannot be handled as a Pod: …`
std::string CannotBeHandled(const api::Gvk& gvk, std::string_view fault);

// `shown` is the patched object, or the patch.
kube::Status InvalidPatchStatus(std::string_view shown, std::string_view why);

}  // namespace kro::apiserver
