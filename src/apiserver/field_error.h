// FieldError: what is wrong with one field of an object, in the API server's words.
//
//   FieldErrors errors;
//   errors.push_back(Invalid("spec.replicas", json::Value(-1), "must be greater than or equal to 0"));
//   return std::unexpected(InvalidStatus("Deployment", "apps", "web", errors));
//     → 422 Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be …
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "kube/api_error.h"

namespace kro::apiserver {

enum class FieldErrorType {
  kRequired,
  kInvalid,
  kNotSupported,
  kDuplicate,
  kForbidden,
  kTooLong,
  kTooMany,
  kTypeInvalid,
  kNotFound,
  kInternal,
};

// The word in a cause: "FieldValueRequired".
std::string_view ToString(FieldErrorType type);

struct FieldError {
  FieldErrorType type;
  std::string field;  // "spec.ports[0].name"; "<nil>": the object as a whole
  std::string body;   // without the field: "Invalid value: \"x\": must be y"

  // "spec.a: Required value"
  std::string Text() const;

  friend bool operator==(const FieldError&, const FieldError&) = default;
};

using FieldErrors = std::vector<FieldError>;

// An empty `detail` is left out.
FieldError Required(std::string field, std::string_view detail = {});
FieldError Invalid(std::string field, const json::Value& value, std::string_view detail);
FieldError TypeInvalid(std::string field, const json::Value& value, std::string_view detail);
FieldError NotSupported(std::string field, const json::Value& value,
                        std::span<const std::string_view> supported);
FieldError Duplicate(std::string field, const json::Value& value);
FieldError Forbidden(std::string field, std::string_view detail);
FieldError TooLong(std::string field, int max_bytes);
FieldError TooMany(std::string field, std::size_t count, std::size_t max);
FieldError NotFound(std::string field, const json::Value& value);
FieldError Internal(std::string field, std::string_view detail);

// The 422 answer: `Widget.ex.io "a" is invalid: …`. Errors that say the same are printed once and
// stay in the causes. The group is left out where it is empty.
kube::Status InvalidStatus(std::string_view kind, std::string_view group, std::string_view name,
                           const FieldErrors& errors);

}  // namespace kro::apiserver
