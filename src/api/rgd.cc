#include "api/rgd.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "api/constants.h"

namespace kro::api {
namespace {

// Reads members of known types out of an untrusted value and notes what has another type.
class Decoder {
 public:
  Decoder(std::string_view source, const json::SourceMap* map, json::FieldPath root)
      : source_(source), map_(map), path_(std::move(root)) {}

  void ReadMetadata(const json::Value& object, Rgd& rgd);
  void ReadSpec(const json::Value& spec, RgdSpec& out);
  void ReadStatus(const json::Value& status, RgdStatus& out);
  void WarnOfResourceGroup(const json::Value& spec);
  // Calls `read` on the member with the path set to it, if it is there and an object.
  template <typename Read>
  void Member(const json::Value& object, std::string_view name, Read read);

  bool failed() const { return !errors_.empty(); }
  Diagnostics& errors() { return errors_; }
  Diagnostics& warnings() { return warnings_; }

 private:
  void ReadSchema(const json::Value& schema, RgdSchema& out);
  void ReadColumn(const json::Value& column, PrinterColumn& out);
  void ReadResource(const json::Value& resource, Resource& out);
  void ReadExternalRef(const json::Value& ref, ExternalRef& out);
  void ReadSelector(const json::Value& selector, LabelSelector& out);
  void ReadForEach(const json::Value& entry, std::vector<ForEach>& out);

  const json::Value* Find(const json::Value& object, std::string_view name);
  void String(const json::Value& object, std::string_view name, std::string& out);
  void Integer(const json::Value& object, std::string_view name, std::int64_t& out);
  void Strings(const json::Value& object, std::string_view name, std::vector<std::string>& out);
  void StringMap(const json::Value& object, std::string_view name, Labels& out);
  void FreeForm(const json::Value& object, std::string_view name, std::optional<json::Value>& out);
  // Calls `read` for every element of the list `name`.
  template <typename Read>
  void Each(const json::Value& object, std::string_view name, Read read,
            std::string_view hint = {});
  void Known(const json::Value& object, std::initializer_list<std::string_view> names);
  void WrongType(std::string_view expected, const json::Value& found, std::string_view hint = {});
  Location Here() const;

