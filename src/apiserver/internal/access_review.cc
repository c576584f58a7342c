#include "apiserver/internal/access_review.h"

#include <fmt/format.h>

#include "apiserver/decode.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/deletion.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/object_writer.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/kinds/values.h"
#include "base/base64.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kUser = "kubernetes-admin";

Result<json::Value> ReadJson(std::string_view body);
json::Object UserInfo();
json::Value Success();
Answer<json::Value> Bind(Core& core, const Resource& resource, std::string_view name_space,
                         std::string_view name, const json::Value& body);
json::Value IssueToken(Core& core, std::string_view name_space, std::string_view name,
                       json::Value request);

}  // namespace

bool IsReview(const Resource& resource) {
  return resource.group == "authentication.k8s.io" || resource.group == "authorization.k8s.io";
}

Answer<json::Value> AnswerReview(const Resource& resource, std::string_view body) {
  Result<json::Value> sent = IsProtobufBody(body) ? DecodeProtobufBody(body) : ReadJson(body);
  if (!sent || !sent->is_object()) return BadRequest("the object provided is unrecognized");
  json::Object review = std::move(sent->get_object());
  review["kind"] = resource.kind;
  review["apiVersion"] = resource.ApiVersion();
  Child(review, "metadata");
  json::Object status;
  if (resource.kind == "SelfSubjectReview") {
    status["userInfo"] = UserInfo();
  } else if (resource.kind == "TokenReview") {
    status["authenticated"] = true;
    status["user"] = UserInfo();
  } else if (resource.kind == "SelfSubjectRulesReview") {
    json::Object all;
    all["verbs"] = json::Array{"*"};
    all["apiGroups"] = json::Array{"*"};
    all["resources"] = json::Array{"*"};
    json::Object paths;
    paths["verbs"] = json::Array{"*"};
    paths["nonResourceURLs"] = json::Array{"*"};
    status["resourceRules"] = json::Array{std::move(all)};
    status["nonResourceRules"] = json::Array{std::move(paths)};
    status["incomplete"] = false;
  } else {
    const bool resource_attributes = FindAt(review, {"spec", "resourceAttributes"}) != nullptr;
    const bool path_attributes = FindAt(review, {"spec", "nonResourceAttributes"}) != nullptr;
    if (resource_attributes == path_attributes) {
      return std::unexpected(InvalidStatus(
          "", "authorization.k8s.io", "",
          {Invalid("spec.resourceAttributes", json::Value(),
                   "exactly one of nonResourceAttributes or resourceAttributes must be specified")}));
    }
    status["allowed"] = true;
  }
  review["status"] = std::move(status);
  return json::Value(std::move(review));
}

Answer<json::Value> AnswerCreateOnly(Core& core, const Resource& resource,
                                     std::string_view name_space, std::string_view name,
                                     std::string_view subresource, std::string_view body) {
  if (core.CollectionOf(resource).Find(name_space, name) == nullptr) {
    return std::unexpected(NotFoundStatus(SubjectOf(resource, name)));
  }
  json::Value request = json::Object();
  if (!body.empty()) {
    auto decoded = DecodeJson(body);
    if (!decoded || !decoded->value.is_object()) {
      return BadRequest("the object provided is unrecognized");
    }
    request = std::move(decoded->value);
  }
  if (subresource == "binding") return Bind(core, resource, name_space, name, request);
  if (subresource == "eviction") {
    DeleteOptions options;
    auto deleted = Delete(core, resource, name_space, name, options);
    if (!deleted) return std::unexpected(deleted.error());
    return Success();
  }
  if (subresource == "token") return IssueToken(core, name_space, name, std::move(request));
  return std::unexpected(MethodNotAllowedStatus());
}

namespace {

Result<json::Value> ReadJson(std::string_view body) {
  auto decoded = DecodeJson(body);
  if (!decoded) return std::unexpected(decoded.error());
  return std::move(decoded->value);
}

json::Object UserInfo() {
  json::Object user;
  user["username"] = kUser;
  user["groups"] = json::Array{"system:masters", "system:authenticated"};
  return user;
}

json::Value Success() {
  json::Object status;
  status["kind"] = "Status";
  status["apiVersion"] = "v1";
  status["metadata"] = json::Object();
  status["status"] = "Success";
  status["code"] = 201;
  return status;
}

Answer<json::Value> Bind(Core& core, const Resource& resource, std::string_view name_space,
                         std::string_view name, const json::Value& body) {
  StoredPtr live = core.CollectionOf(resource).Find(name_space, name);
  json::Value pod = ObjectValue(resource, *live);
  if (!StringAt(pod, {"spec", "nodeName"}).empty()) {
    return std::unexpected(ConflictStatus({"", "pods/binding", name},
                                          fmt::format("pod {} is already assigned to node \"{}\"",
                                                      name, StringAt(pod, {"spec", "nodeName"}))));
  }
  Child(pod.as_object(), "spec")["nodeName"] = StringAt(body, {"target", "name"});
  json::Object condition;
  condition["type"] = "PodScheduled";
  condition["status"] = "True";
  condition["lastProbeTime"] = nullptr;
  condition["lastTransitionTime"] = FormatTime(core.clock.Now());
  json::Value& conditions = Child(pod.as_object(), "status")["conditions"];
  if (!conditions.is_array()) conditions.emplace_array();
  conditions.get_array().push_back(std::move(condition));
  core.store.Put(core.CollectionOf(resource), ToStored(pod));
  return Success();
}

// A token that names its owner; this server takes any.
json::Value IssueToken(Core& core, std::string_view name_space, std::string_view name,
                       json::Value request) {
  json::Object& object = request.as_object();
  object["kind"] = "TokenRequest";
  object["apiVersion"] = "authentication.k8s.io/v1";
  std::int64_t seconds = IntAt(request, {"spec", "expirationSeconds"}, 3600);
  json::Object status;
  status["token"] = fmt::format(
      "{}.{}", EncodeBase64(fmt::format("system:serviceaccount:{}:{}", name_space, name)),
      core.ids.Suffix(32));
  status["expirationTimestamp"] = FormatTime(core.clock.Now() + std::chrono::seconds(seconds));
  object["status"] = std::move(status);
  return request;
}

}  // namespace
}  // namespace kro::apiserver
