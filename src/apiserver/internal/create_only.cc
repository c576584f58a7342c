#include "apiserver/internal/create_only.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "apiserver/controllers/pods.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/authentication.h"
#include "apiserver/internal/eviction.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/undecodable.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

Answer<json::Value> ReadObject(Core& core, const WriteRequest& request, const WriteOptions& options,
                               const Subresource& part, std::vector<std::string>& warnings);
// Of a subresource that names no version it is the resource's.
api::Gvk KindOf(const Resource& resource, const Subresource& part);
// An Eviction may also be of the version before.
std::string VersionOf(const api::Gvk& gvk, std::string_view body);
json::Value Success();
Answer<void> Bind(Core& core, const WriteRequest& request, const WriteOptions& options,
                  const json::Value& binding);
Answer<void> CheckBinding(const json::Value& binding);
Answer<void> CheckMeant(const WriteRequest& request, const StoredObject& live,
                        const json::Value& binding);
// Why the pod cannot get a node; empty: it can.
std::string WhyNotBound(const json::Value& pod);
// A token for a service account.
Answer<json::Value> IssueToken(Core& core, const WriteRequest& request, json::Value object);

}  // namespace

Answer<json::Value> AnswerCreateOnly(Core& core, const WriteRequest& request,
                                     const Subresource& part, std::vector<std::string>& warnings) {
  auto options = ReadWriteOptions(request, "CreateOptions");
  if (!options) return std::unexpected(options.error());
  auto object = ReadObject(core, request, *options, part, warnings);
  if (!object) return object;
  if (part.name == "token") return IssueToken(core, request, *std::move(object));
  auto done = part.name == "binding" ? Bind(core, request, *options, *object)
                                     : Evict(core, request, *options, *object);
  if (!done) return std::unexpected(done.error());
  return Success();
}

