#include "apiserver/crd_validation.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <set>

#include "apiserver/internal/formats.h"
#include "apiserver/internal/object_metadata.h"
#include "apiserver/internal/rules.h"
#include "apiserver/internal/schema_node.h"
#include "apiserver/internal/value_validation.h"
#include "apiserver/structural_schema.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kApproved = "api-approved.kubernetes.io";
constexpr std::size_t kMaxSelectableFields = 8;
// Schemas that nest deeper than Kubernetes' own decoder takes are refused.
constexpr int kMaxSchemaDepth = 200;

const json::Value* Find(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_null() ? nullptr : found;
}
std::string Text(const json::Value& value, std::string_view key);
bool Flag(const json::Value& value, std::string_view key);
const json::Array& List(const json::Value& value, std::string_view key);
const json::Object& Map(const json::Value& value, std::string_view key);
std::string Trimmed(std::string_view text);
bool HasLineBreak(std::string_view text) { return text.find_first_of("\r\n") != text.npos; }
std::optional<std::string> SubdomainFault(std::string_view name);
// The rule as the server prints it, in the order of its own struct.
std::string ShowRule(const json::Value& rule);

// What holds for a part of a schema because of what is above it.
struct Scope {
  bool is_root = false;
  bool inside_metadata = false;
  std::string no_defaults_because;  // empty: defaults are allowed
  std::string uncorrelatable;       // below this path nobody can tell a former value; empty: none
  bool rules = true;                // rules are compiled here
  int depth = 0;

  Scope Below() const {
    Scope below = *this;
    below.is_root = false;
    ++below.depth;
    return below;
  }
};

class SchemaChecker {
 public:
  explicit SchemaChecker(FieldErrors& errors) : errors_(errors) {}

  void Check(const json::Value& schema, const std::string& path, bool has_status);

 private:
  enum class Level { kRoot, kField, kItem };

  void CheckStructure(const json::Value& schema, Level level, const std::string& path, int depth);
  void CheckMetadata(const json::Value& metadata, bool is_object, Level level,
                     const std::string& path);
  void CheckJunctions(const json::Value& schema, const std::string& path, int depth);
  void CheckNested(const json::Value& schema, bool skip_any_of, const std::string& path, int depth);
  // What branches say about a place must be said about the place itself too.
  void CheckComplete(const json::Value& branch, const json::Value* schema, const std::string& path,
                     const std::string& branch_path, int depth);
  void CheckDefaults(const json::Value& schema, bool is_root, bool inside_metadata,
                     const std::string& path, int depth);
  void CheckKeywords(const json::Value& schema, const std::string& path, const Scope& scope);
  void CheckListKeywords(const json::Value& schema, const std::string& path);
  void CheckListKeys(const json::Value& schema, const std::string& path);
  void CheckRules(const json::Value& schema, const std::string& path, const Scope& scope);

  FieldErrors& errors_;
  FieldErrors rule_errors_;  // come after all others
};

class DefinitionChecker {
 public:
  DefinitionChecker(const json::Value& crd, const json::Value* old, CrdVerdict& verdict)
      : crd_(crd), old_(old), errors_(verdict.errors) {}

  void Check();

 private:
  void CheckNames(const json::Value& names, const std::string& path);
  void CheckVersions();
  void CheckSchemas();
  void CheckColumns(const json::Array& columns, const std::string& path);
  void CheckSubresources(const json::Value& subresources, const std::string& path);
  void CheckSelectableFields(const json::Array& fields, const json::Value& version,
                             const std::string& path);
  void CheckPath(std::string_view path_text, const std::string& path,
                 std::initializer_list<std::string_view> roots, std::string_view wanted);
  void CheckConversion();
  void CheckStoredVersions();
  void CheckApproval();
  void CheckImmutable();

  const json::Value& spec() const { return *Find(crd_, "spec"); }
  // Whether all versions say the same here: then it stands above them.
  bool IsShared(std::string_view key) const;

  const json::Value& crd_;
  const json::Value* old_;
  FieldErrors& errors_;
};

// The formats that a schema names and the server does not know.
std::vector<std::string> UnknownFormats(const json::Value& crd);

}  // namespace

CrdVerdict ValidateCrd(const json::Value& crd, const json::Value* old) {
  CrdVerdict verdict;
  if (Find(crd, "spec") == nullptr || !Find(crd, "spec")->is_object()) {
    verdict.errors.push_back(Required("spec"));
    return verdict;
  }
  DefinitionChecker(crd, old, verdict).Check();
  const std::vector<std::string> before =
      old == nullptr ? std::vector<std::string>() : UnknownFormats(*old);
  for (const std::string& format : UnknownFormats(crd)) {
    if (std::ranges::find(before, format) != before.end()) continue;
    verdict.warnings.push_back("unrecognized format " + json::Serialize(json::Value(format)));
  }
  return verdict;
}

