#include "apiserver/field_error.h"

#include <fmt/format.h>

#include <set>

#include "base/go_quote.h"

namespace kro::apiserver {
namespace {

// A value as messages show it: strings quoted, the rest as JSON.
std::string Show(const json::Value& value) {
  return value.is_string() ? GoQuote(value.get_string()) : json::Canonical(value);
}

std::string WithDetail(std::string text, std::string_view detail);

}  // namespace

std::string_view ToString(FieldErrorType type) {
  switch (type) {
    case FieldErrorType::kRequired:
      return "FieldValueRequired";
    case FieldErrorType::kInvalid:
      return "FieldValueInvalid";
    case FieldErrorType::kNotSupported:
      return "FieldValueNotSupported";
    case FieldErrorType::kDuplicate:
      return "FieldValueDuplicate";
    case FieldErrorType::kForbidden:
      return "FieldValueForbidden";
    case FieldErrorType::kTooLong:
      return "FieldValueTooLong";
    case FieldErrorType::kTooMany:
      return "FieldValueTooMany";
    case FieldErrorType::kTypeInvalid:
      return "FieldValueTypeInvalid";
    case FieldErrorType::kNotFound:
      return "FieldValueNotFound";
    case FieldErrorType::kInternal:
      return "InternalError";
  }
  return "FieldValueInvalid";
}

std::string FieldError::Text() const { return field + ": " + body; }

FieldError Required(std::string field, std::string_view detail) {
  return {FieldErrorType::kRequired, std::move(field), WithDetail("Required value", detail)};
}

FieldError Invalid(std::string field, const json::Value& value, std::string_view detail) {
  return {FieldErrorType::kInvalid, std::move(field),
          WithDetail("Invalid value: " + Show(value), detail)};
}

FieldError TypeInvalid(std::string field, const json::Value& value, std::string_view detail) {
  return {FieldErrorType::kTypeInvalid, std::move(field),
          WithDetail("Invalid value: " + Show(value), detail)};
}

FieldError NotSupported(std::string field, const json::Value& value,
                        std::span<const std::string_view> supported) {
  std::string words;
  for (std::string_view word : supported) {
    if (!words.empty()) words += ", ";
    words += GoQuote(word);
  }
  return {FieldErrorType::kNotSupported, std::move(field),
          WithDetail("Unsupported value: " + Show(value),
                     supported.empty() ? std::string() : "supported values: " + words)};
}

FieldError Duplicate(std::string field, const json::Value& value) {
  return {FieldErrorType::kDuplicate, std::move(field), "Duplicate value: " + Show(value)};
}

FieldError Forbidden(std::string field, std::string_view detail) {
  return {FieldErrorType::kForbidden, std::move(field), WithDetail("Forbidden", detail)};
}

FieldError TooLong(std::string field, int max_bytes) {
  return {FieldErrorType::kTooLong, std::move(field),
          fmt::format("Too long: may not be more than {} byte{}", max_bytes,
                      max_bytes == 1 ? "" : "s")};
}

FieldError TooMany(std::string field, std::size_t count, std::size_t max) {
  return {
      FieldErrorType::kTooMany, std::move(field),
      fmt::format("Too many: {}: must have at most {} item{}", count, max, max == 1 ? "" : "s")};
}

FieldError NotFound(std::string field, const json::Value& value) {
  return {FieldErrorType::kNotFound, std::move(field), "Not found: " + Show(value)};
}

FieldError Internal(std::string field, std::string_view detail) {
  return {FieldErrorType::kInternal, std::move(field), WithDetail("Internal error", detail)};
}

kube::Status InvalidStatus(std::string_view kind, std::string_view group, std::string_view name,
                           const FieldErrors& errors) {
  kube::Status status;
  status.code = 422;
  status.reason = "Invalid";
  status.name = name;
  status.group = group;
  status.kind = kind;
  std::string subject = group.empty() ? std::string(kind) : fmt::format("{}.{}", kind, group);
  status.message = fmt::format("{} {} is invalid", subject, json::Serialize(json::Value(name)));
  std::set<std::string> seen;
  std::vector<std::string> texts;
  for (const FieldError& error : errors) {
    status.causes.push_back({std::string(ToString(error.type)), error.body, error.field});
    std::string text = error.Text();
    if (seen.insert(text).second) texts.push_back(std::move(text));
  }
  if (texts.size() == 1) status.message += ": " + texts[0];
  if (texts.size() > 1) status.message += fmt::format(": [{}]", fmt::join(texts, ", "));
  return status;
}

namespace {

std::string WithDetail(std::string text, std::string_view detail) {
  if (detail.empty()) return text;
  return text + ": " + std::string(detail);
}

}  // namespace
}  // namespace kro::apiserver
