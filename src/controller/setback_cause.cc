#include "controller/setback_cause.h"

#include "controller/immutable_fields.h"

namespace kro::controller {

std::string_view ToString(SetbackCause cause) {
  switch (cause) {
    case SetbackCause::kForbidden:
      return "forbidden";
    case SetbackCause::kInvalid:
      return "invalid";
    case SetbackCause::kImmutable:
      return "immutable";
    case SetbackCause::kMissing:
      return "missing";
    case SetbackCause::kMissingKind:
      return "missing kind";
    case SetbackCause::kConflict:
      return "conflict";
    case SetbackCause::kThrottled:
      return "throttled";
    case SetbackCause::kUnreachable:
      return "unreachable";
    case SetbackCause::kServerError:
      return "server error";
  }
  return "";
}

SetbackCause CauseOf(const kube::ApiError& error) {
  if (!error.answered()) return SetbackCause::kUnreachable;
  if (kube::IsThrottled(error)) return SetbackCause::kThrottled;
  if (kube::IsForbidden(error) || kube::IsUnauthorized(error)) return SetbackCause::kForbidden;
  if (kube::IsConflict(error)) return SetbackCause::kConflict;
  if (kube::IsTypeMissing(error)) return SetbackCause::kMissingKind;
  if (kube::IsNotFound(error)) return SetbackCause::kMissing;
  if (ImmutableFields(error.status())) return SetbackCause::kImmutable;
  if (error.status().code >= 400 && error.status().code < 500) return SetbackCause::kInvalid;
  return SetbackCause::kServerError;
}

}  // namespace kro::controller