namespace {

void DefinitionChecker::Check() {
  const std::string group = Text(spec(), "group");
  const json::Value& names = Find(spec(), "names") != nullptr ? *Find(spec(), "names") : spec();
  const std::string name(json::FindString(crd_, {"metadata", "name"}));
  if (old_ == nullptr && name != Text(names, "plural") + "." + group) {
    errors_.push_back(Invalid("metadata.name", json::Value(name),
                              "must be spec.names.plural+\".\"+spec.group"));
  }
  if (group.empty()) {
    errors_.push_back(Required("spec.group"));
  } else if (auto fault = SubdomainFault(group)) {
    errors_.push_back(Invalid("spec.group", json::Value(group), *fault));
  } else if (!group.contains('.')) {
    errors_.push_back(Invalid("spec.group", json::Value(group),
                              "should be a domain with at least one dot"));
  }
  const std::string scope = Text(spec(), "scope");
  if (scope.empty()) {
    errors_.push_back(Required("spec.scope"));
  } else if (scope != "Cluster" && scope != "Namespaced") {
    constexpr std::string_view kScopes[] = {"Cluster", "Namespaced"};
    errors_.push_back(NotSupported("spec.scope", json::Value(scope), kScopes));
  }
  CheckVersions();
  for (std::string_view key : {"plural", "singular", "kind", "listKind"}) {
    if (Text(names, key).empty()) errors_.push_back(Required(fmt::format("spec.names.{}", key)));
  }
  CheckNames(names, "spec.names");
  CheckSchemas();
  CheckConversion();
  if (const json::Value* accepted = json::Find(crd_, {"status", "acceptedNames"})) {
    CheckNames(*accepted, "status.acceptedNames");
  }
  CheckStoredVersions();
  CheckApproval();
  if (Flag(spec(), "preserveUnknownFields")) {
    errors_.push_back(Invalid("spec.preserveUnknownFields", json::Value(true),
                              "cannot set to true, set x-kubernetes-preserve-unknown-fields to true "
                              "in spec.versions[*].schema instead"));
  }
  if (old_ != nullptr) CheckImmutable();
}

void DefinitionChecker::CheckNames(const json::Value& names, const std::string& path) {
  auto label = [&](const std::string& text, const std::string& field) {
    if (text.empty()) return;
    if (auto fault = internal::Dns1035Fault(text)) {
      errors_.push_back(Invalid(field, json::Value(text), *fault));
    }
  };
  label(Text(names, "plural"), path + ".plural");
  label(Text(names, "singular"), path + ".singular");
  for (std::string_view key : {"kind", "listKind"}) {
    const std::string text = Text(names, key);
    if (text.empty()) continue;
    if (auto fault = internal::KindFault(text)) {
      errors_.push_back(Invalid(fmt::format("{}.{}", path, key), json::Value(text), *fault));
    }
  }
  if (!Text(names, "kind").empty() && Text(names, "kind") == Text(names, "listKind")) {
    errors_.push_back(Invalid(path + ".listKind", json::Value(Text(names, "listKind")),
                              "kind and listKind may not be the same"));
  }
  for (std::string_view key : {"shortNames", "categories"}) {
    const json::Array& list = List(names, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_string()) {
        label(std::string(list[i].get_string()), fmt::format("{}.{}[{}]", path, key, i));
      }
    }
  }
}

void DefinitionChecker::CheckVersions() {
  const json::Array& versions = List(spec(), "versions");
  std::set<std::string> names;
  std::size_t storage = 0;
  bool unique = true;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const std::string name = Text(versions[i], "name");
    unique &= names.insert(name).second;
    if (Flag(versions[i], "storage")) ++storage;
    if (auto fault = internal::Dns1035Fault(name)) {
      errors_.push_back(Invalid(fmt::format("spec.versions[{}].name", i), json::Value(name), *fault));
      if (i == 0) errors_.push_back(Invalid("spec.version", json::Value(name), *fault));
    }
    const json::Value* warning = Find(versions[i], "deprecationWarning");
    const std::string field = fmt::format("spec.versions[{}].deprecationWarning", i);
    if (warning != nullptr && warning->is_string()) {
      if (!Flag(versions[i], "deprecated")) {
        errors_.push_back(Invalid(field, *warning, "can only be set for deprecated versions"));
      } else if (warning->get_string().empty()) {
        errors_.push_back(Invalid(field, *warning, "must not be an empty string"));
      } else if (warning->get_string().size() > 256) {
        errors_.push_back(Invalid(field, *warning, "must be <= 256 characters long"));
      }
    }
  }
  const json::Value& shown = Find(spec(), "versions") != nullptr ? *Find(spec(), "versions") : spec();
  if (!unique) {
    errors_.push_back(Invalid("spec.versions", shown, "must contain unique version names"));
  }
  if (storage != 1) {
    errors_.push_back(Invalid("spec.versions", shown,
                              "must have exactly one version marked as storage version"));
  }
}

void DefinitionChecker::CheckSchemas() {
  const json::Array& versions = List(spec(), "versions");
  // What all versions share is reported once, above them.
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const json::Value& version = versions[i];
    const std::string own = fmt::format("spec.versions[{}]", i);
    const json::Value* schema = json::Find(version, {"schema", "openAPIV3Schema"});
    if (schema == nullptr || schema->is_null()) {
      errors_.push_back(Required(own + ".schema.openAPIV3Schema"));
    } else if (i == 0 || !IsShared("schema")) {
      const json::Value* subresources = Find(version, "subresources");
      const bool has_status = subresources != nullptr && Find(*subresources, "status") != nullptr;
      SchemaChecker(errors_)
          .Check(*schema,
                 IsShared("schema") ? "spec.validation.openAPIV3Schema"
                                    : own + ".schema.openAPIV3Schema",
                 has_status);
    }
    const json::Value* subresources = Find(version, "subresources");
    if (subresources != nullptr && (i == 0 || !IsShared("subresources"))) {
      CheckSubresources(*subresources,
                        IsShared("subresources") ? "spec.subresources" : own + ".subresources");
    }
    if (i == 0 || !IsShared("additionalPrinterColumns")) {
      CheckColumns(List(version, "additionalPrinterColumns"),
                   IsShared("additionalPrinterColumns") ? "spec.additionalPrinterColumns"
                                                        : own + ".additionalPrinterColumns");
    }
    if (i == 0 || !IsShared("selectableFields")) {
      CheckSelectableFields(
          List(version, "selectableFields"), version,
          IsShared("selectableFields") ? "spec.selectableFields" : own + ".selectableFields");
    }
  }
}

bool DefinitionChecker::IsShared(std::string_view key) const {
  const json::Array& versions = List(spec(), "versions");
  if (versions.empty()) return false;
  const json::Value* first = Find(versions[0], key);
  return std::ranges::all_of(versions, [&](const json::Value& version) {
    const json::Value* other = Find(version, key);
    if (first == nullptr || other == nullptr) return first == other;
    return *first == *other;
  });
}

void DefinitionChecker::CheckColumns(const json::Array& columns, const std::string& path) {
  constexpr std::string_view kTypes[] = {"boolean", "date", "integer", "number", "string"};
  constexpr std::string_view kFormats[] = {"byte",  "date",  "date-time", "double",
                                           "float", "int32", "int64",     "password"};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", path, i);
    const std::string type = Text(columns[i], "type");
    const std::string format = Text(columns[i], "format");
    const std::string types = fmt::format("must be one of {}", fmt::join(kTypes, ","));
    if (Text(columns[i], "name").empty()) errors_.push_back(Required(at + ".name"));
    if (type.empty()) {
      errors_.push_back(Required(at + ".type", types));
    } else if (std::ranges::find(kTypes, type) == std::end(kTypes)) {
      errors_.push_back(Invalid(at + ".type", json::Value(type), types));
    }
    if (!format.empty() && std::ranges::find(kFormats, format) == std::end(kFormats)) {
      errors_.push_back(Invalid(at + ".format", json::Value(format),
                                fmt::format("must be one of {}", fmt::join(kFormats, ","))));
    }
    const std::string json_path = Text(columns[i], "jsonPath");
    if (json_path.empty()) {
      errors_.push_back(Required(at + ".JSONPath"));
    } else {
      CheckPath(json_path, at + ".JSONPath", {}, "");
    }
  }
}

