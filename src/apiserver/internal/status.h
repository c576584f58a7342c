// The Status objects that say no, with the texts that clients and people know (spec kube-server
// section 11).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "apiserver/answer.h"
#include "apiserver/internal/resource.h"
#include "json/value.h"

namespace kro::apiserver {

// What a failure is about: "deployments" of "apps".
struct Subject {
  std::string_view group;
  std::string_view resource;
  std::string_view name;
};

inline Subject SubjectOf(const Resource& resource, std::string_view name) {
  return {resource.group, resource.name, name};
}

kube::Status NotFoundStatus(const Subject& subject);
kube::Status AlreadyExistsStatus(const Subject& subject);
kube::Status ConflictStatus(const Subject& subject, std::string_view why);
kube::Status ForbiddenStatus(const Subject& subject, std::string_view why);
kube::Status BadRequestStatus(std::string message);
kube::Status MethodNotAllowedStatus();
kube::Status CouldNotFindResourceStatus();
// The one answer that is text: `404 page not found`.
kube::Status PageNotFoundStatus();
kube::Status NotAcceptableStatus(std::string message);
kube::Status UnsupportedMediaTypeStatus(std::string message);
kube::Status ExpiredStatus(std::string message);
kube::Status TooLargeResourceVersionStatus(std::uint64_t wanted, std::uint64_t current);
kube::Status InternalErrorStatus(std::string_view why);
// An error that is no Status in the real server: 500 with the bare text.
kube::Status PlainErrorStatus(std::string message);
kube::Status RequestTooLargeStatus();

// Whether the answer is a text and not a Status.
bool IsText(const kube::Status& status);

// The Status object. `continue_token` goes into its metadata.
json::Value ToJson(const kube::Status& status, std::string_view continue_token = {});

}  // namespace kro::apiserver
