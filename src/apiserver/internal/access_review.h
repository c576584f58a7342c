// Requests that store nothing: who one is, and what one may do (spec kube-server section 10).
#pragma once

#include <string_view>

#include "apiserver/answer.h"
#include "apiserver/internal/core.h"
#include "json/value.h"

namespace kro::apiserver {

bool IsReview(const Resource& resource);
// Who asks, and with what words.
struct ReviewRequest {
  const Resource& resource;
  std::string_view name_space;  // that of the path
  const User& user;
  std::string_view manager;  // the client's name, for managedFields
  std::string_view body;
};
Answer<json::Value> AnswerReview(Core& core, const ReviewRequest& request);

}  // namespace kro::apiserver