void DefinitionChecker::CheckSubresources(const json::Value& subresources,
                                          const std::string& path) {
  const json::Value* scale = Find(subresources, "scale");
  if (scale == nullptr) return;
  auto check = [&](std::string_view key, std::initializer_list<std::string_view> roots,
                   std::string_view wanted, bool required) {
    const std::string text = Text(*scale, key);
    const std::string at = fmt::format("{}.scale.{}", path, key);
    if (text.empty()) {
      if (required) errors_.push_back(Required(at));
    } else {
      CheckPath(text, at, roots, wanted);
    }
  };
  check("specReplicasPath", {".spec."}, "should be a json path under .spec", true);
  check("statusReplicasPath", {".status."}, "should be a json path under .status", true);
  check("labelSelectorPath", {".spec.", ".status."},
        "should be a json path under either .spec or .status", false);
}

void DefinitionChecker::CheckPath(std::string_view path_text, const std::string& path,
                                  std::initializer_list<std::string_view> roots,
                                  std::string_view wanted) {
  if (path_text[0] != '.') {
    errors_.push_back(Invalid(path, json::Value(path_text),
                              "must be a simple json path starting with ."));
  } else if (roots.size() > 0 && std::ranges::none_of(roots, [&](std::string_view root) {
               return path_text.starts_with(root);
             })) {
    errors_.push_back(Invalid(path, json::Value(path_text), wanted));
  }
}

void DefinitionChecker::CheckSelectableFields(const json::Array& fields, const json::Value& version,
                                              const std::string& path) {
  std::set<std::string> seen;
  const json::Value* schema = json::Find(version, {"schema", "openAPIV3Schema"});
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string at = fmt::format("{}[{}].jsonPath", path, i);
    const std::string text = Text(fields[i], "jsonPath");
    if (text.empty()) {
      errors_.push_back(Required(at));
      continue;
    }
    auto refuse = [&](std::string_view why) {
      errors_.push_back(Invalid(at, json::Value(text), why));
    };
    if (text.contains('[')) {
      refuse("is an invalid path: array notation is not allowed");
      continue;
    }
    auto normalized = internal::NormalizeFieldPath(text, schema == nullptr ? version : *schema);
    if (!normalized) {
      refuse("is an invalid path: " + normalized.error().message());
      continue;
    }
    const json::Value* target = schema;
    for (std::string_view rest = *normalized; target != nullptr && !rest.empty();) {
      const std::size_t dot = std::min(rest.find('.'), rest.size());
      const json::Value* properties = Find(*target, "properties");
      target = properties == nullptr ? nullptr : Find(*properties, rest.substr(0, dot));
      rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    if (normalized->starts_with("metadata")) refuse("must not point to fields in metadata");
    const std::string type = target == nullptr ? "" : Text(*target, "type");
    if (type != "string" && type != "boolean" && type != "integer") {
      refuse(
          "must point to a field of type string, boolean or integer. Enum string fields and strings "
          "with formats are allowed.");
    }
    if (!seen.insert(*normalized).second) errors_.push_back(Duplicate(at, json::Value(text)));
  }
  if (seen.size() > kMaxSelectableFields) {
    errors_.push_back(TooMany(path, seen.size(), kMaxSelectableFields));
  }
}

void DefinitionChecker::CheckConversion() {
  const json::Value* conversion = Find(spec(), "conversion");
  if (conversion == nullptr) return;
  const std::string strategy = Text(*conversion, "strategy");
  constexpr std::string_view kStrategies[] = {"None", "Webhook"};
  const json::Value* webhook = Find(*conversion, "webhook");
  const json::Value* client = webhook == nullptr ? nullptr : Find(*webhook, "clientConfig");
  const bool has_versions =
      webhook != nullptr && !List(*webhook, "conversionReviewVersions").empty();
  const std::string path = "spec.conversion";
  if (strategy.empty()) {
    errors_.push_back(Required(path + ".strategy"));
  } else if (strategy != "None" && strategy != "Webhook") {
    errors_.push_back(NotSupported(path + ".strategy", json::Value(strategy), kStrategies));
  }
  if (strategy == "Webhook") {
    if (client == nullptr) {
      errors_.push_back(
          Required(path + ".webhookClientConfig", "required when strategy is set to Webhook"));
    } else if ((Find(*client, "url") == nullptr) == (Find(*client, "service") == nullptr)) {
      errors_.push_back(
          Required(path + ".webhookClientConfig", "exactly one of url or service is required"));
    }
    if (!has_versions) errors_.push_back(Required(path + ".conversionReviewVersions"));
    return;
  }
  if (client != nullptr) {
    errors_.push_back(Forbidden(path + ".webhookClientConfig",
                                "should not be set when strategy is not set to Webhook"));
  }
  if (has_versions) {
    errors_.push_back(Forbidden(path + ".conversionReviewVersions",
                                "should not be set when strategy is not set to Webhook"));
  }
}

void DefinitionChecker::CheckStoredVersions() {
  const json::Value* status = Find(crd_, "status");
  // Whoever creates it fills them in.
  if (status == nullptr || Find(*status, "storedVersions") == nullptr) return;
  const json::Array& stored = List(*status, "storedVersions");
  const std::string path = "status.storedVersions";
  if (stored.empty()) {
    errors_.push_back(
        Invalid(path, *Find(*status, "storedVersions"), "must have at least one stored version"));
    return;
  }
  auto is_stored = [&](const std::string& name) {
    return std::ranges::any_of(stored, [&](const json::Value& v) { return v == json::Value(name); });
  };
  std::set<std::string> names;
  for (const json::Value& version : List(spec(), "versions")) {
    const std::string name = Text(version, "name");
    names.insert(name);
    if (Flag(version, "storage") && !is_stored(name)) {
      errors_.push_back(Invalid(path, *Find(*status, "storedVersions"),
                                "must have the storage version " + name));
    }
  }
  for (std::size_t i = 0; i < stored.size(); ++i) {
    if (!stored[i].is_string() || names.contains(std::string(stored[i].get_string()))) continue;
    const std::string_view name = stored[i].get_string();
    errors_.push_back(Invalid(
        fmt::format("{}[{}]", path, i), stored[i],
        fmt::format("missing from spec.versions; {0} was previously a storage version, and must "
                    "remain in spec.versions until a storage migration ensures no data remains "
                    "persisted in {0} and removes {0} from status.storedVersions",
                    name)));
  }
}