  std::string source_;
  const json::SourceMap* map_;
  json::FieldPath path_;
  Diagnostics errors_;
  Diagnostics warnings_;
};

// Whether every object has such a member, or many.
bool IsOfTemplates(std::string_view name) {
  static constexpr std::string_view kMembers[] = {"apiVersion", "kind",       "metadata", "spec",
                                                  "data",       "stringData", "status"};
  return std::ranges::find(kMembers, name) != std::end(kMembers);
}

}  // namespace

std::string_view ToString(Scope scope) {
  return scope == Scope::kCluster ? "Cluster" : "Namespaced";
}

bool Rgd::AllowsBreakingChanges() const {
  const auto found = annotations.find(annotation::kAllowBreakingChanges);
  return found != annotations.end() && found->second == "true";
}

json::Parsed<DecodedRgd> DecodeRgd(const json::Value& object, std::string_view source,
                                   const json::SourceMap* map) {
  Decoder decoder(source, map, {});
  DecodedRgd decoded;
  decoder.ReadMetadata(object, decoded.rgd);
  decoded.rgd.from_resource_group = json::FindString(object, {"kind"}) == "ResourceGroup";
  decoder.Member(object, "spec", [&](const json::Value& spec) {
    decoder.ReadSpec(spec, decoded.rgd.spec);
    if (decoded.rgd.from_resource_group) decoder.WarnOfResourceGroup(spec);
  });
  decoder.Member(object, "status", [&](const json::Value& status) {
    decoder.ReadStatus(status, decoded.rgd.status);
  });
  if (decoder.failed()) return std::unexpected(std::move(decoder.errors()));
  decoded.warnings = std::move(decoder.warnings());
  return decoded;
}

json::Parsed<RgdSpec> DecodeRgdSpec(const json::Value& spec, std::string_view source,
                                    json::FieldPath root) {
  Decoder decoder(source, nullptr, std::move(root));
  RgdSpec decoded;
  decoder.ReadSpec(spec, decoded);
  if (decoder.failed()) return std::unexpected(std::move(decoder.errors()));
  return decoded;
}

json::Value ToJson(const RgdStatus& status) {
  json::Object object;
  if (!status.state.empty()) object["state"] = status.state;
  if (!status.topological_order.empty()) {
    object["topologicalOrder"] =
        json::Array(status.topological_order.begin(), status.topological_order.end());
  }
  if (!status.conditions.empty()) {
    json::Array conditions;
    for (const auto& condition : status.conditions) conditions.push_back(ToJson(condition));
    object["conditions"] = std::move(conditions);
  }
  if (!status.resources.empty()) {
    json::Array resources;
    for (const auto& resource : status.resources) {
      json::Array dependencies;
      for (const auto& id : resource.dependencies) dependencies.push_back(json::Object{{"id", id}});
      resources.push_back(
          json::Object{{"id", resource.id}, {"dependencies", std::move(dependencies)}});
    }
    object["resources"] = std::move(resources);
  }
  if (status.last_issued_revision != 0) object["lastIssuedRevision"] = status.last_issued_revision;
  return object;
}

namespace {

void Decoder::ReadMetadata(const json::Value& object, Rgd& rgd) {
  if (!object.is_object()) return WrongType("object", object);
  Known(object, {"apiVersion", "kind", "metadata", "spec", "status"});
  Member(object, "metadata", [&](const json::Value& metadata) {
    String(metadata, "name", rgd.name);
    String(metadata, "uid", rgd.uid);
    String(metadata, "resourceVersion", rgd.resource_version);
    Integer(metadata, "generation", rgd.generation);
    StringMap(metadata, "labels", rgd.labels);
    StringMap(metadata, "annotations", rgd.annotations);
    Strings(metadata, "finalizers", rgd.finalizers);
    rgd.created = ParseTimestamp(json::FindString(metadata, {"creationTimestamp"}));
    rgd.deleting = !json::FindString(metadata, {"deletionTimestamp"}).empty();
  });
}

void Decoder::ReadSpec(const json::Value& spec, RgdSpec& out) {
  if (!spec.is_object()) return WrongType("object", spec);
  out.raw = spec;
  Known(spec, {"schema", "resources", "defaultServiceAccounts"});
  Member(spec, "schema",
         [&](const json::Value& schema) { ReadSchema(schema, out.schema.emplace()); });
  Each(
      spec, "resources",
      [&](const json::Value& resource) { ReadResource(resource, out.resources.emplace_back()); },
      "one entry for each resource: '- id: …'");
}

void Decoder::ReadSchema(const json::Value& schema, RgdSchema& out) {
  Known(schema, {"kind", "apiVersion", "group", "scope", "spec", "types", "status", "validation",
                 "additionalPrinterColumns", "shortNames", "categories", "metadata"});
  String(schema, "kind", out.kind);
  String(schema, "apiVersion", out.api_version);
  String(schema, "group", out.group);
  if (out.group.empty()) out.group = kGroup;
  std::string scope;
  String(schema, "scope", scope);
  out.scope = scope == "Cluster" ? Scope::kCluster : Scope::kNamespaced;
  FreeForm(schema, "spec", out.spec);
  FreeForm(schema, "types", out.types);
  FreeForm(schema, "status", out.status);
  Each(schema, "additionalPrinterColumns",
       [&](const json::Value& column) { ReadColumn(column, out.printer_columns.emplace_back()); });
  Strings(schema, "shortNames", out.short_names);
  Strings(schema, "categories", out.categories);
  Member(schema, "metadata", [&](const json::Value& metadata) {
    Known(metadata, {"labels", "annotations"});
    StringMap(metadata, "labels", out.labels);
    StringMap(metadata, "annotations", out.annotations);
  });
}

void Decoder::ReadColumn(const json::Value& column, PrinterColumn& out) {
  if (!column.is_object()) return WrongType("object", column);
  Known(column, {"name", "type", "format", "description", "priority", "jsonPath"});
  String(column, "name", out.name);
  String(column, "type", out.type);
  String(column, "format", out.format);
  String(column, "description", out.description);
  String(column, "jsonPath", out.json_path);
  std::int64_t priority = 0;
  Integer(column, "priority", priority);
  if (priority < std::numeric_limits<std::int32_t>::min() ||
      priority > std::numeric_limits<std::int32_t>::max()) {
    return WrongType("32-bit integer", *json::Find(column, "priority"));
  }
  out.priority = static_cast<std::int32_t>(priority);
}

void Decoder::ReadResource(const json::Value& resource, Resource& out) {
  if (resource.is_null()) return;  // as upstream: an entry without id, refused by the name checks
  if (!resource.is_object()) return WrongType("object", resource);
  Known(resource, {"id", "template", "externalRef", "readyWhen", "includeWhen", "forEach"});
  String(resource, "id", out.id);
  FreeForm(resource, "template", out.manifest);
  Member(resource, "externalRef",
         [&](const json::Value& ref) { ReadExternalRef(ref, out.external_ref.emplace()); });
  Strings(resource, "readyWhen", out.ready_when);
  Strings(resource, "includeWhen", out.include_when);
  Each(
      resource, "forEach", [&](const json::Value& entry) { ReadForEach(entry, out.for_each); },
      "one entry for each name: '- name: ${…}'");
}

void Decoder::ReadExternalRef(const json::Value& ref, ExternalRef& out) {
  Known(ref, {"apiVersion", "kind", "metadata"});
  String(ref, "apiVersion", out.api_version);
  String(ref, "kind", out.kind);
  Member(ref, "metadata", [&](const json::Value& metadata) {
    Known(metadata, {"name", "namespace", "selector"});
    String(metadata, "name", out.name);
    String(metadata, "namespace", out.ns);
    Member(metadata, "selector",
           [&](const json::Value& selector) { ReadSelector(selector, out.selector.emplace()); });
  });
}

void Decoder::ReadSelector(const json::Value& selector, LabelSelector& out) {
  Known(selector, {"matchLabels", "matchExpressions"});
  StringMap(selector, "matchLabels", out.match_labels);
  Each(selector, "matchExpressions", [&](const json::Value& entry) {
    if (!entry.is_object()) return WrongType("object", entry);
    Known(entry, {"key", "operator", "values"});
    auto& requirement = out.match_expressions.emplace_back();
    String(entry, "key", requirement.key);
    String(entry, "operator", requirement.op);
    Strings(entry, "values", requirement.values);
  });
}

void Decoder::ReadForEach(const json::Value& entry, std::vector<ForEach>& out) {
  if (!entry.is_object()) return WrongType("object", entry);
  for (const auto& member : entry.get_object()) {
    ForEach& dimension = out.emplace_back();
    dimension.name = member.key();
    String(entry, member.key(), dimension.expression);
  }
}

void Decoder::ReadStatus(const json::Value& status, RgdStatus& out) {
  String(status, "state", out.state);
  Strings(status, "topologicalOrder", out.topological_order);
  Integer(status, "lastIssuedRevision", out.last_issued_revision);
  Each(status, "conditions", [&](const json::Value& condition) {
    out.conditions.push_back(ConditionFromJson(condition));
  });
  Each(status, "resources", [&](const json::Value& resource) {
    auto& entry = out.resources.emplace_back();
    entry.id = json::FindString(resource, {"id"});
    Each(resource, "dependencies", [&](const json::Value& dependency) {
      entry.dependencies.emplace_back(json::FindString(dependency, {"id"}));
    });
  });
}

void Decoder::WarnOfResourceGroup(const json::Value& spec) {
  const auto warn = [&](std::string_view name, std::string_view why) {
    path_.Push(name);
    Diagnostic warning{.code = "KRO104", .severity = Severity::kWarning};
    warning.message = fmt::format("{} is ignored: {}", name, why);
    warning.where = Here();
    warnings_.push_back(std::move(warning));
    path_.Pop();
  };
  if (json::Find(spec, "defaultServiceAccounts") != nullptr) {
    warn("defaultServiceAccounts", "impersonation has no successor in ResourceGraphDefinition");
  }
  const auto* schema = json::Find(spec, "schema");
  if (schema != nullptr && json::Find(*schema, "validation") != nullptr) {
    path_.Push("schema");
    warn("validation", "it never had an effect; use validation markers in spec.schema.spec");
    path_.Pop();
  }
}

template <typename Read>
void Decoder::Member(const json::Value& object, std::string_view name, Read read) {
  const json::Value* value = Find(object, name);
  if (value == nullptr) return;
  path_.Push(name);
  if (value->is_object()) {
    read(*value);
  } else {
    WrongType("object", *value);
  }
  path_.Pop();
}

// A null member is an absent one, as Go decodes it.
const json::Value* Decoder::Find(const json::Value& object, std::string_view name) {
  const json::Value* value = json::Find(object, name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Decoder::String(const json::Value& object, std::string_view name, std::string& out) {
  const json::Value* value = Find(object, name);
  if (value == nullptr) return;
  if (value->is_string()) {
    out = value->get_string();
    return;
  }
  path_.Push(name);
  WrongType("string", *value);
  path_.Pop();
}

void Decoder::Integer(const json::Value& object, std::string_view name, std::int64_t& out) {
  const json::Value* value = Find(object, name);
  if (value == nullptr) return;
  if (value->is_int64()) {
    out = value->get_int64();
    return;
  }
  path_.Push(name);
  WrongType("integer", *value);
  path_.Pop();
}

void Decoder::Strings(const json::Value& object, std::string_view name,
                      std::vector<std::string>& out) {
  Each(object, name, [&](const json::Value& item) {
    if (item.is_string()) {
      out.emplace_back(item.get_string());
    } else {
      WrongType("string", item);
    }
  });
}

void Decoder::StringMap(const json::Value& object, std::string_view name, Labels& out) {
  Member(object, name, [&](const json::Value& map) {
    for (const auto& member : map.get_object()) {
      std::string value;
      String(map, member.key(), value);
      out.insert_or_assign(std::string(member.key()), std::move(value));
    }
  });
}

void Decoder::FreeForm(const json::Value& object, std::string_view name,
                       std::optional<json::Value>& out) {
  Member(object, name, [&](const json::Value& value) { out = value; });
}

template <typename Read>
void Decoder::Each(const json::Value& object, std::string_view name, Read read,
                   std::string_view hint) {
  const json::Value* value = Find(object, name);
  if (value == nullptr) return;
  path_.Push(name);
  if (const auto* array = value->if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      path_.Push(i);
      read((*array)[i]);
      path_.Pop();
    }
  } else {
    WrongType("list", *value, hint);
  }
  path_.Pop();
}

void Decoder::Known(const json::Value& object, std::initializer_list<std::string_view> names) {
  for (const auto& member : object.get_object()) {
    const std::string_view name = member.key();
    if (std::ranges::find(names, name) != names.end()) continue;
    path_.Push(name);
    Diagnostic warning{.code = "KRO104", .severity = Severity::kWarning};
    warning.message = fmt::format("unknown field \"{}\"", path_.ToString());
    warning.where = Here();
    if (map_ != nullptr) warning.where.position = map_->KeyOf(path_);
    if (auto near = DidYouMean(name, {names.begin(), names.end()})) {
      warning.hint = fmt::format("did you mean '{}'?", *near);
    } else if (IsOfTemplates(name) && std::ranges::find(names, "template") != names.end()) {
      warning.hint = "indent it: it belongs to the template";
    }
    warnings_.push_back(std::move(warning));
    path_.Pop();
  }
}

void Decoder::WrongType(std::string_view expected, const json::Value& found,
                        std::string_view hint) {
  Diagnostic error{.code = "KRO103"};
  error.hint = hint;
  error.where = Here();
  error.expected = expected;
  error.found = json::TypeName(found);
  error.message =
      fmt::format("{} must be of type {}, got {}",
                  path_.empty() ? std::string("object") : path_.ToString(), expected, error.found);
  errors_.push_back(std::move(error));
}

Location Decoder::Here() const {
  Location where{.source = source_, .path = path_.ToString()};
  if (map_ != nullptr) where.position = map_->Of(path_);
  return where;
}

}  // namespace
}  // namespace kro::api
