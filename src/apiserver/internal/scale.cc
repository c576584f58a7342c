#include "apiserver/internal/scale.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "apiserver/apply.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/patched_object.h"
#include "apiserver/internal/scale_ownership.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/typed_decode.h"
#include "apiserver/internal/undecodable.h"
#include "apiserver/kinds/values.h"
#include "json/path.h"
#include "kube/label_selector.h"

namespace kro::apiserver {
namespace {

const api::Gvk kScale{"autoscaling", "v1", "Scale"};
// Of replicas: nobody has set them.
constexpr std::int64_t kUnset = std::numeric_limits<std::int32_t>::min();

// Where an object of this kind keeps what a Scale shows; dotted, ".spec.replicas".
ScalePaths PathsOf(const Resource& resource);
const json::Value* At(const json::Value& object, std::string_view dotted);
json::FieldPath FieldPathOf(std::string_view dotted);
Answer<json::Value> ToScale(const Resource& resource, const json::Value& object);
// What a write starts from: the replicas may not be set.
json::Value OldScale(const Resource& resource, const json::Value& object);
// What the request makes of `before`, with its owners.
Answer<json::Value> NewScale(Core& core, const WriteRequest& request, ScaleWrite how,
                             const WriteOptions& options, const json::Value& before,
                             std::vector<std::string>& warnings);
Answer<json::Value> AppliedScale(const WriteRequest& request, const WriteOptions& options,
                                 const Ownership& ownership, const json::Value& before,
                                 std::string_view now);
Answer<void> CheckScale(const WriteRequest& request, const StoredObject& live,
                        const json::Value& scale);

}  // namespace

Answer<json::Value> ReadScale(Core& core, const Resource& resource, std::string_view name_space,
                              std::string_view name) {
  StoredPtr live = core.CollectionOf(resource).Find(name_space, name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, name)));
  return ToScale(resource, ObjectValue(resource, *live));
}

Answer<json::Value> WriteScale(Core& core, const WriteRequest& request, ScaleWrite how,
                               std::vector<std::string>& warnings) {
  const Resource& resource = *request.resource;
  auto options =
      ReadWriteOptions(request, how == ScaleWrite::kUpdate ? "UpdateOptions" : "PatchOptions");
  if (!options) return std::unexpected(options.error());
  StoredPtr live = core.CollectionOf(resource).Find(request.name_space, request.name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, request.name)));
  json::Value object = ObjectValue(resource, *live);
  json::Value before = OldScale(resource, object);
  if (auto shown = ShowReplicaOwners(core.registry, resource, object, before); !shown) {
    return std::unexpected(shown.error());
  }
  auto scale = NewScale(core, request, how, *options, before, warnings);
  if (!scale) return scale;
  if (auto valid = CheckScale(request, *live, *scale); !valid) {
    return std::unexpected(valid.error());
  }

  const json::Value replicas(IntAt(*scale, {"spec", "replicas"}));
  if (auto set = json::Set(object, FieldPathOf(PathsOf(resource).replicas), replicas); !set) {
    return std::unexpected(InternalErrorStatus(set.error().message()));
  }
  MetadataOf(object)["resourceVersion"] = StringAt(*scale, {"metadata", "resourceVersion"});
  if (auto taken = TakeReplicaOwners(core.registry, resource, *scale, object); !taken) {
    return std::unexpected(taken.error());
  }
  const std::string body = json::Serialize(object);
  WriteRequest write = request;
  write.subresource = "scale";
  write.content_type = "application/json";
  write.body = body;
  std::vector<std::string> unheard;
  auto written = ObjectWriter(core, unheard).UpdateTracked(write);
  if (!written) return std::unexpected(written.error());
  auto after = ToScale(resource, ObjectValue(resource, *written->object));
  if (after) MetadataOf(*after)["resourceVersion"] = std::to_string(written->revision);
  return after;
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
  json::Value scale = OldScale(resource, object);
  if (IntAt(scale, {"spec", "replicas"}) == kUnset) {
    return std::unexpected(InternalErrorStatus(
        fmt::format("the spec replicas field \"{}\" does not exist", PathsOf(resource).replicas)));
  }
  return scale;
}

json::Value OldScale(const Resource& resource, const json::Value& object) {
  const ScalePaths paths = PathsOf(resource);
  const json::Value* set = At(object, paths.replicas);
  const std::int64_t replicas = set != nullptr && set->is_int64() ? set->get_int64() : kUnset;
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
  if (replicas != 0) spec["replicas"] = replicas;
  json::Object scale;
  scale["kind"] = "Scale";
  scale["apiVersion"] = "autoscaling/v1";
  scale["metadata"] = std::move(metadata);
  scale["spec"] = std::move(spec);
  scale["status"] = std::move(status);
  return scale;
}