void DefinitionChecker::CheckApproval() {
  const std::string group = Text(spec(), "group");
  auto within = [&](std::string_view domain) {
    return group == domain || group.ends_with("." + std::string(domain));
  };
  if (!within("k8s.io") && !within("kubernetes.io")) return;
  auto annotation_of = [](const json::Value& crd) {
    return json::FindString(crd, {"metadata", "annotations", kApproved});
  };
  const std::string_view value = annotation_of(crd_);
  auto is_good = [](std::string_view text) {
    return text.starts_with("unapproved") || text.contains("://");
  };
  if (is_good(value)) return;
  // What stood so before may stay so.
  if (old_ != nullptr && !is_good(annotation_of(*old_)) &&
      annotation_of(*old_).empty() == value.empty()) {
    return;
  }
  const std::string path = fmt::format("metadata.annotations[{}]", kApproved);
  const std::string_view where = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (value.empty()) {
    errors_.push_back(Required(
        path, fmt::format("protected groups must have approval annotation \"{}\", {}", kApproved,
                          where)));
  } else {
    errors_.push_back(Invalid(
        path, json::Value(value),
        fmt::format("protected groups must have approval annotation \"{}\" with either a URL or a "
                    "reason starting with \"unapproved\", {}",
                    kApproved, where)));
  }
}

void DefinitionChecker::CheckImmutable() {
  auto compare = [&](std::initializer_list<std::string_view> keys, std::string_view path) {
    const std::string_view before = json::FindString(*old_, keys);
    const std::string_view after = json::FindString(crd_, keys);
    if (before == after) return;
    errors_.push_back(Invalid(std::string(path), json::Value(after), "field is immutable"));
  };
  bool established = false;
  if (const json::Value* status = Find(*old_, "status")) {
    for (const json::Value& condition : List(*status, "conditions")) {
      established |= Text(condition, "type") == "Established" && Text(condition, "status") == "True";
    }
  }
  if (established) {
    compare({"spec", "scope"}, "spec.scope");
    compare({"spec", "names", "kind"}, "spec.names.kind");
  }
  compare({"spec", "group"}, "spec.group");
  compare({"spec", "names", "plural"}, "spec.names.plural");
}

void SchemaChecker::Check(const json::Value& schema, const std::string& path, bool has_status) {
  if (!schema.is_object()) {
    errors_.push_back(Invalid(path, schema, "must be an object"));
    return;
  }
  if (has_status) {
    constexpr std::string_view kAllowed[] = {
        "description", "type",     "format",   "title",    "maximum",    "exclusiveMaximum",
        "minimum",     "exclusiveMinimum",     "maxLength", "minLength", "pattern",
        "maxItems",    "minItems", "uniqueItems",           "multipleOf", "required",
        "items",       "properties",           "externalDocs", "example",
        "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"};
    for (const auto& member : schema.get_object()) {
      if (std::ranges::find(kAllowed, std::string_view(member.key())) != std::end(kAllowed)) continue;
      errors_.push_back(Invalid(
          path, schema,
          "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum "
          "MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items "
          "Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at "
          "the root of the schema if the status subresource is enabled"));
      break;
    }
  }
  if (Flag(schema, "nullable")) {
    errors_.push_back(Forbidden(path + ".nullable", "nullable cannot be true at the root"));
  }
  const std::size_t before = errors_.size();
  CheckStructure(schema, Level::kRoot, path, 0);
  CheckComplete(schema, &schema, path, path, 0);
  if (errors_.size() == before) CheckDefaults(schema, true, false, path, 0);
  const bool is_sound = errors_.size() == before;
  CheckKeywords(schema, path, Scope{.is_root = true, .rules = is_sound});
  errors_.insert(errors_.end(), rule_errors_.begin(), rule_errors_.end());
}

void SchemaChecker::CheckStructure(const json::Value& schema, Level level, const std::string& path,
                                   int depth) {
  if (!schema.is_object()) return;
  if (depth > kMaxSchemaDepth) {
    errors_.push_back(Invalid(path, json::Value(""), "schema nests too deeply"));
    return;
  }
  const std::string type = Text(schema, "type");
  const bool preserves = Flag(schema, "x-kubernetes-preserve-unknown-fields");
  const bool int_or_string = Flag(schema, "x-kubernetes-int-or-string");
  const bool embedded = Flag(schema, "x-kubernetes-embedded-resource");
  const json::Value* items = Find(schema, "items");
  if (type == "array" && (items == nullptr || !items->is_object())) {
    errors_.push_back(Required(path + ".items", "must be specified"));
  }
  if (items != nullptr) CheckStructure(*items, Level::kItem, path + ".items", depth + 1);
  for (const auto& member : Map(schema, "properties")) {
    CheckStructure(member.value(), Level::kField,
                   fmt::format("{}.properties[{}]", path, std::string_view(member.key())), depth + 1);
  }
  const json::Value* additional = Find(schema, "additionalProperties");
  if (additional != nullptr) {
    if (level == Level::kRoot) {
      errors_.push_back(Forbidden(path + ".additionalProperties", "must not be used at the root"));
    }
    CheckStructure(*additional, Level::kField, path + ".additionalProperties", depth + 1);
  }
  if (int_or_string && preserves) {
    errors_.push_back(Invalid(path + ".x-kubernetes-preserve-unknown-fields", json::Value(true),
                              "must be false if x-kubernetes-int-or-string is true"));
  }
  if (int_or_string && embedded) {
    errors_.push_back(Invalid(path + ".x-kubernetes-embedded-resource", json::Value(true),
                              "must be false if x-kubernetes-int-or-string is true"));
  }
  CheckJunctions(schema, path, depth);
  if (embedded && type != "object") {
    const std::string_view why = "must be object if x-kubernetes-embedded-resource is true";
    errors_.push_back(type.empty() ? Required(path + ".type", why)
                                   : Invalid(path + ".type", json::Value(type), why));
  } else if (type.empty() && !int_or_string && !preserves) {
    errors_.push_back(Required(path + ".type",
                               level == Level::kRoot   ? "must not be empty at the root"
                               : level == Level::kItem ? "must not be empty for specified array items"
                                                       : "must not be empty for specified object "
                                                         "fields"));
  }
  if (embedded && additional != nullptr) {
    errors_.push_back(Forbidden(path + ".additionalProperties",
                                "must not be used if x-kubernetes-embedded-resource is set"));
  }
  if (level == Level::kRoot && !type.empty() && type != "object") {
    errors_.push_back(Invalid(path + ".type", json::Value(type), "must be object at the root"));
  }
  const bool is_object = level == Level::kRoot || embedded;
  const json::Value* properties = Find(schema, "properties");
  for (std::string_view name : {"kind", "apiVersion"}) {
    const json::Value* property = properties == nullptr ? nullptr : Find(*properties, name);
    if (property == nullptr || !is_object || Text(*property, "type") == "string") continue;
    errors_.push_back(Invalid(fmt::format("{}.properties[{}].type", path, name),
                              json::Value(Text(*property, "type")), "must be string"));
  }
  if (const json::Value* metadata = properties == nullptr ? nullptr : Find(*properties, "metadata")) {
    CheckMetadata(*metadata, is_object, level, path + ".properties[metadata]");
  }
  if (embedded && !preserves && Map(schema, "properties").empty()) {
    errors_.push_back(Required(path + ".properties",
                               "must not be empty if x-kubernetes-embedded-resource is true without "
                               "x-kubernetes-preserve-unknown-fields"));
  }
}

