#include "apiserver/internal/deletion.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "apiserver/decode.h"
#include "apiserver/field_error.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/metadata.h"
#include "apiserver/internal/object_view.h"
#include "apiserver/internal/protobuf_body.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/timestamp.h"
#include "apiserver/internal/write_request.h"
#include "apiserver/kinds/kind_rules.h"
#include "apiserver/kinds/values.h"
#include "json/go_type.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kCrdCleanup = "customresourcecleanup.apiextensions.k8s.io";

Answer<void> Admit(Core& core, const Resource& resource, const json::Value& object,
                   const DeleteOptions& options, std::vector<std::string>& warnings);
std::vector<std::string> FinalizersAfter(const KindRules& rules, const StoredObject& live,
                                         const DeleteOptions& options);
std::int64_t GraceOf(const Resource& resource, const json::Value& object,
                     const DeleteOptions& options);
// `json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string`, of the first
// value that has the wrong type; empty: none.
std::string OptionsFault(const json::Value& body);
void MarkNamespace(json::Value& object);
void MarkDefinition(Core& core, json::Value& object, std::vector<std::string>& finalizers);

}  // namespace

Answer<DeleteOptions> ReadDeleteOptions(std::string_view content_type, std::string_view body,
                                        const QueryParameters& query) {
  json::Value value = json::Object();
  if (!body.empty()) {
    std::optional<json::Value> sent;
    if (IsProtobufBody(body)) {
      auto read = DecodeProtobufBody(body);
      if (!read) return std::unexpected(UnsupportedMediaTypeStatus(read.error().message()));
      sent = std::move(*read);
    }
    auto decoded = sent ? Result<Decoded>(Decoded{std::move(*sent), {}})
                   : content_type.starts_with("application/yaml") ? DecodeYaml(body)
                                                                  : DecodeJson(body);
    const std::string fault =
        !decoded ? std::string(decoded.error().message()) : TypeMetaFault(decoded->value);
    if (!fault.empty()) {
      return BadRequest("couldn't get version/kind; json parse error: " + fault);
    }
    if (auto wrong = OptionsFault(decoded->value); !wrong.empty()) return BadRequest(wrong);
    value = decoded->value.is_null() ? json::Value(json::Object()) : std::move(decoded->value);
  } else {
    json::Object& object = value.get_object();
    if (auto policy = query.Find("propagationPolicy")) object["propagationPolicy"] = *policy;
    if (query.Find("orphanDependents")) {
      object["orphanDependents"] = query.IsOn("orphanDependents");
    }
    if (auto grace = query.Find("gracePeriodSeconds")) {
      auto number = json::Parse(*grace);
      if (!number || !number->is_int64()) {
        return BadRequest(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", *grace));
      }
      object["gracePeriodSeconds"] = *number;
    }
  }
  json::Array dry_run;
  for (std::string_view word : query.All("dryRun")) dry_run.emplace_back(word);
  const json::Array& also = ArrayAt(value, {"dryRun"});
  dry_run.insert(dry_run.end(), also.begin(), also.end());
  value.get_object()["dryRun"] = std::move(dry_run);
  return ParseDeleteOptions(value);
}

Answer<DeleteOptions> ParseDeleteOptions(const json::Value& value) {
  const json::Array& dry_run = ArrayAt(value, {"dryRun"});
  DeleteOptions options;
  options.uid = json::FindString(value, {"preconditions", "uid"});
  options.resource_version = json::FindString(value, {"preconditions", "resourceVersion"});
  options.propagation = json::FindString(value, {"propagationPolicy"});
  options.dry_run = !dry_run.empty();
  if (const json::Value* orphan = json::Find(value, "orphanDependents");
      orphan != nullptr && orphan->is_bool()) {
    options.orphan = orphan->get_bool();
  }
  if (const json::Value* grace = json::Find(value, "gracePeriodSeconds");
      grace != nullptr && grace->is_int64()) {
    options.grace_seconds = grace->get_int64();
  }
  FieldErrors errors;
  if (options.orphan && !options.propagation.empty()) {
    errors.push_back(Invalid("propagationPolicy", json::Value(options.propagation),
                             "orphanDependents and deletionPropagation cannot be both set"));
  }
  static constexpr std::string_view kPolicies[] = {"Foreground", "Background", "Orphan", "nil"};
  if (!options.propagation.empty() &&
      std::ranges::find(kPolicies, options.propagation) == std::end(kPolicies)) {
    errors.push_back(
        NotSupported("propagationPolicy", json::Value(options.propagation), kPolicies));
  }
  static constexpr std::string_view kDryRun[] = {"All"};
  for (const json::Value& word : dry_run) {
    if (word == "All") continue;
    errors.push_back(NotSupported("dryRun", dry_run, kDryRun));
    break;
  }
  if (!errors.empty()) {
    return std::unexpected(InvalidStatus("DeleteOptions", "meta.k8s.io", "", errors));
  }
  return options;
}

Answer<Deletion> Delete(Core& core, const Resource& resource, std::string_view name_space,
                        std::string_view name, const DeleteOptions& options) {
  const KindRules& rules = RulesOf(resource);
  Collection& collection = core.CollectionOf(resource);
  StoredPtr live = collection.Find(name_space, name);
  if (live == nullptr) return std::unexpected(NotFoundStatus(SubjectOf(resource, name)));
  if (resource.group.empty() && resource.name == "namespaces" &&
      (name == "default" || name == "kube-system" || name == "kube-public")) {
    return std::unexpected(
        ForbiddenStatus(SubjectOf(resource, name), "this namespace may not be deleted"));
  }
  if (auto allowed = CheckPreconditions(resource, *live, options); !allowed) {
    return std::unexpected(allowed.error());
  }

  Scratch::Lease memory(core.scratch);
  json::Value object = ObjectValue(resource, *live, memory.storage());
  std::vector<std::string> warnings;
  if (auto admitted = Admit(core, resource, object, options, warnings); !admitted) {
    return std::unexpected(admitted.error());
  }
  std::vector<std::string> finalizers = FinalizersAfter(rules, *live, options);
  const bool is_namespace = resource.group.empty() && resource.name == "namespaces";
  const bool is_definition = resource.kind == "CustomResourceDefinition" && !resource.custom;
  json::Object& metadata = MetadataOf(object);
  const bool first = !live->terminating();
  if (is_definition && first) MarkDefinition(core, object, finalizers);
  if (is_namespace && first) MarkNamespace(object);
  std::int64_t grace = GraceOf(resource, object, options);
  if (!first) {
    const json::Value* had = metadata.if_contains("deletionGracePeriodSeconds");
    std::int64_t before = had != nullptr && had->is_int64() ? had->get_int64() : 0;
    grace = std::min(grace, before);
  }
  const json::Value* own = json::Find(std::as_const(object), {"spec", "finalizers"});
  const bool held =
      !finalizers.empty() || grace > 0 ||
      (is_namespace && own != nullptr && own->is_array() && !own->get_array().empty());

  if (rules.orphans_by_default && resource.name == "jobs" && options.propagation.empty() &&
      !options.orphan) {
    warnings.emplace_back(
        "child pods are preserved by default when jobs are deleted; set "
        "propagationPolicy=Background "
        "to remove them or set propagationPolicy=Orphan to suppress this warning");
  }
  Deletion deletion;
  deletion.warnings = std::move(warnings);
  if (!held) {
    deletion.object = live;
    deletion.revision = live->revision;
    deletion.answers_object = rules.deletion_answers_object;
    if (!options.dry_run) {
      core.store.Remove(collection, *live);
      if (rules.after_delete != nullptr) rules.after_delete(core, object);
      // The object is shown as its deletion left it.
      if (deletion.answers_object) deletion.revision = core.store.revision();
    }
    return deletion;
  }
  if (finalizers.empty()) {
    metadata.erase("finalizers");
  } else {
    metadata["finalizers"] = json::Array(finalizers.begin(), finalizers.end());
  }
  if (first) {
    metadata["deletionTimestamp"] = FormatTime(core.clock.Now() + std::chrono::seconds(grace));
    // These two are marked by themselves.
    if (!is_definition && !is_namespace) metadata["deletionGracePeriodSeconds"] = grace;
    if (const json::Value* generation = metadata.if_contains("generation");
        generation != nullptr && generation->is_int64() && !is_definition) {
      metadata["generation"] = generation->get_int64() + 1;
    }
  } else if (!is_namespace) {
    metadata["deletionGracePeriodSeconds"] = grace;
  }
  auto stored = StoredFormOf(resource, object);
  stored->definition = resource.custom ? resource.custom->definition : 0;
  deletion.answers_object = true;
  if (options.orphan && !*options.orphan) deletion.code = 202;
  if (stored->text == live->text) {
    deletion.object = live;
  } else if (options.dry_run) {
    stored->revision = live->revision;
    deletion.object = std::move(stored);
  } else {
    deletion.object = core.store.Put(collection, std::move(stored));
  }
  deletion.revision = deletion.object->revision;
  return deletion;
}

Answer<void> CheckPreconditions(const Resource& resource, const StoredObject& live,
                                const DeleteOptions& options) {
  std::string why;
  if (!options.uid.empty() && options.uid != live.uid) {
    why = fmt::format(
        "the UID in the precondition ({}) does not match the UID in record ({}). The object might "
        "have been deleted and then recreated",
        options.uid, live.uid);
  } else if (!options.resource_version.empty() &&
             options.resource_version != std::to_string(live.revision)) {
    why = fmt::format(
        "the ResourceVersion in the precondition ({}) does not match the ResourceVersion in record "
        "({}). The object might have been modified",
        options.resource_version, live.revision);
  }
  if (why.empty()) return {};
  return std::unexpected(ConflictStatus({resource.group, resource.kind, live.name}, why));
}

namespace {

Answer<void> Admit(Core& core, const Resource& resource, const json::Value& object,
                   const DeleteOptions& options, std::vector<std::string>& warnings) {
  if (options.admitted) return {};
  return core.admission.Check(
      {.operation = "DELETE",
       .resource = resource,
       .name_space = StringAt(object, {"metadata", "namespace"}),
       .name = options.of_collection ? std::string_view() : StringAt(object, {"metadata", "name"}),
       .old_object = &object,
       .user = options.user,
       .dry_run = options.dry_run},
      warnings);
}

std::vector<std::string> FinalizersAfter(const KindRules& rules, const StoredObject& live,
                                         const DeleteOptions& options) {
  std::vector<std::string> finalizers = live.finalizers;
  if (!rules.keeps_collector_finalizers) return finalizers;
  const auto has = [&](std::string_view name) {
    return std::ranges::find(finalizers, name) != finalizers.end();
  };
  bool orphan = has(kOrphan);
  bool foreground = has(kForeground);
  if (options.orphan) {
    orphan = *options.orphan;
    foreground = false;
  } else if (!options.propagation.empty()) {
    orphan = options.propagation == "Orphan";
    foreground = options.propagation == "Foreground";
  } else if (!orphan && !foreground) {
    orphan = rules.orphans_by_default;
  }
  std::erase(finalizers, kOrphan);
  std::erase(finalizers, kForeground);
  if (orphan) finalizers.emplace_back(kOrphan);
  if (foreground) finalizers.emplace_back(kForeground);
  return finalizers;
}

std::int64_t GraceOf(const Resource& resource, const json::Value& object,
                     const DeleteOptions& options) {
  if (!resource.group.empty() || resource.name != "pods") return 0;
  std::string_view phase = json::FindString(object, {"status", "phase"});
  if (json::FindString(object, {"spec", "nodeName"}).empty() || phase == "Succeeded" ||
      phase == "Failed") {
    return 0;
  }
  if (options.grace_seconds) return std::max<std::int64_t>(0, *options.grace_seconds);
  const json::Value* seconds = json::Find(object, {"spec", "terminationGracePeriodSeconds"});
  return seconds != nullptr && seconds->is_int64() ? seconds->get_int64() : 30;
}

std::string OptionsFault(const json::Value& body) {
  enum class Shape { kInteger, kBool, kText, kTexts, kObject };
  struct Field {
    std::string_view name;
    Shape shape;
    std::string_view type;
  };
  static constexpr Field kOptions[] = {
      {"gracePeriodSeconds", Shape::kInteger, "int64"},
      {"preconditions", Shape::kObject, "v1.Preconditions"},
      {"orphanDependents", Shape::kBool, "bool"},
      {"propagationPolicy", Shape::kText, "v1.DeletionPropagation"},
      {"dryRun", Shape::kTexts, "[]string"},
      {"ignoreStoreReadErrorWithClusterBreakingPotential", Shape::kBool, "bool"}};
  static constexpr Field kPreconditions[] = {{"uid", Shape::kText, "types.UID"},
                                             {"resourceVersion", Shape::kText, "string"}};
  const auto wrong = [](const json::Value& value, std::string_view place, std::string_view type) {
    const bool shown = value.is_double();
    return fmt::format("json: cannot unmarshal {}{} into Go struct field {} of type {}",
                       json::GoWord(value), shown ? " " + json::Serialize(value) : "", place, type);
  };
  const auto fits = [](const json::Value& value, Shape shape) {
    switch (shape) {
      case Shape::kInteger:
        return value.is_int64();
      case Shape::kBool:
        return value.is_bool();
      case Shape::kText:
        return value.is_string();
      case Shape::kTexts:
        return value.is_array();
      case Shape::kObject:
        return value.is_object();
    }
    return true;
  };
  const auto check = [&](const json::Value& object, std::span<const Field> fields,
                         const std::string& prefix) {
    for (const auto& [key, value] : object.get_object()) {
      const auto field = std::ranges::find(fields, std::string_view(key), &Field::name);
      if (field == fields.end() || value.is_null()) continue;
      const std::string place = fmt::format("{}.{}", prefix, field->name);
      if (!fits(value, field->shape)) return wrong(value, place, field->type);
      if (field->shape != Shape::kTexts) continue;
      for (const json::Value& item : value.get_array()) {
        if (!item.is_string() && !item.is_null()) return wrong(item, place, "string");
      }
    }
    return std::string();
  };
  if (!body.is_object()) return "";
  std::string fault = check(body, kOptions, "DeleteOptions");
  const json::Value* preconditions = json::Find(body, "preconditions");
  if (!fault.empty() || preconditions == nullptr || !preconditions->is_object()) return fault;
  return check(*preconditions, kPreconditions, "Preconditions.preconditions");
}

void MarkNamespace(json::Value& object) {
  json::Value& status = object.get_object()["status"];
  if (!status.is_object()) status.emplace_object();
  status.get_object()["phase"] = "Terminating";
}

// The instances go first: section 8.1, "Deletion".
void MarkDefinition(Core& core, json::Value& object, std::vector<std::string>& finalizers) {
  if (std::ranges::find(finalizers, kCrdCleanup) == finalizers.end()) {
    finalizers.emplace_back(kCrdCleanup);
  }
  json::Object condition;
  condition["type"] = "Terminating";
  condition["status"] = "True";
  condition["lastTransitionTime"] = FormatTime(core.clock.Now());
  condition["reason"] = "InstanceDeletionPending";
  condition["message"] =
      "CustomResourceDefinition marked for deletion; CustomResource deletion will "
      "begin soon";
  json::Value& status = object.get_object()["status"];
  if (!status.is_object()) status.emplace_object();
  json::Value& conditions = status.get_object()["conditions"];
  if (!conditions.is_array()) conditions.emplace_array();
  conditions.get_array().push_back(std::move(condition));
}

}  // namespace
}  // namespace kro::apiserver
