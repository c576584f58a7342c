// SetbackCause: why the API server did not do what it was asked.
#pragma once

#include <string_view>

#include "kube/api_error.h"

namespace kro::controller {

enum class SetbackCause {
  kForbidden,    // by RBAC, admission or quota
  kInvalid,      // the object is wrong; only a change mends it
  kImmutable,    // it stands, and what is wanted of it cannot be changed
  kMissing,      // its namespace
  kMissingKind,  // no server of its kind
  kConflict,     // somebody was faster
  kThrottled,    // the server asks for patience
  kUnreachable,  // no answer, the outcome is unknown
  kServerError,
};
std::string_view ToString(SetbackCause cause);
SetbackCause CauseOf(const kube::ApiError& error);

}  // namespace kro::controller