void SchemaChecker::CheckMetadata(const json::Value& metadata, bool is_object, Level level,
                                  const std::string& path) {
  if (is_object && Text(metadata, "type") != "object") {
    errors_.push_back(
        Invalid(path + ".type", json::Value(Text(metadata, "type")), "must be object"));
  }
  if (level != Level::kRoot || !metadata.is_object()) return;
  bool more = false;
  for (const auto& member : metadata.get_object()) {
    const std::string_view key(member.key());
    if (key == "type" || key == "default") continue;
    if (key != "properties") {
      more = true;
      continue;
    }
    for (const auto& property : Map(metadata, "properties")) {
      more |= property.key() != "name" && property.key() != "generateName";
    }
  }
  if (more) {
    errors_.push_back(Forbidden(path,
                                "must not specify anything other than name and generateName, but "
                                "metadata is implicitly specified"));
  }
}

void SchemaChecker::CheckJunctions(const json::Value& schema, const std::string& path, int depth) {
  auto is_int_or_string = [](const json::Array& branches) {
    static const json::Value pattern = json::Array{json::Object{{"type", "integer"}},
                                                   json::Object{{"type", "string"}}};
    return json::Value(branches) == pattern;
  };
  const bool int_or_string = Flag(schema, "x-kubernetes-int-or-string");
  const json::Array& any_of = List(schema, "anyOf");
  const json::Array& all_of = List(schema, "allOf");
  if (!int_or_string || !is_int_or_string(any_of)) {
    for (std::size_t i = 0; i < any_of.size(); ++i) {
      CheckNested(any_of[i], false, fmt::format("{}.anyOf[{}]", path, i), depth + 1);
    }
  }
  for (std::size_t i = 0; i < all_of.size(); ++i) {
    const bool skip = i == 0 && int_or_string && is_int_or_string(List(all_of[0], "anyOf"));
    CheckNested(all_of[i], skip, fmt::format("{}.allOf[{}]", path, i), depth + 1);
  }
  const json::Array& one_of = List(schema, "oneOf");
  for (std::size_t i = 0; i < one_of.size(); ++i) {
    CheckNested(one_of[i], false, fmt::format("{}.oneOf[{}]", path, i), depth + 1);
  }
  if (const json::Value* negated = Find(schema, "not")) {
    CheckNested(*negated, false, path + ".not", depth + 1);
  }
  const std::string pattern = Text(schema, "pattern");
  if (!pattern.empty()) {
    re2::RE2 expression(pattern, re2::RE2::Quiet);
    if (!expression.ok()) {
      std::string why = expression.error().substr(0, expression.error().rfind(": "));
      if (why == "missing )") why = "missing closing )";
      errors_.push_back(Invalid(
          path + ".pattern", json::Value(pattern),
          fmt::format("must be a valid regular expression, but isn't: error parsing regexp: {}: `{}`",
                      why, expression.error_arg())));
    }
  }
}

void SchemaChecker::CheckNested(const json::Value& schema, bool skip_any_of,
                                const std::string& path, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) return;
  json::Value rest = schema;
  if (skip_any_of) rest.get_object().erase("anyOf");
  CheckJunctions(rest, path, depth);
  if (const json::Value* items = Find(schema, "items")) {
    CheckNested(*items, false, path + ".items", depth + 1);
  }
  for (const auto& member : Map(schema, "properties")) {
    CheckNested(member.value(), false,
                fmt::format("{}.properties[{}]", path, std::string_view(member.key())), depth + 1);
  }
  auto forbid = [&](std::string_view key, std::string_view why) {
    errors_.push_back(Forbidden(fmt::format("{}.{}", path, key), why));
  };
  if (!Text(schema, "type").empty()) forbid("type", "must be empty to be structural");
  if (Find(schema, "additionalProperties") != nullptr) {
    forbid("additionalProperties", "must be undefined to be structural");
  }
  if (Find(schema, "default") != nullptr) forbid("default", "must be undefined to be structural");
  for (std::string_view key : {"title", "description"}) {
    if (!Text(schema, key).empty()) forbid(key, "must be empty to be structural");
  }
  for (std::string_view key : {"nullable", "x-kubernetes-preserve-unknown-fields",
                               "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"}) {
    if (Flag(schema, key)) forbid(key, "must be false to be structural");
  }
  if (!List(schema, "x-kubernetes-list-map-keys").empty()) {
    forbid("x-kubernetes-list-map-keys", "must be empty to be structural");
  }
  for (std::string_view key : {"x-kubernetes-list-type", "x-kubernetes-map-type"}) {
    if (Find(schema, key) != nullptr) forbid(key, "must be undefined to be structural");
  }
  if (!List(schema, "x-kubernetes-validations").empty()) {
    forbid("x-kubernetes-validations", "must be empty to be structural");
  }
  if (Map(schema, "properties").contains("metadata")) {
    forbid("properties[metadata]", "must not be specified in a nested context");
  }
}

