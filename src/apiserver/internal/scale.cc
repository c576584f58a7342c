#include "apiserver/internal/scale.h"

#include <fmt/format.h>

#include "apiserver/apply.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/typed_decode.h"
#include "apiserver/internal/undecodable.h"
#include "apiserver/kinds/values.h"
#include "apiserver/patch.h"
#include "json/path.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

// Where an object of this kind keeps what a Scale shows; dotted, ".spec.replicas".
ScalePaths PathsOf(const Resource& resource);
const json::Value* At(const json::Value& object, std::string_view dotted);
json::FieldPath FieldPathOf(std::string_view dotted);
Answer<json::Value> ToScale(const Resource& resource, const json::Value& object);

}  // namespace

Answer<json::Value> ReadScale(Core& core, const Resource& resource, std::string_view name_space,
                              std::string_view name) {
  StoredPtr live = core.CollectionOf(resource).Find(name_space, name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, name)));
  return ToScale(resource, ObjectValue(resource, *live));
}

Answer<json::Value> WriteScale(Core& core, const WriteRequest& request, ScaleWrite how) {
  const Resource& resource = *request.resource;
  StoredPtr live = core.CollectionOf(resource).Find(request.name_space, request.name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  json::Value object = ObjectValue(resource, *live);
  json::Value scale;
  if (how == ScaleWrite::kUpdate) {
    auto decoded = DecodeJsonOrProtobuf(request.body);
    if (!decoded) return BadRequest(decoded.error().message());
    scale = *std::move(decoded);
  } else {
    auto before = ToScale(resource, object);
    if (!before) return std::unexpected(before.error());
    auto patched = request.content_type.starts_with("application/json-patch+json")
                       ? ApplyJsonPatch(*before, request.body)
                       : ApplyMergePatch(*before, request.body);
    if (!patched) return std::unexpected(patched.error());
    scale = std::move(patched->object);
  }
  const api::Gvk gvk{"autoscaling", "v1", "Scale"};
  auto structure = core.registry.BuiltinStructure(gvk);
  if (!structure) return std::unexpected(InternalErrorStatus(structure.error().message()));
  if (auto fits = DecodeTyped(*structure, gvk.kind, scale, WrittenIn(request)); !fits) {
    return std::unexpected(UndecodableStatus(gvk, request, scale, fits.error().message()));
  }
  const std::int64_t replicas = IntAt(scale, {"spec", "replicas"});
  const ScalePaths paths = PathsOf(resource);
  if (replicas < 0) {
    std::string_view kind = resource.custom ? std::string_view(resource.kind) : "Scale";
    return std::unexpected(InvalidStatus(
        kind, resource.custom ? resource.group : "autoscaling", request.name,
        {Invalid(resource.custom ? paths.replicas : "spec.replicas", json::Value(replicas),
                 resource.custom ? "should be a non-negative integer"
                                 : "must be greater than or equal to 0")}));
  }
  const json::Value before = object;
  if (auto set = json::Set(object, FieldPathOf(paths.replicas), json::Value(replicas)); !set) {
    return std::unexpected(InternalErrorStatus(set.error().message()));
  }
  json::Object& metadata = MetadataOf(object);
  metadata["resourceVersion"] = StringAt(scale, {"metadata", "resourceVersion"});
  std::string_view dotted = paths.replicas;
  if (dotted.starts_with('.')) dotted.remove_prefix(1);
  std::string_view manager = request.query->Get("fieldManager");
  TrackScale({.api_version = resource.ApiVersion(),
              .kind = resource.kind,
              .schema = core.registry.StructureOf(resource)},
             before, object, dotted,
             {.manager = manager.empty() ? DefaultManager(request.user_agent) : manager,
              .now = FormatTime(core.clock.Now())});
  const std::string body = json::Serialize(object);
  WriteRequest write = request;
  write.subresource = "scale";
  write.content_type = "application/json";
  write.body = body;
  std::vector<std::string> unheard;
  auto written = ObjectWriter(core, unheard).UpdateTracked(write);
  if (!written) return std::unexpected(written.error());
  json::Value after = ObjectValue(resource, *written->object);
  return ToScale(resource, after);
}

namespace {

ScalePaths PathsOf(const Resource& resource) {
  if (resource.custom) return resource.custom->scale.value_or(ScalePaths{});
  return {".spec.replicas", ".status.replicas", ".spec.selector"};
}

const json::Value* At(const json::Value& object, std::string_view dotted) {
  return json::Get(object, FieldPathOf(dotted));
}

json::FieldPath FieldPathOf(std::string_view dotted) {
  json::FieldPath path;
  while (!dotted.empty()) {
    if (dotted.starts_with('.')) dotted.remove_prefix(1);
    std::string_view name = dotted.substr(0, dotted.find('.'));
    path.Push(name);
    dotted.remove_prefix(name.size());
  }
  return path;
}

Answer<json::Value> ToScale(const Resource& resource, const json::Value& object) {
  const ScalePaths paths = PathsOf(resource);
  const json::Value* replicas = At(object, paths.replicas);
  if (replicas == nullptr || !replicas->is_int64()) {
    return std::unexpected(InternalErrorStatus(
        fmt::format("the spec replicas field \"{}\" does not exist", paths.replicas)));
  }
  json::Object metadata;
  for (std::string_view key :
       {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const json::Value* value = json::Find(object, {"metadata", key})) metadata[key] = *value;
  }
  json::Object status;
  const json::Value* now = At(object, paths.status_replicas);
  status["replicas"] = now != nullptr && now->is_int64() ? now->get_int64() : 0;
  if (!paths.selector.empty()) {
    const json::Value* selector = At(object, paths.selector);
    if (selector != nullptr && selector->is_string()) {
      status["selector"] = *selector;
    } else if (selector != nullptr) {
      if (auto parsed = kube::LabelSelector::FromObject(*selector)) {
        status["selector"] = parsed->ToString();
      }
    }
  }
  json::Object spec;
  if (replicas->get_int64() != 0) spec["replicas"] = *replicas;
  json::Object scale;
  scale["kind"] = "Scale";
  scale["apiVersion"] = "autoscaling/v1";
  scale["metadata"] = std::move(metadata);
  scale["spec"] = std::move(spec);
  scale["status"] = std::move(status);
  return scale;
}

}  // namespace
}  // namespace kro::apiserver