Answer<json::Value> NewScale(Core& core, const WriteRequest& request, ScaleWrite how,
                             const WriteOptions& options, const json::Value& before,
                             std::vector<std::string>& warnings) {
  auto structure = core.registry.BuiltinStructure(kScale);
  if (!structure) return std::unexpected(InternalErrorStatus(structure.error().message()));
  const Ownership ownership{.api_version = "autoscaling/v1",
                            .kind = kScale.kind,
                            .schema = *structure,
                            .subresource = "scale"};
  const std::string now = FormatTime(core.clock.Now());
  const bool applies = MediaType(request.content_type) == "application/apply-patch+yaml" &&
                       how == ScaleWrite::kPatch;
  auto spoken = std::make_shared<Resource>();
  spoken->group = kScale.group;
  spoken->version = kScale.version;
  spoken->kind = kScale.kind;
  WriteRequest sent = request;
  sent.resource = spoken;

  const auto refuse = [&](kube::Status status) {
    // Of custom resources the real server does not find the words.
    const bool wordless =
        request.resource->custom && status.code == 400 && how == ScaleWrite::kUpdate;
    return wordless ? BadRequest(
                          "no kind is registered for the type v1.Scale in scheme "
                          "\"pkg/runtime/scheme.go:111\"")
                    : std::unexpected(std::move(status));
  };
  Decoded scale;
  std::optional<Patched> patched;
  const auto undecodable = [&](std::string_view fault) {
    return patched ? UndecodableStatus(*patched, fault) : UndecodableStatus(kScale, sent, fault);
  };
  if (how == ScaleWrite::kUpdate) {
    auto body = ReadWriteBody(sent, {});
    if (!body) return refuse(body.error());
    scale = *std::move(body);
  } else if (applies) {
    auto applied = AppliedScale(request, options, ownership, before, now);
    if (!applied) return applied;
    scale.value = *std::move(applied);
  } else {
    auto made = PatchOf(request, before, *structure);
    if (!made) return std::unexpected(made.error());
    patched = *std::move(made);
    scale.value = patched->object;
    scale.duplicates.patch = patched->complaints;
  }
  if (how == ScaleWrite::kPatch) {
    if (auto kind = CheckKind(*spoken, scale.value); !kind) return std::unexpected(kind.error());
  }
  auto fields = DecodeTyped(*structure, kScale.kind, scale.value, WrittenIn(sent));
  if (!fields) return refuse(undecodable(fields.error().message()));
  if (auto fault = ReportFields(options, fields->unknown, scale.duplicates, warnings)) {
    if (applies) return BadRequest(CannotBeHandled(kScale, *fault));
    return refuse(undecodable(*fault));
  }
  if (auto name = CheckName(request, scale.value); !name) return std::unexpected(name.error());
  if (!applies) {
    // A Scale leaves out zero replicas, so nobody owns them.
    json::Object& spec = Child(scale.value.get_object(), "spec");
    if (IntAt(scale.value, {"spec", "replicas"}) == 0) spec.erase("replicas");
    TrackUpdate(ownership, &before, scale.value, {.manager = options.manager, .now = now});
  }
  return std::move(scale.value);
}

Answer<json::Value> AppliedScale(const WriteRequest& request, const WriteOptions& options,
                                 const Ownership& ownership, const json::Value& before,
                                 std::string_view now) {
  auto config = DecodeApply(request.body);
  if (!config) return BadRequest(config.error().message());
  auto applied = Apply(ownership, &before, config->value,
                       {.manager = options.manager, .force = options.force, .now = now});
  if (!applied) return std::unexpected(applied.error());
  if (request.resource->custom && applied->changed) {
    // The real server takes the Scale for an instance here, whose converter does not know it.
    return std::unexpected(PlainErrorStatus(fmt::format(
        "failed to convert new object ({}/{}; {}) to proper version: request to convert "
        "CR to an invalid group/version: {}",
        StringAt(config->value, {"metadata", "namespace"}),
        StringAt(config->value, {"metadata", "name"}), kScale, ownership.api_version)));
  }
  // What the config says of them is a precondition, not content.
  for (std::string_view key : {"resourceVersion", "uid"}) {
    std::string_view wanted = StringAt(config->value, {"metadata", key});
    if (!wanted.empty()) MetadataOf(applied->object)[key] = wanted;
  }
  return std::move(applied->object);
}

Answer<void> CheckScale(const WriteRequest& request, const StoredObject& live,
                        const json::Value& scale) {
  const Resource& resource = *request.resource;
  const std::int64_t replicas = IntAt(scale, {"spec", "replicas"});
  const std::string path = PathsOf(resource).replicas;
  if (replicas == kUnset && resource.custom) {
    return BadRequest(fmt::format("the spec replicas field \"{}\" cannot be empty", path));
  }
  if (replicas < 0) {
    FieldError error =
        resource.custom
            ? Invalid(path, json::Value(replicas), "should be a non-negative integer")
            : Invalid("spec.replicas", json::Value(replicas), "must be greater than or equal to 0");
    return std::unexpected(InvalidStatus(resource.custom ? resource.kind : kScale.kind,
                                         resource.custom ? resource.group : kScale.group,
                                         request.name, {std::move(error)}));
  }
  std::string_view uid = StringAt(scale, {"metadata", "uid"});
  if (uid.empty() || uid == live.uid) return {};
  return std::unexpected(ConflictStatus(
      {resource.group, resource.name + "/scale", request.name},
      fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", uid,
                  live.uid)));
}

}  // namespace
}  // namespace kro::apiserver