void SchemaChecker::CheckComplete(const json::Value& branch, const json::Value* schema,
                                  const std::string& path, const std::string& branch_path,
                                  int depth) {
  if (depth > kMaxSchemaDepth || !branch.is_object()) return;
  if (schema == nullptr) {
    errors_.push_back(Required(path, "because it is defined in " + branch_path));
    return;
  }
  const bool is_branch = path != branch_path;
  if (const json::Value* negated = Find(branch, "not")) {
    CheckComplete(*negated, schema, path, branch_path + ".not", depth + 1);
  }
  for (std::string_view key : {"allOf", "anyOf", "oneOf"}) {
    const json::Array& list = List(branch, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      CheckComplete(list[i], schema, path, fmt::format("{}.{}[{}]", branch_path, key, i), depth + 1);
    }
  }
  if (!is_branch) return;
  if (const json::Value* items = Find(branch, "items")) {
    CheckComplete(*items, Find(*schema, "items"), path + ".items", branch_path + ".items", depth + 1);
  }
  const json::Value* properties = Find(*schema, "properties");
  for (const auto& member : Map(branch, "properties")) {
    const std::string_view name(member.key());
    CheckComplete(member.value(), properties == nullptr ? nullptr : Find(*properties, name),
                  fmt::format("{}.properties[{}]", path, name),
                  fmt::format("{}.properties[{}]", branch_path, name), depth + 1);
  }
}

void SchemaChecker::CheckDefaults(const json::Value& schema, bool is_root, bool inside_metadata,
                                  const std::string& path, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) return;
  const bool embedded = is_root || Flag(schema, "x-kubernetes-embedded-resource");
  if (embedded) inside_metadata = false;
  const json::Value* value = Find(schema, "default");
  if (value != nullptr && !inside_metadata) {
    const std::string at = path + ".default";
    auto node = internal::SchemaNode::Read(schema, is_root);
    if (node) {
      // As if it were the object: the schema stands alone.
      json::Value holder_schema = json::Object{
          {"type", "object"}, {"properties", json::Object{{"v", schema}}}};
      json::Value holder = json::Object{{"v", *value}};
      auto structural = StructuralSchema::Read(holder_schema);
      if (structural) {
        (*structural)->Prune(holder);
        if (*json::Find(std::as_const(holder), "v") != *value) {
          errors_.push_back(Invalid(at, *value, "must not have unknown fields"));
        }
      }
      FieldErrors found = internal::CheckValue(**node, *value, nullptr);
      for (const auto& error : internal::CheckEmbedded(**node, *value)) found.push_back(error);
      for (FieldError& error : found) {
        error.field = error.field == "<nil>" ? at : at + "." + error.field;
        errors_.push_back(std::move(error));
      }
      if (found.empty() && (*node)->rules) {
        for (auto& violation : (*node)->rules->Check(at, *value, value)) {
          errors_.push_back(std::move(violation.error));
        }
      }
    }
  }
  if (const json::Value* items = Find(schema, "items")) {
    CheckDefaults(*items, false, inside_metadata, path + ".items", depth + 1);
  }
  for (const auto& member : Map(schema, "properties")) {
    const std::string_view name(member.key());
    const bool meta = embedded && (name == "metadata" || name == "apiVersion" || name == "kind");
    CheckDefaults(member.value(), false, inside_metadata || meta,
                  fmt::format("{}.properties[{}]", path, name), depth + 1);
  }
}

