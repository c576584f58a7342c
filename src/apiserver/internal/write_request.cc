#include "apiserver/internal/write_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apiserver/field_error.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "base/hash.h"
#include "json/go_type.h"

namespace kro::apiserver {
namespace {

bool IsPrintable(std::string_view text);
bool IsUnset(const json::Value& object, std::string_view key);
// What is said of a body that is no object of the kind, with its beginning.
kube::Status Unrecognized(const WriteRequest& request, std::string_view why);

}  // namespace

Answer<WriteOptions> ReadWriteOptions(const WriteRequest& request, std::string_view options_kind) {
  const QueryParameters& query = *request.query;
  const bool apply = MediaType(request.content_type) == "application/apply-patch+yaml" &&
                     options_kind == "PatchOptions";
  WriteOptions options;
  FieldErrors errors;
  json::Array dry_run;
  bool unknown_dry_run = false;
  for (std::string_view value : query.All("dryRun")) {
    dry_run.emplace_back(value);
    unknown_dry_run = unknown_dry_run || value != "All";
  }
  static constexpr std::string_view kDryRun[] = {"All"};
  if (unknown_dry_run) errors.push_back(NotSupported("dryRun", dry_run, kDryRun));
  options.dry_run = !dry_run.empty();

  std::string_view manager = query.Get("fieldManager");
  if (manager.size() > 128) errors.push_back(TooLong("fieldManager", 128));
  if (!IsPrintable(manager)) {
    errors.push_back(
        Invalid("fieldManager", json::Value(manager), "should only contain printable characters"));
  }
  if (apply && manager.empty()) {
    errors.push_back(Required("fieldManager", "is required for apply patch"));
  }
  options.manager = manager.empty() ? DefaultManager(request.user_agent) : manager;

  std::string_view validation = query.Get("fieldValidation");
  static constexpr std::string_view kValidations[] = {"", "Ignore", "Strict", "Warn"};
  if (std::ranges::find(kValidations, validation) == std::end(kValidations)) {
    errors.push_back(NotSupported("fieldValidation", json::Value(validation), kValidations));
  }
  if (validation == "Ignore") options.validation = WriteOptions::Validation::kIgnore;
  if (validation == "Strict") options.validation = WriteOptions::Validation::kStrict;

  if (query.Find("force") && options_kind == "PatchOptions") {
    options.force = query.IsOn("force");
    if (!apply) errors.push_back(Forbidden("force", "may not be specified for non-apply patch"));
  }
  if (!errors.empty()) {
    return std::unexpected(InvalidStatus(options_kind, "meta.k8s.io", "", errors));
  }
  return options;
}

Answer<Decoded> ReadWriteBody(const WriteRequest& request, boost::json::storage_ptr storage) {
  const Resource& resource = *request.resource;
  std::string_view media_type = MediaType(request.content_type);
  Result<Decoded> decoded = Fail(ErrorCode::kInvalid, "");
  if (media_type.empty() || media_type == "application/json") {
    decoded = DecodeJson(request.body, std::move(storage));
  } else if (media_type == "application/yaml") {
    decoded = DecodeYaml(request.body, std::move(storage));
  } else if (media_type == "application/vnd.kubernetes.protobuf" && !resource.custom) {
    auto value = DecodeProtobufBody(request.body);
    if (!value) return std::unexpected(UnsupportedMediaTypeStatus(value.error().message()));
    decoded = Decoded{std::move(*value), {}};
  } else {
    return std::unexpected(UnsupportedMediaTypeStatus(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"));
  }
  if (!decoded) {
    const std::string_view prefix =
        media_type == "application/yaml" ? "" : "couldn't get version/kind; json parse error: ";
    return std::unexpected(
        Unrecognized(request, fmt::format("{}{}", prefix, decoded.error().message())));
  }
  if (decoded->value.is_null() && !resource.custom) decoded->value = json::Object();
  if (std::string fault = TypeMetaFault(decoded->value); !fault.empty()) {
    return std::unexpected(
        Unrecognized(request, "couldn't get version/kind; json parse error: " + fault));
  }
  if (resource.custom && json::FindString(decoded->value, {"kind"}).empty()) {
    return std::unexpected(Unrecognized(
        request, fmt::format("Object 'Kind' is missing in '{}'", json::Serialize(decoded->value))));
  }
  if (auto kind = CheckKind(resource, decoded->value); !kind) {
    return std::unexpected(kind.error());
  }
  return *std::move(decoded);
}

Answer<void> CheckKind(const Resource& resource, json::Value& object) {
  if (!resource.custom) {
    if (IsUnset(object, "apiVersion")) object.get_object()["apiVersion"] = resource.ApiVersion();
    if (IsUnset(object, "kind")) object.get_object()["kind"] = resource.kind;
  }
  std::string_view api_version = json::FindString(object, {"apiVersion"});
  std::string_view kind = json::FindString(object, {"kind"});
  if (resource.custom) {
    if (kind.empty()) {
      return BadRequest(fmt::format("Object 'Kind' is missing in '{}'", json::Serialize(object)));
    }
    if (api_version != resource.ApiVersion()) {
      return BadRequest(fmt::format(
          "the API version in the data ({}) does not match the expected API version ({})",
          api_version, resource.ApiVersion()));
    }
    if (kind != resource.kind) {
      return std::unexpected(
          InvalidStatus(kind, resource.group, json::FindString(object, {"metadata", "name"}),
                        {Invalid("kind", json::Value(kind), "must be " + resource.kind)}));
    }
    return {};
  }
  if (kind != resource.kind || api_version != resource.ApiVersion()) {
    std::string_view version = api_version.substr(
        api_version.find('/') == std::string_view::npos ? 0 : api_version.find('/') + 1);
    const std::string_view group = InternalPackage(resource);
    return BadRequest(fmt::format(
        "{} in version \"{}\" cannot be handled as a {}: converting ({}.{}) to ({}.{}): unknown "
        "conversion",
        kind, version, resource.kind, version, kind, group, resource.kind));
  }
  return {};
}

std::string_view InternalPackage(const Resource& resource) {
  if (resource.group.empty()) return "core";
  return std::string_view(resource.group).substr(0, resource.group.find('.'));
}

Answer<void> CheckName(const WriteRequest& request, const json::Value& object) {
  std::string_view name = json::FindString(object, {"metadata", "name"});
  if (name.empty()) {
    return BadRequest(fmt::format(
        "the name of the object ({} based on URL) was undeterminable: name must be provided",
        request.name));
  }
  if (name != request.name) {
    return BadRequest(fmt::format(
        "the name of the object ({}) does not match the name on the URL ({})", name, request.name));
  }
  return {};
}

std::string TypeMetaFault(const json::Value& body) {
  if (body.is_null()) return "";
  if (!body.is_object()) {
    return fmt::format(
        "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string "
        "\"json:\\\"apiVersion,omitempty\\\"\"; "
        "Kind string \"json:\\\"kind,omitempty\\\"\" }}",
        json::GoWord(body));
  }
  for (const auto& member : body.get_object()) {
    const std::string_view key = member.key();
    const json::Value& value = member.value();
    if ((key == "apiVersion" || key == "kind") && !value.is_string() && !value.is_null()) {
      return fmt::format("json: cannot unmarshal {} into Go struct field .{} of type string",
                         json::GoWord(value), key);
    }
  }
  return "";
}

std::string_view MediaType(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  while (content_type.starts_with(' ')) content_type.remove_prefix(1);
  return content_type;
}

std::string_view DefaultManager(std::string_view user_agent) {
  std::string_view manager = user_agent.substr(0, user_agent.find('/'));
  return manager.empty() ? "unknown" : manager.substr(0, 128);
}

namespace {

bool IsUnset(const json::Value& object, std::string_view key) {
  const json::Value* value = json::Find(object, key);
  return value == nullptr || value->is_null() ||
         (value->is_string() && value->get_string().empty());
}

bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

kube::Status Unrecognized(const WriteRequest& request, std::string_view why) {
  constexpr std::size_t kShown = 30;
  std::string_view begin = request.body.substr(0, kShown);
  std::string summary = begin.empty()            ? std::string("<empty>")
                        : begin.starts_with('{') ? std::string(begin)
                                                 : ToHex(begin);
  if (request.body.size() > kShown) summary += " ...";
  return BadRequestStatus(
      fmt::format("the object provided is unrecognized (must be of type {}): {} ({})",
                  request.resource->kind, why, summary));
}

}  // namespace
}  // namespace kro::apiserver
