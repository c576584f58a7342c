#include "apiserver/internal/access_review.h"

#include <fmt/format.h>

#include "apiserver/apply.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/authentication.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

Answer<json::Object> ReviewToken(Core& core, std::string_view token);
json::Object ReviewRules(Core& core, const User& user, std::string_view name_space);
// Whom a SubjectAccessReview is about.
User SubjectOf(const json::Object& review);
Answer<json::Object> ReviewAccess(Core& core, const Resource& resource, const User& user,
                                  std::string_view name_space, const json::Object& review);

}  // namespace

bool IsReview(const Resource& resource) {
  return resource.group == "authentication.k8s.io" || resource.group == "authorization.k8s.io";
}

Answer<json::Value> AnswerReview(Core& core, const ReviewRequest& request) {
  const Resource& resource = request.resource;
  const User& user = request.user;
  Result<json::Value> sent = DecodeJsonOrProtobuf(request.body);
  if (!sent || !sent->is_object()) return BadRequest("the object provided is unrecognized");
  Child(sent->get_object(), "metadata");
  sent->get_object()["kind"] = resource.kind;
  sent->get_object()["apiVersion"] = resource.ApiVersion();
  if (resource.kind == "TokenReview" || resource.kind.ends_with("AccessReview")) {
    const Ownership ownership{.api_version = resource.ApiVersion(),
                              .kind = resource.kind,
                              .schema = core.registry.StructureOf(resource)};
    TrackUpdate(ownership, nullptr, *sent,
                {.manager = request.manager, .now = FormatTime(core.clock.Now())});
  }
  json::Object review = std::move(sent->get_object());
  Answer<json::Object> status;
  if (resource.kind == "SelfSubjectReview") {
    Child(review, "metadata")["creationTimestamp"] = FormatTime(core.clock.Now());
    status->emplace("userInfo", ToJson(user));
  } else if (resource.kind == "TokenReview") {
    status = ReviewToken(core, StringAt(review, {"spec", "token"}));
  } else if (resource.kind == "SelfSubjectRulesReview") {
    status = ReviewRules(core, user, StringAt(review, {"spec", "namespace"}));
    // It is a question, not part of the answer.
    review["spec"] = json::Object();
  } else {
    User about = user;
    if (resource.kind != "SelfSubjectAccessReview") about = SubjectOf(review);
    status = ReviewAccess(core, resource, about, request.name_space, review);
  }
  if (!status) return std::unexpected(status.error());
  review["status"] = *std::move(status);
  return json::Value(std::move(review));
}

namespace {

Answer<json::Object> ReviewToken(Core& core, std::string_view token) {
  json::Object status;
  if (token.empty()) {
    return std::unexpected(
        InvalidStatus("TokenReview", "authentication.k8s.io", "", {Required("spec.token")}));
  }
  if (auto user = BearerOf(token, core)) {
    status["authenticated"] = true;
    status["user"] = ToJson(*user);
  } else {
    status["user"] = json::Object();
    status["error"] = "invalid bearer token";
  }
  return status;
}

json::Object ReviewRules(Core& core, const User& user, std::string_view name_space) {
  json::Array resources;
  json::Array paths;
  for (const PolicyRule& rule : core.authorizer.RulesFor(user, name_space)) {
    (rule.urls.empty() ? resources : paths).push_back(ToJson(rule));
  }
  json::Object status;
  status["resourceRules"] = std::move(resources);
  status["nonResourceRules"] = std::move(paths);
  status["incomplete"] = false;
  return status;
}

User SubjectOf(const json::Object& review) {
  User user{.name = std::string(StringAt(review, {"spec", "user"})),
            .groups = {},
            .uid = std::string(StringAt(review, {"spec", "uid"}))};
  for (const json::Value& group : ArrayAt(review, {"spec", "groups"})) {
    if (group.is_string()) user.groups.emplace_back(group.get_string());
  }
  return user;
}

Answer<json::Object> ReviewAccess(Core& core, const Resource& resource, const User& user,
                                  std::string_view name_space, const json::Object& review) {
  FieldErrors errors;
  const json::Value* asked = FindAt(review, {"spec", "resourceAttributes"});
  const json::Value* path = FindAt(review, {"spec", "nonResourceAttributes"});
  const bool local = resource.kind == "LocalSubjectAccessReview";
  if (asked != nullptr && path != nullptr) {
    // Shown with the names of Go's fields.
    json::Object shown;
    shown["Path"] = StringAt(*path, {"path"});
    shown["Verb"] = StringAt(*path, {"verb"});
    errors.push_back(Invalid("spec.nonResourceAttributes", shown,
                             "cannot be specified in combination with resourceAttributes"));
  } else if (asked == nullptr && path == nullptr) {
    errors.push_back(
        Invalid("spec.resourceAttributes", json::Value(),
                "exactly one of nonResourceAttributes or resourceAttributes must be specified"));
  }
  if (user.name.empty() && user.groups.empty()) {
    errors.push_back(
        Invalid("spec.user", json::Value(""), "at least one of user or group must be specified"));
  }
  if (local && asked != nullptr && StringAt(*asked, {"namespace"}) != name_space) {
    errors.push_back(Invalid("spec.resourceAttributes.namespace",
                             json::Value(StringAt(*asked, {"namespace"})),
                             "must match metadata.namespace"));
  }
  if (!errors.empty()) {
    return std::unexpected(InvalidStatus("", "authorization.k8s.io", "", errors));
  }
  AccessAttributes attributes;
  if (asked != nullptr) {
    attributes = {.verb = StringAt(*asked, {"verb"}),
                  .group = StringAt(*asked, {"group"}),
                  .version = StringAt(*asked, {"version"}),
                  .resource = StringAt(*asked, {"resource"}),
                  .subresource = StringAt(*asked, {"subresource"}),
                  .name_space = StringAt(*asked, {"namespace"}),
                  .name = StringAt(*asked, {"name"})};
  } else {
    attributes = {.verb = StringAt(*path, {"verb"}), .path = StringAt(*path, {"path"})};
    if (attributes.path.empty()) attributes.path = "/";
  }
  const Authorizer::Decision decision = core.authorizer.Decide(user, attributes);
  json::Object status;
  status["allowed"] = decision.allowed;
  if (!decision.reason.empty()) status["reason"] = decision.reason;
  return status;
}

}  // namespace
}  // namespace kro::apiserver