void SchemaChecker::CheckKeywords(const json::Value& schema, const std::string& path,
                                  const Scope& scope) {
  if (!schema.is_object() || scope.depth > kMaxSchemaDepth) return;
  auto forbid = [&](std::string_view key, std::string_view why) {
    errors_.push_back(Forbidden(fmt::format("{}.{}", path, key), why));
  };
  constexpr std::string_view kTypes[] = {"array",  "boolean", "integer",
                                         "number", "object",  "string"};
  const std::string type = Text(schema, "type");
  if (!type.empty() && std::ranges::find(kTypes, type) == std::end(kTypes)) {
    errors_.push_back(NotSupported(path + ".type", json::Value(type), kTypes));
  }
  if (Find(schema, "default") != nullptr && !scope.no_defaults_because.empty()) {
    forbid("default", "must not be set " + scope.no_defaults_because);
  }
  if (!Text(schema, "id").empty()) forbid("id", "id is not supported");
  for (std::string_view key : {"additionalItems", "patternProperties", "definitions",
                               "dependencies", "$ref"}) {
    const json::Value* value = Find(schema, key);
    if (value == nullptr || (value->is_object() && value->get_object().empty())) continue;
    forbid(key, fmt::format("{} is not supported", key));
  }
  if (type == "null") forbid("type", "type cannot be set to null, use nullable as an alternative");
  const json::Value* items = Find(schema, "items");
  if (items != nullptr && items->is_array()) {
    forbid("items", "items must be a schema object and not an array");
  }
  if (scope.inside_metadata && Flag(schema, "x-kubernetes-embedded-resource")) {
    forbid("x-kubernetes-embedded-resource", "must not be used inside of resource meta");
  }
  if (Flag(schema, "uniqueItems")) {
    forbid("uniqueItems",
           "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  }
  const json::Value* additional = Find(schema, "additionalProperties");
  if (additional != nullptr) {
    const bool allows_all = additional->is_bool() && additional->get_bool();
    if (!Map(schema, "properties").empty() && !allows_all) {
      forbid("additionalProperties", "additionalProperties and properties are mutual exclusive");
    }
    Scope below = scope.Below();
    if (scope.inside_metadata) {
      below.no_defaults_because = "inside additionalProperties applying to object metadata";
    }
    CheckKeywords(*additional, path + ".additionalProperties", below);
  }
  const bool embedded = scope.is_root || Flag(schema, "x-kubernetes-embedded-resource");
  for (const auto& member : Map(schema, "properties")) {
    const std::string_view name(member.key());
    Scope below = scope.Below();
    if (embedded && (name == "metadata" || name == "apiVersion" || name == "kind")) {
      below.inside_metadata = true;
      if (scope.is_root) below.no_defaults_because = fmt::format("in top-level {}", name);
    }
    CheckKeywords(member.value(), fmt::format("{}.properties[{}]", path, name), below);
  }
  Scope branch = scope.Below();
  branch.rules = false;
  if (const json::Value* negated = Find(schema, "not")) CheckKeywords(*negated, path + ".not", branch);
  for (std::string_view key : {"allOf", "oneOf", "anyOf"}) {
    const json::Array& list = List(schema, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      CheckKeywords(list[i], fmt::format("{}.{}[{}]", path, key, i), branch);
    }
  }
  if (items != nullptr) {
    Scope below = scope.Below();
    if (Text(schema, "x-kubernetes-list-type") != "map" && below.uncorrelatable.empty()) {
      below.uncorrelatable = path;
    }
    CheckKeywords(*items, path + ".items", below);
  }
  const json::Value* preserve = Find(schema, "x-kubernetes-preserve-unknown-fields");
  if (preserve != nullptr && *preserve == false) {
    errors_.push_back(Invalid(path + ".x-kubernetes-preserve-unknown-fields", json::Value(false),
                              "must be true or undefined"));
  }
  CheckListKeywords(schema, path);
  CheckRules(schema, path, scope);
}

void SchemaChecker::CheckListKeywords(const json::Value& schema, const std::string& path) {
  const std::string type = Text(schema, "type");
  const bool has_list_type = Find(schema, "x-kubernetes-list-type") != nullptr;
  const std::string list = Text(schema, "x-kubernetes-list-type");
  const std::string map = Text(schema, "x-kubernetes-map-type");
  const json::Value* items = Find(schema, "items");
  auto wants_type = [&](std::string_view wanted, std::string_view key) {
    const std::string why = fmt::format("must be {} if {} is specified", wanted, key);
    errors_.push_back(type.empty() ? Required(path + ".type", why)
                                   : Invalid(path + ".type", json::Value(type), why));
  };
  if (Find(schema, "x-kubernetes-map-type") != nullptr) {
    if (type != "object") wants_type("object", "x-kubernetes-map-type");
    constexpr std::string_view kMaps[] = {"atomic", "granular"};
    if (map != "atomic" && map != "granular") {
      errors_.push_back(NotSupported(path + ".x-kubernetes-map-type", json::Value(map), kMaps));
    }
  }
  if (has_list_type && type != "array") {
    wants_type("array", "x-kubernetes-list-type");
  } else if (list == "set" && items != nullptr) {
    const json::Value* item_list = Find(*items, "x-kubernetes-list-type");
    const std::string_view why = "must be atomic as item of a list with x-kubernetes-list-type=set";
    if (Text(*items, "type") == "array" && item_list != nullptr && *item_list != "atomic") {
      errors_.push_back(Invalid(path + ".items.x-kubernetes-list-type", *item_list, why));
    }
    if (Text(*items, "type") == "object" && Text(*items, "x-kubernetes-map-type") != "atomic") {
      errors_.push_back(Invalid(path + ".items.x-kubernetes-map-type",
                                item_list == nullptr ? json::Value() : *item_list, why));
    }
  }
  constexpr std::string_view kLists[] = {"atomic", "set", "map"};
  if (has_list_type && std::ranges::find(kLists, list) == std::end(kLists)) {
    errors_.push_back(NotSupported(path + ".x-kubernetes-list-type", json::Value(list), kLists));
  }
  CheckListKeys(schema, path);
}

void SchemaChecker::CheckListKeys(const json::Value& schema, const std::string& path) {
  const std::string list = Text(schema, "x-kubernetes-list-type");
  const json::Array& keys = List(schema, "x-kubernetes-list-map-keys");
  const json::Value* items = Find(schema, "items");
  const std::string keys_path = path + ".x-kubernetes-list-map-keys";
  if (!keys.empty() && list != "map") {
    const std::string_view why = "must be map if x-kubernetes-list-map-keys is non-empty";
    const std::string at = path + ".x-kubernetes-list-type";
    errors_.push_back(Find(schema, "x-kubernetes-list-type") == nullptr
                          ? Required(at, why)
                          : Invalid(at, json::Value(list), why));
  }
  if (list == "map") {
    if (keys.empty()) {
      errors_.push_back(
          Required(keys_path, "must not be empty if x-kubernetes-list-type is map"));
    }
    if (items == nullptr) {
      errors_.push_back(
          Required(path + ".items", "must have a schema if x-kubernetes-list-type is map"));
    } else if (Text(*items, "type") != "object") {
      errors_.push_back(Invalid(path + ".items.type", json::Value(Text(*items, "type")),
                                "must be object if parent array's x-kubernetes-list-type is map"));
    } else {
      std::set<std::string> seen;
      for (const json::Value& key : keys) {
        if (!key.is_string()) continue;
        const std::string name(key.get_string());
        const json::Value* properties = Find(*items, "properties");
        const json::Value* property = properties == nullptr ? nullptr : Find(*properties, name);
        if (property == nullptr) {
          errors_.push_back(
              Invalid(keys_path, json::Value(keys), "entries must all be names of item properties"));
        } else if (Text(*property, "type") == "array" || Text(*property, "type") == "object") {
          // The server shows the type of the item.
          errors_.push_back(
              Invalid(fmt::format("{}.items.properties[{}].type", path, name), json::Value("object"),
                      "must be a scalar type if parent array's x-kubernetes-list-type is map"));
        }
        if (!seen.insert(name).second) {
          errors_.push_back(
              Invalid(keys_path, json::Value(keys), "must not contain duplicate entries"));
        }
      }
    }
  }
  if (items == nullptr || (list != "set" && list != "map")) return;
  if (Flag(*items, "nullable")) {
    errors_.push_back(Forbidden(path + ".items.nullable",
                                "cannot be nullable when x-kubernetes-list-type is " + list));
  }
  if (list != "map") return;
  const json::Array& required = List(*items, "required");
  for (const json::Value& key : keys) {
    const json::Value* properties = Find(*items, "properties");
    const json::Value* property =
        properties == nullptr || !key.is_string() ? nullptr : Find(*properties, key.get_string());
    if (property == nullptr) continue;
    const std::string at = fmt::format("{}.items.properties[{}]", path,
                                       std::string_view(key.get_string()));
    if (std::ranges::find(required, key) == required.end() &&
        Find(*property, "default") == nullptr) {
      errors_.push_back(Required(at + ".default",
                                 "this property is in x-kubernetes-list-map-keys, so it must have a "
                                 "default or be a required property"));
    }
    if (Flag(*property, "nullable")) {
      errors_.push_back(Forbidden(
          at + ".nullable",
          "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"));
    }
  }
}

void SchemaChecker::CheckRules(const json::Value& schema, const std::string& path,
                               const Scope& scope) {
  const json::Array& rules = List(schema, "x-kubernetes-validations");
  if (rules.empty()) return;
  constexpr std::string_view kReasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
                                           "FieldValueInvalid", "FieldValueRequired"};
  const std::size_t before = errors_.size();
  auto at = [&](std::size_t i, std::string_view key) {
    return fmt::format("{}.x-kubernetes-validations[{}].{}", path, i, key);
  };
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string rule = Trimmed(Text(rules[i], "rule"));
    const std::string message = Text(rules[i], "message");
    const std::string message_expression = Text(rules[i], "messageExpression");
    const std::string field_path = Text(rules[i], "fieldPath");
    const std::string reason = Text(rules[i], "reason");
    if (rule.empty()) {
      errors_.push_back(Required(at(i, "rule"), "rule is not specified"));
    } else if (!message.empty() && Trimmed(message).empty()) {
      errors_.push_back(
          Invalid(at(i, "message"), json::Value(message), "must be non-empty if specified"));
    } else if (HasLineBreak(Trimmed(message))) {
      errors_.push_back(
          Invalid(at(i, "message"), json::Value(message), "must not contain line breaks"));
    } else if (HasLineBreak(rule) && Trimmed(message).empty()) {
      errors_.push_back(Required(at(i, "message"),
                                 "message must be specified if rule contains line breaks"));
    }
    if (!message_expression.empty() && Trimmed(message_expression).empty()) {
      errors_.push_back(Required(at(i, "messageExpression"),
                                 "messageExpression must be non-empty if specified"));
    }
    if (!reason.empty() && std::ranges::find(kReasons, reason) == std::end(kReasons)) {
      errors_.push_back(NotSupported(at(i, "reason"), json::Value(reason), kReasons));
    }
    if (field_path.empty()) continue;
    if (Trimmed(field_path).empty()) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must be non-empty if specified"));
    }
    if (HasLineBreak(field_path)) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must not contain line breaks"));
    }
    if (!internal::NormalizeFieldPath(field_path, schema)) {
      errors_.push_back(
          Invalid(at(i, "fieldPath"), json::Value(field_path), "must be a valid path"));
    }
  }
  if (!scope.rules || errors_.size() != before) return;
  std::vector<bool> uses_old_self;
  for (const internal::RuleFault& fault :
       internal::Rules::FindFaults(schema, scope.is_root, uses_old_self)) {
    const std::string_view key =
        fault.part == internal::RuleFault::Part::kRule ? "rule" : "messageExpression";
    rule_errors_.push_back({FieldErrorType::kInvalid, at(fault.index, key),
                            fmt::format("Invalid value: {}: {}", ShowRule(rules[fault.index]),
                                        fault.text)});
  }
  for (std::size_t i = 0; i < uses_old_self.size(); ++i) {
    if (uses_old_self[i]) {
      if (scope.uncorrelatable.empty()) continue;
      rule_errors_.push_back(
          Invalid(at(i, "rule"), json::Value(Text(rules[i], "rule")),
                  "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
                      scope.uncorrelatable));
    } else if (const json::Value* optional = Find(rules[i], "optionalOldSelf")) {
      rule_errors_.push_back(Invalid(at(i, "optionalOldSelf"), *optional,
                                     "may not be set if oldSelf is not used in rule"));
    }
  }
}

