// ApiError: an Error that still knows what the server said.
//
// The client returns Reply<T>. An ApiError is an Error, so passing one up as Result<T> keeps code and
// frames and drops the Status; callers that decide by reason or cause look at status() first.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "http/transport.h"
#include "json/value.h"
#include "kube/options.h"

namespace kro::kube {

struct StatusCause {
  std::string reason;
  std::string message;
  std::string field;

  friend bool operator==(const StatusCause&, const StatusCause&) = default;
};

// A metav1.Status of a failure (spec kube-client section 9).
struct Status {
  int code = 0;  // 0: no answer came
  std::string reason;
  std::string message;
  // details
  std::string name;
  std::string group;
  std::string kind;  // the resource, "deployments"
  std::string uid;
  std::vector<StatusCause> causes;
  std::optional<std::chrono::seconds> retry_after;

  friend bool operator==(const Status&, const Status&) = default;
};

// Reads `value` if it is a Status with `status: Failure`.
std::optional<Status> ParseFailure(const json::Value& value);

class ApiError : public Error {
 public:
  // What the server refused; the code follows from reason and HTTP code.
  explicit ApiError(Status status);
  // What failed before or without an answer.
  explicit ApiError(Error error) : Error(std::move(error)) {}

  const Status& status() const { return status_; }
  // The server answered, and this is its answer.
  bool answered() const { return status_.code != 0; }

 private:
  Status status_;
};

template <typename T>
using Reply = std::expected<T, ApiError>;

// Passes an ApiError on with one more frame, its Status kept.
template <typename... Args>
std::unexpected<ApiError> AnnotateReply(ApiError error, fmt::format_string<Args...> format,
                                        Args&&... args) {
  error.Push(fmt::format(format, std::forward<Args>(args)...));
  return std::unexpected(std::move(error));
}

// What a request was about, for messages.
struct RequestSubject {
  std::string method;  // "GET"
  std::string group;
  std::string resource;  // empty: no resource request
  std::string name;
  Warnings warnings = Warnings::kLog;
};

// The error in an answer with this status and body: the server's Status if the body holds one, else one
// made up from the HTTP code (section 9.3). At most 2048 bytes of a foreign body are kept.
ApiError ErrorFromResponse(const RequestSubject& subject, const http::Response& response);

// For objects whose values must not be told: where the server's words may quote them, what is left is the reason and
// the fields.
ApiError WithoutValues(const ApiError& error);

// Reasons are compared first; the HTTP code counts only if the reason is empty or unknown.
bool IsNotFound(const ApiError& error);
// The path itself is unknown to the server: the type is not served (any more).
bool IsTypeMissing(const ApiError& error);
bool IsAlreadyExists(const ApiError& error);
bool IsConflict(const ApiError& error);
// The resourceVersion or continue token is too old: reason Expired or Gone.
bool IsExpired(const ApiError& error);
// The server has not caught up with the resourceVersion asked for.
bool IsResourceVersionTooLarge(const ApiError& error);
bool IsInvalid(const ApiError& error);
bool IsUnauthorized(const ApiError& error);
bool IsForbidden(const ApiError& error);
bool IsThrottled(const ApiError& error);
// The server is starting the storage of a collection, mostly one whose CRD is new; a form of throttling.
bool IsStorageStarting(const ApiError& error);
bool IsInternalError(const ApiError& error);
// Another field manager owns a field of the apply.
bool IsApplyConflict(const ApiError& error);
// Nobody listens at the address.
bool IsConnectFailure(const Error& error);

}  // namespace kro::kube