namespace {

Answer<json::Value> ReadObject(Core& core, const WriteRequest& request, const WriteOptions& options,
                               const Subresource& part, std::vector<std::string>& warnings) {
  const api::Gvk gvk = KindOf(*request.resource, part);
  auto spoken = std::make_shared<Resource>();
  spoken->group = gvk.group;
  spoken->version = VersionOf(gvk, request.body);
  spoken->kind = gvk.kind;
  WriteRequest sent = request;
  sent.resource = std::move(spoken);
  auto body = ReadWriteBody(sent, {});
  if (!body) return std::unexpected(body.error());

  auto structure = core.registry.BuiltinStructure(gvk);
  if (!structure) return std::unexpected(InternalErrorStatus(structure.error().message()));
  auto fields = DecodeTyped(*structure, gvk.kind, body->value, WrittenIn(sent));
  if (!fields) {
    return std::unexpected(UndecodableStatus(gvk, sent, fields.error().message()));
  }
  if (auto fault = ReportFields(options, fields->unknown, body->duplicates, warnings)) {
    return std::unexpected(UndecodableStatus(gvk, sent, *fault));
  }
  if (auto settled = SettleNamespace(*request.resource, request.name_space, body->value);
      !settled) {
    return std::unexpected(settled.error());
  }
  return std::move(body->value);
}

api::Gvk KindOf(const Resource& resource, const Subresource& part) {
  if (part.kind_version.empty()) return {resource.group, resource.version, part.kind};
  return {part.kind_group, part.kind_version, part.kind};
}

std::string VersionOf(const api::Gvk& gvk, std::string_view body) {
  if (gvk.kind == "Eviction") {
    auto sent = DecodeJsonOrProtobuf(body);
    if (sent && json::FindString(*sent, {"apiVersion"}) == "policy/v1beta1") return "v1beta1";
  }
  return gvk.version;
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

Answer<void> Bind(Core& core, const WriteRequest& request, const WriteOptions& options,
                  const json::Value& binding) {
  const Resource& resource = *request.resource;
  if (StringAt(binding, {"metadata", "name"}) != request.name) {
    return BadRequest("name in URL does not match name in Binding object");
  }
  if (auto valid = CheckBinding(binding); !valid) return valid;
  Collection& pods = core.CollectionOf(resource);
  StoredPtr live = pods.Find(request.name_space, request.name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  if (auto meant = CheckMeant(request, *live, binding); !meant) return meant;
  json::Value pod = ObjectValue(resource, *live);
  if (const std::string why = WhyNotBound(pod); !why.empty()) {
    return std::unexpected(ConflictStatus({"", "pods/binding", request.name}, why));
  }

  Child(pod.as_object(), "spec")["nodeName"] = StringAt(binding, {"target", "name"});
  Child(pod.as_object(), "status").erase("nominatedNodeName");
  for (std::string_view key : {"annotations", "labels"}) {
    for (const auto& [name, value] : ObjectAt(binding, {"metadata", key})) {
      Child(MetadataOf(pod), key)[name] = value;
    }
  }
  SetPodCondition(pod, {"PodScheduled", "True", "", ""}, FormatTime(core.clock.Now()));
  if (!options.dry_run) core.store.Put(pods, ToStored(pod));
  return {};
}

Answer<void> CheckBinding(const json::Value& binding) {
  static constexpr std::string_view kKinds[] = {"Node", "<empty>"};
  std::string_view kind = StringAt(binding, {"target", "kind"});
  std::vector<std::string> faults;
  if (!kind.empty() && kind != "Node") {
    faults.push_back(NotSupported("target.kind", json::Value(kind), kKinds).Text());
  }
  if (StringAt(binding, {"target", "name"}).empty()) {
    faults.push_back(Required("target.name").Text());
  }
  if (faults.empty()) return {};
  return std::unexpected(PlainErrorStatus(
      faults.size() == 1 ? faults.front() : fmt::format("[{}]", fmt::join(faults, ", "))));
}

Answer<void> CheckMeant(const WriteRequest& request, const StoredObject& live,
                        const json::Value& binding) {
  const auto differs = [&](std::string_view what, std::string_view wanted,
                           std::string_view have) -> Answer<void> {
    if (wanted.empty() || wanted == have) return {};
    return std::unexpected(ConflictStatus(
        SubjectOf(*request.resource, request.name),
        fmt::format("StorageError: invalid object, Code: 4, Key: /registry/pods/{}, "
                    "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: {} in "
                    "precondition: {}, {} in object meta: {}",
                    Collection::Key(request.name_space, request.name), what, wanted, what, have)));
  };
  if (auto same = differs("UID", StringAt(binding, {"metadata", "uid"}), live.uid); !same) {
    return same;
  }
  return differs("ResourceVersion", StringAt(binding, {"metadata", "resourceVersion"}),
                 std::to_string(live.revision));
}

std::string WhyNotBound(const json::Value& pod) {
  std::string_view name = StringAt(pod, {"metadata", "name"});
  if (!StringAt(pod, {"metadata", "deletionTimestamp"}).empty()) {
    return fmt::format("pod {} is being deleted, cannot be assigned to a host", name);
  }
  if (std::string_view node = StringAt(pod, {"spec", "nodeName"}); !node.empty()) {
    return fmt::format("pod {} is already assigned to node \"{}\"", name, node);
  }
  if (!ArrayAt(pod, {"spec", "schedulingGates"}).empty()) {
    return fmt::format("pod {} has non-empty .spec.schedulingGates", name);
  }
  return {};
}

Answer<json::Value> IssueToken(Core& core, const WriteRequest& request, json::Value object) {
  constexpr std::int64_t kLeast = 600;
  constexpr std::int64_t kUsual = 3600;
  const auto invalid = [](std::string_view name, FieldError error) {
    return std::unexpected(
        InvalidStatus("TokenRequest", "authentication.k8s.io", name, {std::move(error)}));
  };
  if (std::string_view name = StringAt(object, {"metadata", "name"});
      !name.empty() && name != request.name) {
    return invalid(request.name, Invalid("metadata.name", json::Value(name),
                                         "must match the service account name if specified"));
  }
  StoredPtr account = core.CollectionOf(*request.resource).Find(request.name_space, request.name);
  if (account == nullptr) {
    return std::unexpected(NotFoundStatus(SubjectOf(*request.resource, request.name)));
  }
  json::Object& members = object.as_object();
  json::Object& metadata = MetadataOf(object);
  metadata["name"] = account->name;
  metadata["uid"] = account->uid;
  metadata["creationTimestamp"] = FormatTime(core.clock.Now());
  json::Object& spec = Child(members, "spec");
  SetDefault(spec, "expirationSeconds", kUsual);
  if (ArrayAt(spec, {"audiences"}).empty()) {
    spec["audiences"] = json::Array{"https://kubernetes.default.svc.cluster.local"};
  }
  SetDefault(spec, "boundObjectRef", nullptr);
  const std::int64_t seconds = IntAt(object, {"spec", "expirationSeconds"}, kUsual);
  if (seconds < kLeast) {
    return invalid("", Invalid("spec.expirationSeconds", json::Value(seconds),
                               "may not specify a duration less than 10 minutes"));
  }
  json::Object status;
  status["token"] = IssueServiceAccountToken(core, account->name_space, account->name, account->uid,
                                             std::chrono::seconds(seconds));
  status["expirationTimestamp"] = FormatTime(core.clock.Now() + std::chrono::seconds(seconds));
  members["status"] = std::move(status);
  return object;
}

}  // namespace
}  // namespace kro::apiserver