std::vector<std::string> UnknownFormats(const json::Value& crd) {
  std::vector<std::string> formats;
  auto visit = [&](auto&& self, const json::Value& schema, int depth) -> void {
    if (!schema.is_object() || depth > kMaxSchemaDepth) return;
    const std::string format = Text(schema, "format");
    if (!format.empty() && !internal::IsKnownFormat(Text(schema, "type"), format) &&
        std::ranges::find(formats, format) == formats.end()) {
      formats.push_back(format);
    }
    for (const auto& member : Map(schema, "properties")) self(self, member.value(), depth + 1);
    for (std::string_view key : {"items", "additionalProperties", "not"}) {
      if (const json::Value* below = Find(schema, key)) self(self, *below, depth + 1);
    }
    for (std::string_view key : {"allOf", "anyOf", "oneOf"}) {
      for (const json::Value& branch : List(schema, key)) self(self, branch, depth + 1);
    }
  };
  const json::Value* spec = Find(crd, "spec");
  if (spec == nullptr) return formats;
  for (const json::Value& version : List(*spec, "versions")) {
    const json::Value* schema = json::Find(version, {"schema", "openAPIV3Schema"});
    if (schema != nullptr) visit(visit, *schema, 0);
  }
  return formats;
}

std::string Text(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

bool Flag(const json::Value& value, std::string_view key) {
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

const json::Array& List(const json::Value& value, std::string_view key) {
  static const json::Array& none = *new json::Array();
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

const json::Object& Map(const json::Value& value, std::string_view key) {
  static const json::Object& none = *new json::Object();
  const json::Value* found = json::Find(value, key);
  return found != nullptr && found->is_object() ? found->get_object() : none;
}

std::string Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

std::optional<std::string> SubdomainFault(std::string_view name) {
  if (internal::HasFormat("k8s-long-name", name)) return std::nullopt;
  if (name.size() > 253) return "must be no more than 253 characters";
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
         "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
         "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

std::string ShowRule(const json::Value& rule) {
  const json::Value* reason = Find(rule, "reason");
  const json::Value* optional = Find(rule, "optionalOldSelf");
  return json::Serialize(
      json::Object{{"Rule", Text(rule, "rule")},
                   {"Message", Text(rule, "message")},
                   {"MessageExpression", Text(rule, "messageExpression")},
                   {"Reason", reason == nullptr ? json::Value() : *reason},
                   {"FieldPath", Text(rule, "fieldPath")},
                   {"OptionalOldSelf", optional == nullptr ? json::Value() : *optional}});
}

}  // namespace
}  // namespace kro::apiserver
