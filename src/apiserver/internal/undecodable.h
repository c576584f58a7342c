// What is answered to a write whose object does not fit its kind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "apiserver/decode.h"
#include "apiserver/internal/typed_decode.h"
#include "apiserver/internal/write_request.h"
#include "apiserver/patch.h"
#include "json/value.h"
#include "kube/api_error.h"

namespace kro::apiserver {

// Whether the request's body is the object, or what it is merged from.
WrittenAs WrittenIn(const WriteRequest& request);

// `fault` is what the decoder says: 400 for a body, 500 for the outcome of an apply.
kube::Status UndecodableStatus(const api::Gvk& gvk, const WriteRequest& request,
                               std::string_view fault);

// 422 for the outcome of another patch.
kube::Status UndecodableStatus(const Patched& patched, std::string_view fault);

// What fieldValidation says of fields that the kind does not know and of repeated ones: the fault to refuse it for
// where it is strict, `warnings` where it warns.
std::optional<std::string> ReportFields(const WriteOptions& options,
                                        const std::vector<std::string>& unknown,
                                        const RepeatedKeys& duplicates,
                                        std::vector<std::string>& warnings);

// `Pod in version "v1" cannot be handled as a Pod: …`
std::string CannotBeHandled(const api::Gvk& gvk, std::string_view fault);

// `shown` is the patched object, or the patch.
kube::Status InvalidPatchStatus(std::string_view shown, std::string_view why);

}  // namespace kro::apiserver
