#include "apiserver/internal/status.h"

#include <fmt/format.h>

namespace kro::apiserver {
namespace {

kube::Status About(const Subject& subject, int code, std::string_view reason, std::string message);
std::string Qualified(const Subject& subject);
bool AlwaysHasDetails(const kube::Status& status);

}  // namespace

kube::Status NotFoundStatus(const Subject& subject) {
  return About(subject, 404, "NotFound",
               fmt::format("{} \"{}\" not found", Qualified(subject), subject.name));
}

kube::Status AlreadyExistsStatus(const Subject& subject) {
  return About(subject, 409, "AlreadyExists",
               fmt::format("{} \"{}\" already exists", Qualified(subject), subject.name));
}

kube::Status ConflictStatus(const Subject& subject, std::string_view why) {
  return About(subject, 409, "Conflict",
               fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", Qualified(subject),
                           subject.name, why));
}

kube::Status ForbiddenStatus(const Subject& subject, std::string_view why) {
  if (subject.resource.empty()) {
    return About(subject, 403, "Forbidden", fmt::format("forbidden: {}", why));
  }
  if (subject.name.empty()) {
    return About(subject, 403, "Forbidden",
                 fmt::format("{} is forbidden: {}", Qualified(subject), why));
  }
  return About(subject, 403, "Forbidden",
               fmt::format("{} \"{}\" is forbidden: {}", Qualified(subject), subject.name, why));
}

kube::Status BadRequestStatus(std::string message) {
  return About({}, 400, "BadRequest", std::move(message));
}

kube::Status MethodNotAllowedStatus() {
  return About({}, 405, "MethodNotAllowed",
               "the server does not allow this method on the requested resource");
}

kube::Status CouldNotFindResourceStatus() {
  return About({}, 404, "NotFound", "the server could not find the requested resource");
}

kube::Status PageNotFoundStatus() { return About({}, 404, "", "404 page not found\n"); }

kube::Status NotAcceptableStatus(std::string message) {
  return About({}, 406, "NotAcceptable", std::move(message));
}

kube::Status UnsupportedMediaTypeStatus(std::string message) {
  return About({}, 415, "UnsupportedMediaType", std::move(message));
}

kube::Status ExpiredStatus(std::string message) {
  return About({}, 410, "Expired", std::move(message));
}

kube::Status TooLargeResourceVersionStatus(std::uint64_t wanted, std::uint64_t current) {
  kube::Status status =
      About({}, 504, "Timeout",
            fmt::format("Timeout: Too large resource version: {}, current: {}", wanted, current));
  status.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  status.retry_after = std::chrono::seconds(1);
  return status;
}

kube::Status InternalErrorStatus(std::string_view why) {
  kube::Status status =
      About({}, 500, "InternalError", fmt::format("Internal error occurred: {}", why));
  status.causes.push_back({"", std::string(why), ""});
  return status;
}

kube::Status PlainErrorStatus(std::string message) {
  return About({}, 500, "", std::move(message));
}

kube::Status RequestTooLargeStatus() {
  return About({}, 413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
}

bool IsText(const kube::Status& status) { return status.code == 404 && status.reason.empty(); }

json::Value ToJson(const kube::Status& status, std::string_view continue_token) {
  json::Object metadata;
  if (!continue_token.empty()) metadata["continue"] = continue_token;
  json::Object details;
  if (!status.name.empty()) details["name"] = status.name;
  if (!status.group.empty()) details["group"] = status.group;
  if (!status.kind.empty()) details["kind"] = status.kind;
  if (!status.uid.empty()) details["uid"] = status.uid;
  if (!status.causes.empty()) {
    json::Array causes;
    for (const kube::StatusCause& cause : status.causes) {
      json::Object object;
      if (!cause.reason.empty()) object["reason"] = cause.reason;
      object["message"] = cause.message;
      if (!cause.field.empty()) object["field"] = cause.field;
      causes.push_back(std::move(object));
    }
    details["causes"] = std::move(causes);
  }
  if (status.retry_after) details["retryAfterSeconds"] = status.retry_after->count();
  json::Object object;
  object["kind"] = "Status";
  object["apiVersion"] = "v1";
  object["metadata"] = std::move(metadata);
  object["status"] = "Failure";
  object["message"] = status.message;
  if (!status.reason.empty()) object["reason"] = status.reason;
  if (!details.empty() || AlwaysHasDetails(status)) object["details"] = std::move(details);
  object["code"] = status.code;
  return object;
}

namespace {

kube::Status About(const Subject& subject, int code, std::string_view reason, std::string message) {
  kube::Status status;
  status.code = code;
  status.reason = reason;
  status.message = std::move(message);
  status.name = subject.name;
  status.group = subject.group;
  status.kind = subject.resource;
  return status;
}

std::string Qualified(const Subject& subject) {
  return subject.group.empty() ? std::string(subject.resource)
                               : fmt::format("{}.{}", subject.resource, subject.group);
}

bool AlwaysHasDetails(const kube::Status& status) {
  return status.reason == "NotFound" || status.reason == "MethodNotAllowed" ||
         status.reason == "Invalid" || status.reason == "Forbidden" ||
         status.message.starts_with("406: ") || status.message.starts_with("415: ");
}

}  // namespace
}  // namespace kro::apiserver
