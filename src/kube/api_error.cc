#include "kube/api_error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "kube/retry.h"

namespace kro::kube {
namespace {

constexpr std::size_t kMaxForeignBody = 2048;

struct ReasonRow {
  std::string_view reason;
  int code;
  ErrorCode action;
};

// Section 9.2. The first row of a code is the one assumed for it when no reason is given.
constexpr std::array kReasons = {
    ReasonRow{"BadRequest", 400, ErrorCode::kInvalid},
    ReasonRow{"Unauthorized", 401, ErrorCode::kForbidden},
    ReasonRow{"Forbidden", 403, ErrorCode::kForbidden},
    ReasonRow{"NotFound", 404, ErrorCode::kNotFound},
    ReasonRow{"MethodNotAllowed", 405, ErrorCode::kInvalid},
    ReasonRow{"NotAcceptable", 406, ErrorCode::kInvalid},
    ReasonRow{"Conflict", 409, ErrorCode::kConflict},
    ReasonRow{"AlreadyExists", 409, ErrorCode::kConflict},
    ReasonRow{"Expired", 410, ErrorCode::kConflict},
    ReasonRow{"Gone", 410, ErrorCode::kConflict},
    ReasonRow{"RequestEntityTooLarge", 413, ErrorCode::kInvalid},
    ReasonRow{"UnsupportedMediaType", 415, ErrorCode::kInvalid},
    ReasonRow{"Invalid", 422, ErrorCode::kInvalid},
    ReasonRow{"TooManyRequests", 429, ErrorCode::kThrottled},
    ReasonRow{"InternalError", 500, ErrorCode::kUnavailable},
    ReasonRow{"ServerTimeout", 500, ErrorCode::kUnavailable},
    ReasonRow{"StorageReadError", 500, ErrorCode::kUnavailable},
    ReasonRow{"ServiceUnavailable", 503, ErrorCode::kUnavailable},
    ReasonRow{"Timeout", 504, ErrorCode::kUnavailable},
};

const ReasonRow* FindReason(std::string_view reason);
bool Is(const Status& status, std::string_view reason);
ErrorCode ActionFor(const Status& status);
bool HasCause(const Status& status, std::string_view reason);
bool MayQuoteValues(const ApiError& error);
Status MakeUpStatus(const RequestSubject& subject, int code, std::string text);
int ToInt(const json::Value* value);

}  // namespace

std::optional<Status> ParseFailure(const json::Value& value) {
  if (json::FindString(value, {"kind"}) != "Status") return std::nullopt;
  if (json::FindString(value, {"status"}) != "Failure") return std::nullopt;
  Status status;
  status.code = ToInt(json::Find(value, "code"));
  status.reason = json::FindString(value, {"reason"});
  status.message = json::FindString(value, {"message"});
  status.name = json::FindString(value, {"details", "name"});
  status.group = json::FindString(value, {"details", "group"});
  status.kind = json::FindString(value, {"details", "kind"});
  status.uid = json::FindString(value, {"details", "uid"});
  if (int seconds = ToInt(json::Find(value, {"details", "retryAfterSeconds"})); seconds > 0) {
    status.retry_after = std::chrono::seconds(seconds);
  }
  const json::Value* causes = json::Find(value, {"details", "causes"});
  if (causes != nullptr && causes->is_array()) {
    for (const json::Value& cause : causes->get_array()) {
      status.causes.push_back({std::string(json::FindString(cause, {"reason"})),
                               std::string(json::FindString(cause, {"message"})),
                               std::string(json::FindString(cause, {"field"}))});
    }
  }
  return status;
}

ApiError::ApiError(Status status)
    : Error(ActionFor(status), status.message.empty() ? status.reason : status.message),
      status_(std::move(status)) {
  if (status_.code == 0) {
    const ReasonRow* row = FindReason(status_.reason);
    status_.code = row != nullptr ? row->code : 500;
  }
}

ApiError ErrorFromResponse(const RequestSubject& subject, const http::Response& response) {
  std::optional<Status> status;
  if (auto body = json::Parse(response.body)) status = ParseFailure(*body);
  if (!status) {
    status = MakeUpStatus(subject, response.status, response.body.substr(0, kMaxForeignBody));
  }
  if (status->code == 0) status->code = response.status;
  if (!status->retry_after) {
    if (auto seconds = RetryAfterOf(response.headers)) status->retry_after = *seconds;
  }
  return ApiError(std::move(*status));
}

bool IsNotFound(const ApiError& error) { return Is(error.status(), "NotFound"); }

bool IsTypeMissing(const ApiError& error) {
  return IsNotFound(error) &&
         (error.status().name.empty() || HasCause(error.status(), "UnexpectedServerResponse"));
}

bool IsAlreadyExists(const ApiError& error) { return error.status().reason == "AlreadyExists"; }
bool IsConflict(const ApiError& error) { return Is(error.status(), "Conflict"); }

bool IsExpired(const ApiError& error) {
  return Is(error.status(), "Expired") || error.status().reason == "Gone";
}

bool IsResourceVersionTooLarge(const ApiError& error) {
  if (HasCause(error.status(), "ResourceVersionTooLarge")) return true;
  if (!Is(error.status(), "Timeout")) return false;
  return std::ranges::any_of(error.status().causes, [](const StatusCause& cause) {
    return cause.message == "Too large resource version";
  });
}

bool IsInvalid(const ApiError& error) { return Is(error.status(), "Invalid"); }
bool IsUnauthorized(const ApiError& error) { return Is(error.status(), "Unauthorized"); }
ApiError WithoutValues(const ApiError& error) {
  if (!MayQuoteValues(error)) return error;
  Status status = error.status();
  std::string fields;
  for (StatusCause& cause : status.causes) {
    cause.message.clear();
    if (!cause.field.empty()) fields += fmt::format(", {} ({})", cause.field, cause.reason);
  }
  const std::string what =
      status.kind.empty() ? "it" : fmt::format("{} \"{}\"", status.kind, status.name);
  status.message = fmt::format(
      "{} is refused: {}{}; the server's words are not shown, they may quote a Secret", what,
      status.reason.empty() ? std::to_string(status.code) : status.reason, fields);
  return ApiError(std::move(status));
}

bool IsForbidden(const ApiError& error) { return Is(error.status(), "Forbidden"); }
bool IsThrottled(const ApiError& error) { return Is(error.status(), "TooManyRequests"); }
bool IsStorageStarting(const ApiError& error) {
  // It has no reason of its own.
  return IsThrottled(error) && error.status().message.find("(re)initializing") != std::string::npos;
}
bool IsInternalError(const ApiError& error) { return Is(error.status(), "InternalError"); }

bool IsApplyConflict(const ApiError& error) {
  return IsConflict(error) && HasCause(error.status(), "FieldManagerConflict");
}

bool IsConnectFailure(const Error& error) {
  if (error.code() != ErrorCode::kUnavailable) return false;
  return std::ranges::any_of(error.frames(), [](const std::string& frame) {
    return frame.starts_with("connect") && !frame.starts_with("connection");
  });
}

namespace {

const ReasonRow* FindReason(std::string_view reason) {
  const auto* row = std::ranges::find(kReasons, reason, &ReasonRow::reason);
  return row == kReasons.end() ? nullptr : row;
}

bool Is(const Status& status, std::string_view reason) {
  if (status.reason == reason) return true;
  if (FindReason(status.reason) != nullptr || status.code == 0) return false;
  const auto* row = std::ranges::find(kReasons, status.code, &ReasonRow::code);
  return row != kReasons.end() && row->reason == reason;
}

ErrorCode ActionFor(const Status& status) {
  if (const ReasonRow* row = FindReason(status.reason)) return row->action;
  const auto* row = std::ranges::find(kReasons, status.code, &ReasonRow::code);
  if (row != kReasons.end()) return row->action;
  return status.code >= 400 && status.code < 500 ? ErrorCode::kInvalid : ErrorCode::kUnavailable;
}

// What speaks of objects, rights and load alone does not. A refusal by the cluster's roles names the user; others of
// that reason have the words of an admission plugin.
bool MayQuoteValues(const ApiError& error) {
  // An admission webhook gives its own words to whatever reason it likes.
  if (error.status().message.find("denied the request") != std::string::npos) return true;
  if (!error.answered() || IsNotFound(error) || IsConflict(error) || IsAlreadyExists(error) ||
      IsUnauthorized(error) || IsThrottled(error)) {
    return false;
  }
  return !IsForbidden(error) ||
         error.status().message.find(" is forbidden: User ") == std::string::npos;
}

bool HasCause(const Status& status, std::string_view reason) {
  return std::ranges::find(status.causes, reason, &StatusCause::reason) != status.causes.end();
}

// The texts are those of client-go, which people search for.
Status MakeUpStatus(const RequestSubject& subject, int code, std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  Status status;
  status.code = code;
  status.name = subject.name;
  status.group = subject.group;
  status.kind = subject.resource;
  switch (code) {
    case 400:
      status.reason = "BadRequest";
      status.message = "the server rejected our request for an unknown reason";
      break;
    case 401:
      status.reason = "Unauthorized";
      status.message = "the server has asked for the client to provide credentials";
      break;
    case 403:
      status.reason = "Forbidden";
      status.message = text;
      break;
    case 404:
      status.reason = "NotFound";
      status.message = "the server could not find the requested resource";
      break;
    case 405:
      status.reason = "MethodNotAllowed";
      status.message = "the server does not allow this method on the requested resource";
      break;
    case 406:
      status.reason = "NotAcceptable";
      status.message =
          text.empty()
              ? "the server was unable to respond with a content type that the client supports"
              : text;
      break;
    case 409:
      status.reason = subject.method == "POST" ? "AlreadyExists" : "Conflict";
      status.message = "the server reported a conflict";
      break;
    case 415:
      status.reason = "UnsupportedMediaType";
      status.message = text;
      break;
    case 422:
      status.reason = "Invalid";
      status.message = "the server rejected our request due to an error in our request";
      break;
    case 429:
      status.reason = "TooManyRequests";
      status.message =
          "the server has received too many requests and has asked us to try again later";
      break;
    case 503:
      status.reason = "ServiceUnavailable";
      status.message = "the server is currently unable to handle the request";
      break;
    case 504:
      status.reason = "Timeout";
      status.message =
          "the server was unable to return a response in the time allotted, but may still be "
          "processing the request";
      break;
    default:
      if (code >= 500) {
        status.reason = "InternalError";
        status.message = fmt::format(
            "an error on the server (\"{}\") has prevented the request from succeeding", text);
      } else {
        status.message = fmt::format(
            "the server responded with the status code {} but did not return more information",
            code);
      }
  }
  if (!subject.resource.empty()) {
    std::string verb = subject.method;
    std::ranges::transform(verb, verb.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string resource =
        subject.group.empty() ? subject.resource : subject.resource + "." + subject.group;
    status.message += subject.name.empty()
                          ? fmt::format(" ({} {})", verb, resource)
                          : fmt::format(" ({} {} {})", verb, resource, subject.name);
  }
  status.causes.push_back({"UnexpectedServerResponse", text.empty() ? "unknown" : text, ""});
  return status;
}

int ToInt(const json::Value* value) {
  if (value == nullptr || !value->is_int64()) return 0;
  return static_cast<int>(value->get_int64());
}

}  // namespace
}  // namespace kro::kube
