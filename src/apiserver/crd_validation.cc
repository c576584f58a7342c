#include "apiserver/crd_validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "apiserver/api_approval.h"
#include "apiserver/internal/formats.h"
#include "apiserver/internal/object_metadata.h"
#include "apiserver/internal/rules.h"
#include "apiserver/internal/schema_checker.h"
#include "apiserver/internal/schema_text.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kMaxSelectableFields = 8;

using internal::Find;
using internal::Flag;
using internal::List;
using internal::Map;
using internal::Text;

std::optional<std::string> SubdomainFault(std::string_view name);

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
    errors_.push_back(
        Invalid("metadata.name", json::Value(name), "must be spec.names.plural+\".\"+spec.group"));
  }
  if (group.empty()) {
    errors_.push_back(Required("spec.group"));
  } else if (auto fault = SubdomainFault(group)) {
    errors_.push_back(Invalid("spec.group", json::Value(group), *fault));
  } else if (!group.contains('.')) {
    errors_.push_back(
        Invalid("spec.group", json::Value(group), "should be a domain with at least one dot"));
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
    errors_.push_back(
        Invalid("spec.preserveUnknownFields", json::Value(true),
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
      errors_.push_back(
          Invalid(fmt::format("spec.versions[{}].name", i), json::Value(name), *fault));
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
  const json::Value& shown =
      Find(spec(), "versions") != nullptr ? *Find(spec(), "versions") : spec();
  if (!unique) {
    errors_.push_back(Invalid("spec.versions", shown, "must contain unique version names"));
  }
  if (storage != 1) {
    errors_.push_back(
        Invalid("spec.versions", shown, "must have exactly one version marked as storage version"));
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
      internal::CheckSchema(
          *schema,
          IsShared("schema") ? "spec.validation.openAPIV3Schema" : own + ".schema.openAPIV3Schema",
          has_status, errors_);
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
    errors_.push_back(
        Invalid(path, json::Value(path_text), "must be a simple json path starting with ."));
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
          "must point to a field of type string, boolean or integer. Enum string fields and "
          "strings "
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
    return std::ranges::any_of(stored,
                               [&](const json::Value& v) { return v == json::Value(name); });
  };
  std::set<std::string> names;
  for (const json::Value& version : List(spec(), "versions")) {
    const std::string name = Text(version, "name");
    names.insert(name);
    if (Flag(version, "storage") && !is_stored(name)) {
      errors_.push_back(
          Invalid(path, *Find(*status, "storedVersions"), "must have the storage version " + name));
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
  using State = ApiApproval::State;
  const auto approval = ApprovalOf(crd_);
  if (!approval) return;
  // What stood so before may stay so.
  if (old_ != nullptr && ApprovalOf(*old_)->state == approval->state) return;
  const std::string path = fmt::format("metadata.annotations[{}]", kApprovalAnnotation);
  if (approval->state == State::kMissing) errors_.push_back(Required(path, approval->message));
  if (approval->state == State::kInvalid) {
    const std::string_view value =
        json::FindString(crd_, {"metadata", "annotations", kApprovalAnnotation});
    errors_.push_back(Invalid(path, json::Value(value), approval->message));
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
      established |=
          Text(condition, "type") == "Established" && Text(condition, "status") == "True";
    }
  }
  if (established) {
    compare({"spec", "scope"}, "spec.scope");
    compare({"spec", "names", "kind"}, "spec.names.kind");
  }
  compare({"spec", "group"}, "spec.group");
  compare({"spec", "names", "plural"}, "spec.names.plural");
}

std::vector<std::string> UnknownFormats(const json::Value& crd) {
  std::vector<std::string> formats;
  auto visit = [&](auto&& self, const json::Value& schema, int depth) -> void {
    if (!schema.is_object() || depth > internal::kMaxSchemaDepth) return;
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

std::optional<std::string> SubdomainFault(std::string_view name) {
  if (internal::HasFormat("k8s-long-name", name)) return std::nullopt;
  if (name.size() > 253) return "must be no more than 253 characters";
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
         "or "
         "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
         "used "
         "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

}  // namespace
}  // namespace kro::apiserver
