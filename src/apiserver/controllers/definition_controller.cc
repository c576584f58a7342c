#include "apiserver/controllers/definition_controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/api_approval.h"
#include "apiserver/controllers/conditions.h"
#include "apiserver/internal/custom_version.h"
#include "apiserver/kinds/values.h"
#include "base/hash.h"

namespace kro::apiserver {
namespace {

const api::Gvr kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
constexpr std::string_view kCleanup = "customresourcecleanup.apiextensions.k8s.io";
constexpr auto kInstancePoll = std::chrono::seconds(5);

std::uint64_t Definition(const json::Value& schema);
Result<std::shared_ptr<CustomVersion>> ReadVersion(const json::Value& definition,
                                                   const json::Value& version);
void ReadColumns(const json::Value& version, CustomVersion& custom);
std::vector<std::string> Strings(const json::Array& array);

}  // namespace

DefinitionController::DefinitionController(
    Core& core, std::function<void(std::string_view, std::string_view)> end_watches)
    : core_(core), client_(core, "kube-apiserver"), end_watches_(std::move(end_watches)) {}

void DefinitionController::Observe(const Collection& collection, const Change& change,
                                   const Enqueue& enqueue) {
  if (collection.group() == kDefinitions.group && collection.resource() == kDefinitions.resource) {
    enqueue(change.object->name);
    if (change.type != ChangeType::kDeleted) return;
    // Those that lost a name to it have another chance.
    settled_.clear();
    for (const StoredPtr& other : client_.List(kDefinitions, "")) enqueue(other->name);
    return;
  }
  if (change.type != ChangeType::kDeleted) return;
  for (const auto& [name, served] : served_) {
    if (served.group == collection.group() && served.resource == collection.resource()) {
      enqueue(name);
    }
  }
}

std::optional<Duration> DefinitionController::Reconcile(const std::string& key) {
  const StoredPtr stored = core_.store.Of(kDefinitions.group, kDefinitions.resource).Find("", key);
  if (const auto settled = settled_.find(key);
      stored != nullptr && settled != settled_.end() && settled->second == stored->revision) {
    return std::nullopt;
  }
  auto definition = client_.Get(kDefinitions, "", key);
  if (!definition) {
    StopServing(key);
    return std::nullopt;
  }
  if (!StringAt(*definition, {"metadata", "deletionTimestamp"}).empty()) {
    return Finalize(*definition);
  }
  // Each step is a write, and its change brings the next look.
  if (TellApproval(*definition)) return std::nullopt;
  if (SettleNames(*definition)) return std::nullopt;
  if (Establish(*definition)) return std::nullopt;
  if (!IsConditionTrue(*definition, "Established")) return std::nullopt;
  Serve(*definition);
  settled_[key] = stored->revision;
  return std::nullopt;
}

bool DefinitionController::TellApproval(json::Value& definition) {
  const auto approval = ApprovalOf(definition);
  if (!approval) return false;
  ConditionState state{"KubernetesAPIApprovalPolicyConformant", "False", "", approval->message};
  switch (approval->state) {
    case ApiApproval::State::kMissing:
      state.reason = "MissingAnnotation";
      break;
    case ApiApproval::State::kInvalid:
      state.reason = "InvalidAnnotation";
      break;
    case ApiApproval::State::kBypassed:
      state.reason = "UnapprovedAnnotation";
      break;
    case ApiApproval::State::kApproved:
      state.status = "True";
      state.reason = "ApprovedAnnotation";
      break;
  }
  if (!SetCondition(definition, state, client_.Now())) return false;
  return client_.Update(kDefinitions, definition, "status").has_value();
}

bool DefinitionController::SettleNames(json::Value& definition) {
  const Names taken = NamesOfOthers(definition);
  const json::Object& wanted = ObjectAt(definition, {"spec", "names"});
  json::Object accepted = ObjectAt(definition, {"status", "acceptedNames"});
  std::string_view reason;
  std::string conflict;
  const auto settle = [&](std::string_view part, const auto& pool, std::string_view why) {
    std::string name(StringAt(wanted, {part}));
    if (pool.contains(name)) {
      reason = why;
      conflict = name;
    } else if (name.empty()) {
      accepted.erase(part);
    } else {
      accepted[part] = name;
    }
  };
  settle("plural", taken.resources, "PluralConflict");
  settle("singular", taken.resources, "SingularConflict");
  bool short_conflict = false;
  for (const json::Value& name : ArrayAt(wanted, {"shortNames"})) {
    if (name.is_string() && taken.resources.contains(std::string_view(name.get_string()))) {
      short_conflict = true;
      reason = "ShortNamesConflict";
      conflict = name.get_string();
    }
  }
  if (!short_conflict) {
    if (ArrayAt(wanted, {"shortNames"}).empty()) {
      accepted.erase("shortNames");
    } else {
      accepted["shortNames"] = ArrayAt(wanted, {"shortNames"});
    }
  }
  settle("kind", taken.kinds, "KindConflict");
  settle("listKind", taken.kinds, "ListKindConflict");
  if (ArrayAt(wanted, {"categories"}).empty()) {
    accepted.erase("categories");
  } else {
    accepted["categories"] = ArrayAt(wanted, {"categories"});
  }

  const std::string now = client_.Now();
  bool changed = false;
  if (reason.empty()) {
    changed = SetCondition(definition,
                           {"NamesAccepted", "True", "NoConflicts", "no conflicts found"}, now);
    if (!IsConditionTrue(definition, "Established")) {
      changed = SetCondition(
                    definition,
                    {"Established", "False", "Installing", "the initial names have been accepted"},
                    now) ||
                changed;
    }
  } else {
    std::string message = fmt::format("\"{}\" is already in use", conflict);
    changed = SetCondition(definition, {"NamesAccepted", "False", reason, message}, now);
    if (!IsConditionTrue(definition, "Established")) {
      SetCondition(definition,
                   {"Established", "False", "NotAccepted", "not all names are accepted"}, now);
    }
  }
  if (ObjectAt(definition, {"status", "acceptedNames"}) != accepted) {
    Child(definition.as_object(), "status")["acceptedNames"] = std::move(accepted);
    changed = true;
  }
  if (!changed) return false;
  return client_.Update(kDefinitions, definition, "status").has_value();
}

DefinitionController::Names DefinitionController::NamesOfOthers(const json::Value& definition) {
  const std::string_view name = StringAt(definition, {"metadata", "name"});
  const std::string suffix = fmt::format(".{}", StringAt(definition, {"spec", "group"}));
  Names taken;
  for (const StoredPtr& other : client_.List(kDefinitions, "")) {
    // A definition's name is that of its resource and its group.
    if (other->name == name || !other->name.ends_with(suffix)) continue;
    const Names& names = NamesOf(*other);
    if (names.group != std::string_view(suffix).substr(1)) continue;
    taken.resources.insert(names.resources.begin(), names.resources.end());
    taken.kinds.insert(names.kinds.begin(), names.kinds.end());
  }
  return taken;
}

const DefinitionController::Names& DefinitionController::NamesOf(const StoredObject& definition) {
  Names& names = names_[definition.name];
  if (names.revision == definition.revision) return names;
  const json::Value value = client_.ValueOf(kDefinitions, definition);
  names = {.revision = definition.revision,
           .group = std::string(StringAt(value, {"spec", "group"})),
           .resources = {},
           .kinds = {}};
  for (std::string_view part : {"plural", "singular"}) {
    names.resources.emplace(StringAt(value, {"status", "acceptedNames", part}));
  }
  for (std::string& word : Strings(ArrayAt(value, {"status", "acceptedNames", "shortNames"}))) {
    names.resources.insert(std::move(word));
  }
  for (std::string_view part : {"kind", "listKind"}) {
    names.kinds.emplace(StringAt(value, {"status", "acceptedNames", part}));
  }
  // What is not accepted yet is taken by nobody.
  names.resources.erase("");
  names.kinds.erase("");
  return names;
}

bool DefinitionController::Establish(json::Value& definition) {
  if (!IsConditionTrue(definition, "NamesAccepted")) return false;
  if (!SetCondition(
          definition,
          {"Established", "True", "InitialNamesAccepted", "the initial names have been accepted"},
          client_.Now())) {
    return false;
  }
  // Served before it says so: whoever waits for the condition may use it at once.
  Serve(definition);
  return client_.Update(kDefinitions, definition, "status").has_value();
}

void DefinitionController::Serve(const json::Value& definition) {
  const std::string name(StringAt(definition, {"metadata", "name"}));
  const std::uint64_t hash =
      Hash64(json::Canonical(ObjectAt(definition, {"spec"})) +
             json::Canonical(ObjectAt(definition, {"status", "acceptedNames"})));
  Served& served = served_[name];
  if (served.listed && served.spec_hash == hash) return;
  auto resources = ResourcesOf(definition);
  if (!resources) return;  // refused when it was written
  const bool changed = served.listed;
  served.group = StringAt(definition, {"spec", "group"});
  served.resource = StringAt(definition, {"spec", "names", "plural"});
  served.spec_hash = hash;
  served.listed = true;
  core_.registry.SetCustom(served.group, served.resource, std::move(*resources));
  core_.served_since[name] = core_.clock.Monotonic();
  if (changed) end_watches_(served.group, served.resource);
  core_.store.BeginWatches(core_.store.Of(served.group, served.resource));
}

void DefinitionController::StopServing(const std::string& name) {
  names_.erase(name);
  settled_.erase(name);
  auto served = served_.find(name);
  if (served == served_.end()) return;
  if (served->second.listed) {
    core_.registry.SetCustom(served->second.group, served->second.resource, {});
  }
  core_.served_since.erase(name);
  end_watches_(served->second.group, served->second.resource);
  served_.erase(served);
}

std::optional<Duration> DefinitionController::Finalize(json::Value& definition) {
  const std::string group(StringAt(definition, {"spec", "group"}));
  const std::string plural(StringAt(definition, {"spec", "names", "plural"}));
  const bool established = IsConditionTrue(definition, "Established");
  std::string version;
  for (const json::Value& candidate : ArrayAt(definition, {"spec", "versions"})) {
    if (BoolAt(candidate, {"served"})) version = StringAt(candidate, {"name"});
  }
  const std::string now = client_.Now();
  if (established && core_.registry.Find(group, version, plural) == nullptr) Serve(definition);
  std::vector<StoredPtr> instances;
  if (established) instances = client_.List({group, version, plural}, "");
  if (!instances.empty()) {
    bool changed = SetCondition(definition,
                                {"Terminating", "True", "InstanceDeletionInProgress",
                                 "CustomResource deletion is in progress"},
                                now);
    if (changed) static_cast<void>(client_.Update(kDefinitions, definition, "status"));
    for (const StoredPtr& instance : instances) {
      if (instance->terminating()) continue;
      client_.Delete({group, version, plural}, instance->name_space, instance->name, instance->uid);
    }
    if (!client_.List({group, version, plural}, "").empty()) return kInstancePoll;
    definition = client_.Get(kDefinitions, "", StringAt(definition, {"metadata", "name"}))
                     .value_or(std::move(definition));
  }
  SetCondition(definition,
               established ? ConditionState{"Terminating", "False", "InstanceDeletionCompleted",
                                            "removed all instances"}
                           : ConditionState{"Terminating", "False", "NeverEstablished",
                                            "resource was never established"},
               now);
  if (auto written = client_.Update(kDefinitions, definition, "status"); !written) {
    return kInstancePoll;
  }
  auto latest = client_.Get(kDefinitions, "", StringAt(definition, {"metadata", "name"}));
  if (!latest) return std::nullopt;
  json::Array kept;
  for (const json::Value& finalizer : ArrayAt(*latest, {"metadata", "finalizers"})) {
    if (finalizer != json::Value(kCleanup)) kept.push_back(finalizer);
  }
  Child(latest->as_object(), "metadata")["finalizers"] = std::move(kept);
  StopServing(std::string(StringAt(definition, {"metadata", "name"})));
  static_cast<void>(client_.Update(kDefinitions, *latest));
  return std::nullopt;
}

Result<std::vector<ResourcePtr>> ResourcesOf(const json::Value& definition) {
  std::shared_ptr<CustomVersion> storage;
  std::vector<std::pair<const json::Value*, std::shared_ptr<CustomVersion>>> versions;
  for (const json::Value& version : ArrayAt(definition, {"spec", "versions"})) {
    const bool stored = BoolAt(version, {"storage"});
    if (!stored && !BoolAt(version, {"served"})) continue;
    auto custom = ReadVersion(definition, version);
    if (!custom) return Annotate(custom, "version '{}'", StringAt(version, {"name"}));
    if (stored) storage = *custom;
    versions.emplace_back(&version, std::move(*custom));
  }
  if (storage == nullptr) return Fail(ErrorCode::kInvalid, "no storage version");
  std::vector<ResourcePtr> resources;
  for (auto& [version, custom] : versions) {
    custom->storage_definition = storage->definition;
    custom->storage_schema = storage->schema;
    custom->storage_version = storage->storage_version;
    if (!BoolAt(*version, {"served"})) continue;
    auto resource = std::make_shared<Resource>();
    resource->group = StringAt(definition, {"spec", "group"});
    resource->version = StringAt(*version, {"name"});
    resource->name = StringAt(definition, {"status", "acceptedNames", "plural"});
    resource->kind = StringAt(definition, {"status", "acceptedNames", "kind"});
    resource->list_kind = StringAt(definition, {"status", "acceptedNames", "listKind"});
    resource->singular = StringAt(definition, {"status", "acceptedNames", "singular"});
    resource->short_names = Strings(ArrayAt(definition, {"status", "acceptedNames", "shortNames"}));
    resource->categories = Strings(ArrayAt(definition, {"status", "acceptedNames", "categories"}));
    resource->scope = StringAt(definition, {"spec", "scope"}) == "Namespaced" ? Scope::kNamespaced
                                                                              : Scope::kCluster;
    resource->verbs = {Verb::kDelete, Verb::kDeleteCollection, Verb::kGet,    Verb::kList,
                       Verb::kPatch,  Verb::kCreate,           Verb::kUpdate, Verb::kWatch};
    const std::vector<Verb> parts = {Verb::kGet, Verb::kPatch, Verb::kUpdate};
    if (custom->has_status) {
      resource->subresources.push_back(
          {"status", resource->group, resource->version, resource->kind, parts});
    }
    if (custom->scale) {
      resource->subresources.push_back({"scale", "autoscaling", "v1", "Scale", parts});
    }
    if (BoolAt(*version, {"deprecated"})) {
      std::string_view warning = StringAt(*version, {"deprecationWarning"});
      custom->warning = warning.empty() ? fmt::format("{} {} is deprecated", resource->ApiVersion(),
                                                      resource->kind)
                                        : std::string(warning);
    }
    resource->custom = custom;
    resources.push_back(std::move(resource));
  }
  return resources;
}

namespace {

std::uint64_t Definition(const json::Value& schema) { return Hash64(json::Canonical(schema)) | 1; }

Result<std::shared_ptr<CustomVersion>> ReadVersion(const json::Value& definition,
                                                   const json::Value& version) {
  auto custom = std::make_shared<CustomVersion>();
  const json::Value* schema = json::Find(version, {"schema", "openAPIV3Schema"});
  if (schema == nullptr) return Fail(ErrorCode::kInvalid, "no schema");
  custom->openapi = *schema;
  custom->definition = Definition(*schema);
  custom->storage_version = StringAt(version, {"name"});
  custom->definition_name = StringAt(definition, {"metadata", "name"});
  auto structural = StructuralSchema::Read(*schema);
  if (!structural) return std::unexpected(structural.error());
  custom->schema = std::move(*structural);
  auto structure = ObjectSchema::OfCustomResource(*schema);
  if (!structure) return std::unexpected(structure.error());
  custom->structure = std::move(*structure);
  custom->has_status = json::Find(version, {"subresources", "status"}) != nullptr;
  if (json::Find(version, {"subresources", "scale"}) != nullptr) {
    custom->scale =
        ScalePaths{std::string(StringAt(version, {"subresources", "scale", "specReplicasPath"})),
                   std::string(StringAt(version, {"subresources", "scale", "statusReplicasPath"})),
                   std::string(StringAt(version, {"subresources", "scale", "labelSelectorPath"}))};
  }
  for (const json::Value& field : ArrayAt(version, {"selectableFields"})) {
    custom->selectable_fields.emplace_back(StringAt(field, {"jsonPath"}));
  }
  ReadColumns(version, *custom);
  return custom;
}

void ReadColumns(const json::Value& version, CustomVersion& custom) {
  for (const json::Value& entry : ArrayAt(version, {"additionalPrinterColumns"})) {
    std::string_view text = StringAt(entry, {"jsonPath"});
    auto path = JsonPath::Parse(text);
    if (!path) continue;  // a path that this server cannot follow has no column
    PrinterColumn column{std::string(StringAt(entry, {"name"})),
                         std::string(StringAt(entry, {"type"})),
                         std::string(StringAt(entry, {"format"})),
                         std::string(StringAt(entry, {"description"})),
                         IntAt(entry, {"priority"}),
                         std::move(*path)};
    if (column.description.empty()) {
      column.description =
          fmt::format("Custom resource definition column (in JSONPath format): {}", text);
    }
    custom.columns.push_back(std::move(column));
  }
  if (!ArrayAt(version, {"additionalPrinterColumns"}).empty()) return;
  custom.columns.push_back(
      {"Age", "date", "",
       "CreationTimestamp is a timestamp representing the server time when this object was "
       "created. "
       "It is not guaranteed to be set in happens-before order across separate operations. Clients "
       "may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by "
       "the system. Read-only. Null for lists. More info: "
       "https://git.k8s.io/community/contributors/devel/sig-architecture/"
       "api-conventions.md#metadata",
       0, *JsonPath::Parse(".metadata.creationTimestamp")});
}

std::vector<std::string> Strings(const json::Array& array) {
  std::vector<std::string> strings;
  for (const json::Value& item : array) {
    if (item.is_string()) strings.emplace_back(item.get_string());
  }
  return strings;
}

}  // namespace
}  // namespace kro::apiserver
