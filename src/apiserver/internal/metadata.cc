#include "apiserver/internal/metadata.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "apiserver/internal/core.h"
#include "apiserver/internal/timestamp.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxAnnotationBytes = std::size_t{256} << 10;
constexpr std::size_t kGeneratedBase = 58;  // so that a name with its suffix stays a label

void ValidateName(const Resource& resource, const KindRules& rules, const json::Value& metadata,
                  FieldErrors& errors);
void ValidateLabels(const json::Value& metadata, FieldErrors& errors);
void ValidateAnnotations(const json::Value& metadata, FieldErrors& errors);
void ValidateOwners(const json::Value& object, FieldErrors& errors);
void ValidateFinalizers(const Resource& resource, const json::Value* old, const json::Value& object,
                        FieldErrors& errors);
void ValidateImmutable(const json::Value& old, const json::Value& object, FieldErrors& errors);
std::vector<std::string> Strings(const json::Value& object,
                                 std::initializer_list<std::string_view> path);
std::string Lower(std::string_view text);

}  // namespace

json::Object& MetadataOf(json::Value& object) {
  json::Value& metadata = object.as_object()["metadata"];
  if (!metadata.is_object()) metadata.emplace_object();
  return metadata.get_object();
}

Answer<void> SettleNamespace(const Resource& resource, std::string_view name_space,
                             json::Value& object) {
  json::Object& metadata = MetadataOf(object);
  if (!resource.namespaced()) {
    metadata.erase("namespace");
    return {};
  }
  std::string_view given = json::FindString(object, {"metadata", "namespace"});
  if (given.empty()) {
    metadata["namespace"] = name_space;
  } else if (given != name_space) {
    return BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  return {};
}

void FillForCreate(Core& core, const Resource& resource, json::Value& object) {
  json::Object& metadata = MetadataOf(object);
  for (std::string_view key :
       {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"}) {
    metadata.erase(key);
  }
  metadata["uid"] = core.ids.Uid();
  metadata["creationTimestamp"] = FormatTime(core.clock.Now());
  std::string_view base = json::FindString(object, {"metadata", "generateName"});
  if (json::FindString(object, {"metadata", "name"}).empty() && !base.empty()) {
    metadata["name"] = std::string(base.substr(0, kGeneratedBase)) + core.ids.Suffix(5);
  }
  if (!resource.namespaced()) metadata.erase("namespace");
}

void RestoreForUpdate(const json::Value& live, json::Value& object) {
  json::Object& metadata = MetadataOf(object);
  metadata.erase("selfLink");
  const json::Value* live_metadata = json::Find(live, "metadata");
  const auto restore = [&](std::string_view key) {
    const json::Value* value = json::Find(*live_metadata, key);
    if (value == nullptr) {
      metadata.erase(key);
    } else {
      metadata[key] = *value;
    }
  };
  restore("creationTimestamp");
  restore("generation");
  for (std::string_view key : {"uid", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    const json::Value* given = metadata.if_contains(key);
    if (given == nullptr || given->is_null() ||
        (given->is_string() && given->get_string().empty())) {
      restore(key);
    }
  }
}

std::string DropDuplicateOwners(json::Value& object) {
  json::Value* references = json::Find(*json::Find(object, "metadata"), "ownerReferences");
  if (references == nullptr || !references->is_array()) return {};
  json::Array kept;
  std::vector<std::string> duplicates;
  for (const json::Value& reference : references->get_array()) {
    if (std::ranges::find(kept, reference) == kept.end()) {
      kept.push_back(reference);
    } else {
      duplicates.emplace_back(json::FindString(reference, {"uid"}));
    }
  }
  if (duplicates.empty()) return {};
  *references = std::move(kept);
  return fmt::format(
      ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in "
      "1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate "
      "UID(s) observed: {}",
      fmt::join(duplicates, ", "));
}

void ValidateMetadata(const Resource& resource, const KindRules& rules, const json::Value* old,
                      const json::Value& object, FieldErrors& errors) {
  const json::Value& metadata = *json::Find(object, "metadata");
  ValidateName(resource, rules, metadata, errors);
  ValidateLabels(metadata, errors);
  ValidateAnnotations(metadata, errors);
  ValidateOwners(object, errors);
  ValidateFinalizers(resource, old, object, errors);
  if (old != nullptr) ValidateImmutable(*old, object, errors);
}

namespace {

void ValidateName(const Resource&, const KindRules& rules, const json::Value& metadata,
                  FieldErrors& errors) {
  std::string_view name = json::FindString(metadata, {"name"});
  std::string_view base = json::FindString(metadata, {"generateName"});
  if (name.empty()) {
    errors.push_back(Required("metadata.name", "name or generateName is required"));
    return;
  }
  if (!base.empty()) {
    // A base may end in '-', which no name does.
    std::string whole = std::string(base) + (base.ends_with('-') ? "x" : "");
    for (const std::string& complaint : rules.check_name(whole)) {
      errors.push_back(Invalid("metadata.generateName", json::Value(base), complaint));
    }
  }
  for (const std::string& complaint : rules.check_name(name)) {
    errors.push_back(Invalid("metadata.name", json::Value(name), complaint));
  }
}

void ValidateLabels(const json::Value& metadata, FieldErrors& errors) {
  const json::Value* labels = json::Find(metadata, "labels");
  if (labels == nullptr || !labels->is_object()) return;
  for (const auto& [key, value] : labels->get_object()) {
    for (const std::string& complaint : CheckQualifiedName(key)) {
      errors.push_back(Invalid("metadata.labels", json::Value(key), complaint));
    }
    std::string_view text = value.is_string() ? std::string_view(value.get_string()) : "";
    for (const std::string& complaint : CheckLabelValue(text)) {
      errors.push_back(Invalid("metadata.labels", json::Value(text), complaint));
    }
  }
}

void ValidateAnnotations(const json::Value& metadata, FieldErrors& errors) {
  const json::Value* annotations = json::Find(metadata, "annotations");
  if (annotations == nullptr || !annotations->is_object()) return;
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations->get_object()) {
    for (const std::string& complaint : CheckQualifiedName(Lower(key))) {
      errors.push_back(Invalid("metadata.annotations", json::Value(key), complaint));
    }
    bytes += key.size() + (value.is_string() ? value.get_string().size() : 0);
  }
  if (bytes > kMaxAnnotationBytes) {
    errors.push_back(TooLong("metadata.annotations", static_cast<int>(kMaxAnnotationBytes)));
  }
}

void ValidateOwners(const json::Value& object, FieldErrors& errors) {
  const json::Value* references = json::Find(object, {"metadata", "ownerReferences"});
  if (references == nullptr || !references->is_array()) return;
  std::string controller;
  for (std::size_t i = 0; i < references->get_array().size(); ++i) {
    const json::Value& reference = references->get_array()[i];
    const std::string at = "metadata.ownerReferences";
    std::string_view api_version = json::FindString(reference, {"apiVersion"});
    if (api_version.empty()) {
      errors.push_back(Invalid(at + ".apiVersion", json::Value(""), "version must not be empty"));
    }
    for (std::string_view key : {"kind", "name", "uid"}) {
      if (json::FindString(reference, {key}).empty()) {
        errors.push_back(
            Invalid(fmt::format("{}.{}", at, key), json::Value(""), "must not be empty"));
      }
    }
    if (api_version == "v1" && json::FindString(reference, {"kind"}) == "Event") {
      errors.push_back(Invalid(at, json::Value("/v1, Kind=Event"),
                               "/v1, Kind=Event is disallowed from being an owner"));
    }
    const json::Value* controls = json::Find(reference, "controller");
    if (controls == nullptr || !controls->is_bool() || !controls->get_bool()) continue;
    std::string name = fmt::format("{}/{}", json::FindString(reference, {"kind"}),
                                   json::FindString(reference, {"name"}));
    if (!controller.empty()) {
      errors.push_back(Invalid(
          "metadata.ownerReferences", *references,
          fmt::format("Only one reference can have Controller set to true. Found \"true\" in "
                      "references for {} and {}",
                      controller, name)));
    } else {
      controller = name;
    }
  }
}

void ValidateFinalizers(const Resource& resource, const json::Value* old, const json::Value& object,
                        FieldErrors& errors) {
  const std::vector<std::string> finalizers = Strings(object, {"metadata", "finalizers"});
  bool orphan = false;
  bool foreground = false;
  for (std::size_t i = 0; i < finalizers.size(); ++i) {
    const std::string& finalizer = finalizers[i];
    orphan = orphan || finalizer == "orphan";
    foreground = foreground || finalizer == "foregroundDeletion";
    for (const std::string& complaint : CheckQualifiedName(finalizer)) {
      errors.push_back(Invalid("metadata.finalizers", json::Value(finalizer), complaint));
    }
    const bool strict = !resource.custom && resource.group != "apiextensions.k8s.io";
    if (strict && finalizer.find('/') == std::string::npos && finalizer != "orphan" &&
        finalizer != "foregroundDeletion" && finalizer != "kubernetes") {
      errors.push_back(
          Invalid(fmt::format("metadata.finalizers[{}]", i), json::Value(finalizer),
                  "name is neither a standard finalizer name nor is it fully qualified"));
    }
  }
  if (orphan && foreground) {
    errors.push_back(Invalid("metadata.finalizers", *json::Find(object, {"metadata", "finalizers"}),
                             "finalizer orphan and foregroundDeletion cannot be both set"));
  }
  if (old == nullptr || json::FindString(*old, {"metadata", "deletionTimestamp"}).empty()) return;
  const std::vector<std::string> had = Strings(*old, {"metadata", "finalizers"});
  std::set<std::string> added;
  for (const std::string& finalizer : finalizers) {
    if (std::ranges::find(had, finalizer) == had.end()) added.insert(finalizer);
  }
  if (!added.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& name : added) quoted.push_back(fmt::format("\"{}\"", name));
    FieldError error = Forbidden(
        "metadata.finalizers",
        fmt::format("no new finalizers can be added if the object is being deleted, found new "
                    "finalizers []string{{{}}}",
                    fmt::join(quoted, ", ")));
    // The real server runs the rules for updates twice.
    errors.push_back(error);
    errors.push_back(std::move(error));
  }
}

void ValidateImmutable(const json::Value& old, const json::Value& object, FieldErrors& errors) {
  for (std::string_view key : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                               "deletionGracePeriodSeconds"}) {
    const json::Value* before = json::Find(old, {"metadata", key});
    const json::Value* after = json::Find(object, {"metadata", key});
    if (before == nullptr && after == nullptr) continue;
    if (before != nullptr && after != nullptr && *before == *after) continue;
    FieldError error = Invalid(fmt::format("metadata.{}", key),
                               after == nullptr ? json::Value() : *after, "field is immutable");
    errors.push_back(error);
    // The real server runs the rules for updates twice.
    errors.push_back(std::move(error));
  }
}

std::vector<std::string> Strings(const json::Value& object,
                                 std::initializer_list<std::string_view> path) {
  std::vector<std::string> strings;
  const json::Value* found = json::Find(object, path);
  if (found == nullptr || !found->is_array()) return strings;
  for (const json::Value& item : found->get_array()) {
    if (item.is_string()) strings.emplace_back(item.get_string());
  }
  return strings;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

}  // namespace
}  // namespace kro::apiserver
