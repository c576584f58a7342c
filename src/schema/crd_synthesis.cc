#include "schema/crd_synthesis.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/constants.h"
#include "api/plural.h"
#include "schema/simpleschema.h"

namespace kro::schema {
namespace {

json::Value ConditionsSchema();
json::Array Columns(const api::RgdSchema& schema);
json::Object StringMap(const api::Labels& map);
json::Array StringList(const std::vector<std::string>& list);
std::string Lower(std::string_view text);
bool Covers(const json::Value& live, const json::Value& desired, int depth);

}  // namespace

std::string CrdName(const api::RgdSchema& schema) {
  return fmt::format("{}.{}", api::Plural(schema.kind), schema.group);
}

api::Gvr InstanceGvr(const api::RgdSchema& schema) {
  return {schema.group, schema.api_version, api::Plural(schema.kind)};
}

api::Gvk InstanceGvk(const api::RgdSchema& schema) {
  return {schema.group, schema.api_version, schema.kind};
}

json::Value StatusSchema(const json::Value* inferred) {
  json::Object schema;
  if (inferred != nullptr && inferred->is_object()) schema = inferred->get_object();
  schema["type"] = "object";
  json::Object properties;
  if (const auto* found = schema.if_contains("properties");
      found != nullptr && found->is_object()) {
    properties = found->get_object();
  }
  if (!properties.contains("state")) properties["state"] = json::Object{{"type", "string"}};
  if (!properties.contains("conditions")) properties["conditions"] = ConditionsSchema();
  schema["properties"] = std::move(properties);
  return OrderSchema(schema);
}

json::Value SynthesizeCrd(const api::RgdSchema& schema, const json::Value& spec,
                          const json::Value& status) {
  json::Object metadata;
  metadata["name"] = CrdName(schema);
  if (!schema.labels.empty()) metadata["labels"] = StringMap(schema.labels);
  if (!schema.annotations.empty()) metadata["annotations"] = StringMap(schema.annotations);

  json::Object names;
  names["plural"] = api::Plural(schema.kind);
  names["singular"] = Lower(schema.kind);
  if (!schema.short_names.empty()) names["shortNames"] = StringList(schema.short_names);
  names["kind"] = schema.kind;
  names["listKind"] = schema.kind + "List";
  if (!schema.categories.empty()) names["categories"] = StringList(schema.categories);

  json::Object properties;
  properties["apiVersion"] = json::Object{{"type", "string"}};
  properties["kind"] = json::Object{{"type", "string"}};
  properties["metadata"] = json::Object{{"type", "object"}};
  properties["spec"] = spec;
  properties["status"] = status;
  json::Object root;
  root["type"] = "object";
  root["properties"] = std::move(properties);

  json::Object version;
  version["name"] = schema.api_version;
  version["served"] = true;
  version["storage"] = true;
  version["schema"] = json::Object{{"openAPIV3Schema", std::move(root)}};
  version["subresources"] = json::Object{{"status", json::Object()}};
  version["additionalPrinterColumns"] = Columns(schema);

  json::Object crd_spec;
  crd_spec["group"] = schema.group;
  crd_spec["names"] = std::move(names);
  crd_spec["scope"] = ToString(schema.scope);
  crd_spec["versions"] = json::Array{json::Value(std::move(version))};

  json::Object crd;
  crd["apiVersion"] = "apiextensions.k8s.io/v1";
  crd["kind"] = "CustomResourceDefinition";
  crd["metadata"] = std::move(metadata);
  crd["spec"] = std::move(crd_spec);
  return crd;
}

void StampCrd(json::Value& crd, const api::Rgd& rgd, std::string_view version) {
  json::Object& metadata = crd.as_object()["metadata"].as_object();
  if (!metadata.contains("labels")) metadata["labels"] = json::Object();
  json::Object& labels = metadata["labels"].as_object();
  for (const auto& [key, value] : api::SystemLabels(version)) labels[key] = value;
  for (const auto& [key, value] : api::RgdLabels(rgd.name, rgd.uid)) labels[key] = value;
}

json::Value MakeCrdPatch(const json::Value& live, const json::Value& desired) {
  json::Object patch;
  json::Object metadata;
  for (const std::string_view part : {"labels", "annotations"}) {
    const auto* wanted = json::Find(desired, {"metadata", part});
    if (wanted == nullptr) continue;
    const auto* there = json::Find(live, {"metadata", part});
    if (there == nullptr || !Covers(*there, *wanted, 0)) metadata[part] = *wanted;
  }
  if (!metadata.empty()) patch["metadata"] = std::move(metadata);

  const auto* wanted_spec = json::Find(desired, "spec");
  const auto* live_spec = json::Find(live, "spec");
  if (wanted_spec == nullptr || !wanted_spec->is_object()) return patch;
  json::Object spec;
  for (const std::string_view part : {"group", "scope", "versions"}) {
    const auto* wanted = json::Find(*wanted_spec, part);
    const auto* there = live_spec == nullptr ? nullptr : json::Find(*live_spec, part);
    if (wanted != nullptr && (there == nullptr || !Covers(*there, *wanted, 0))) {
      spec[part] = *wanted;
    }
  }
  // Names are written whole: null removes short names and categories that are no longer wanted.
  json::Object names;
  bool names_differ = false;
  for (const std::string_view name :
       {"plural", "singular", "shortNames", "kind", "listKind", "categories"}) {
    const auto* wanted = json::Find(*wanted_spec, {"names", name});
    const auto* there = json::Find(live, {"spec", "names", name});
    names[name] = wanted == nullptr ? json::Value(nullptr) : *wanted;
    const bool same = wanted == nullptr ? there == nullptr || there->is_null() ||
                                              (there->is_array() && there->get_array().empty())
                                        : there != nullptr && *there == *wanted;
    names_differ = names_differ || !same;
  }
  if (names_differ) spec["names"] = std::move(names);
  if (!spec.empty()) patch["spec"] = std::move(spec);
  return patch;
}

json::Value WithServerDefaults(json::Value crd) {
  json::Value* spec = json::Find(crd, "spec");
  if (spec == nullptr || !spec->is_object()) return crd;
  json::Object& members = spec->get_object();
  if (!members.contains("conversion")) members["conversion"] = json::Object{{"strategy", "None"}};
  return crd;
}

namespace {

json::Value ConditionsSchema() {
  json::Object properties;
  for (const std::string_view name :
       {"lastTransitionTime", "message", "reason", "status", "type"}) {
    properties[name] = json::Object{{"type", "string"}};
  }
  properties["observedGeneration"] = json::Object{{"type", "integer"}};
  json::Object items;
  items["type"] = "object";
  items["properties"] = std::move(properties);
  json::Object conditions;
  conditions["type"] = "array";
  conditions["items"] = std::move(items);
  return conditions;
}

// An empty list of columns counts as none.
json::Array Columns(const api::RgdSchema& schema) {
  static const std::vector<api::PrinterColumn> kDefaults = {
      {"State", "string", "", "The state of a ResourceGraphDefinition instance", 0,
       ".status.state"},
      {"Ready", "string", "", "Whether a ResourceGraphDefinition instance is ready", 0,
       ".status.conditions[?(@.type==\"Ready\")].status"},
      {"Age", "date", "", "Age of the resource", 0, ".metadata.creationTimestamp"},
  };
  json::Array columns;
  for (const auto& column : schema.printer_columns.empty() ? kDefaults : schema.printer_columns) {
    json::Object object;
    object["name"] = column.name;
    object["type"] = column.type;
    if (!column.format.empty()) object["format"] = column.format;
    if (!column.description.empty()) object["description"] = column.description;
    if (column.priority != 0) object["priority"] = column.priority;
    object["jsonPath"] = column.json_path;
    columns.push_back(std::move(object));
  }
  return columns;
}

json::Object StringMap(const api::Labels& map) {
  json::Object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

json::Array StringList(const std::vector<std::string>& list) {
  json::Array array;
  for (const auto& item : list) array.push_back(json::Value(item));
  return array;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Whether `live` already says what `desired` says. Schemas are compared strictly, so that a rule or
// enum that was dropped is noticed; elsewhere members that the server added do not count.
bool Covers(const json::Value& live, const json::Value& desired, int depth) {
  if (depth > json::kMaxDepth) return false;
  if (live.is_number() && desired.is_number()) {
    return live == desired || live.to_number<double>() == desired.to_number<double>();
  }
  if (live.kind() != desired.kind()) return false;
  if (const auto* array = desired.if_array()) {
    return std::ranges::equal(live.get_array(), *array, [&](const auto& a, const auto& b) {
      return Covers(a, b, depth + 1);
    });
  }
  if (const auto* object = desired.if_object()) {
    return std::ranges::all_of(*object, [&](const auto& member) {
      const json::Value* there = live.get_object().if_contains(member.key());
      if (there == nullptr) return false;
      const bool strict = std::string_view(member.key()) == "openAPIV3Schema";
      return Covers(*there, member.value(), depth + 1) &&
             (!strict || Covers(member.value(), *there, depth + 1));
    });
  }
  return live == desired;
}

}  // namespace
}  // namespace kro::schema
