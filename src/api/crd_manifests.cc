#include "api/crd_manifests.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "api/constants.h"

namespace kro::api {
namespace {

#define KRO_IMMUTABLE(name) \
  R"("x-kubernetes-validations":[{"rule":"self == oldSelf","message":")" name R"( is immutable"}])"

constexpr std::string_view kAliasRules = R"("maxItems":32,"x-kubernetes-list-type":"set")";
constexpr std::string_view kAliasItemRules =
    R"("maxLength":63,"pattern":"^[a-z]([-a-z0-9]*[a-z0-9])?$")";
constexpr std::string_view kAtomicList = R"("x-kubernetes-list-type":"atomic")";

constexpr FieldInfo kRgdSpec[] = {
    {"schema", "object", true, "", "The API that the graph becomes."},
    {"schema.kind", "string", true,
     R"("pattern":"^[A-Z][a-zA-Z0-9]{0,62}$",)" KRO_IMMUTABLE("kind"), "Kind of the instances."},
    {"schema.apiVersion", "string", true,
     R"("pattern":"^v[0-9]+(alpha[0-9]+|beta[0-9]+)?$",)" KRO_IMMUTABLE("apiVersion"),
     "Version of the instances' API, v1alpha1 for example."},
    {"schema.group", "string", false, R"("default":"kro.run",)" KRO_IMMUTABLE("group"),
     "Group of the instances' API."},
    {"schema.scope", "string", true,
     R"("default":"Namespaced","enum":["Namespaced","Cluster"],)" KRO_IMMUTABLE("scope"),
     "Whether instances live in namespaces."},
    {"schema.spec", "free", false, "", "Fields of the instances' spec, in SimpleSchema."},
    {"schema.types", "free", false, "", "Named types for spec, in SimpleSchema."},
    {"schema.status", "free", false, "", "Fields of the instances' status, CEL expressions."},
    {"schema.additionalPrinterColumns", "array", false, "", "Columns that kubectl get shows."},
    {"schema.additionalPrinterColumns[]", "object", false, "", ""},
    {"schema.additionalPrinterColumns[].name", "string", true, "", "Title."},
    {"schema.additionalPrinterColumns[].type", "string", true, "", "OpenAPI type."},
    {"schema.additionalPrinterColumns[].format", "string", false, "", "OpenAPI format."},
    {"schema.additionalPrinterColumns[].description", "string", false, "", "What it shows."},
    {"schema.additionalPrinterColumns[].priority", "integer", false, R"("format":"int32")",
     "Columns above 0 are shown in wide output only."},
    {"schema.additionalPrinterColumns[].jsonPath", "string", true, "", "Where its value stands."},
    {"schema.shortNames", "array", false, kAliasRules, "Short names of the kind."},
    {"schema.shortNames[]", "string", false, kAliasItemRules, ""},
    {"schema.categories", "array", false, kAliasRules, "Categories of the kind."},
    {"schema.categories[]", "string", false, kAliasItemRules, ""},
    {"schema.metadata", "object", false, "", "Metadata of the generated CRD."},
    {"schema.metadata.labels", "map", false, "", "Labels of the generated CRD."},
    {"schema.metadata.annotations", "map", false, "", "Annotations of the generated CRD."},
    {"resources", "array", false, "", "What an instance is made of."},
    {"resources[]", "object", false,
     R"j("x-kubernetes-validations":[{"rule":"(has(self.template) && !has(self.externalRef)) || (!has(self.template) && has(self.externalRef))","message":"exactly one of template or externalRef must be provided"}])j",
     ""},
    {"resources[].id", "string", true, "", "Name by which expressions refer to it."},
    {"resources[].template", "free", false, "", "Manifest with CEL expressions."},
    {"resources[].externalRef", "object", false, "", "An object that is read, never written."},
    {"resources[].externalRef.apiVersion", "string", true, "", ""},
    {"resources[].externalRef.kind", "string", true, "", ""},
    {"resources[].externalRef.metadata", "object", true,
     R"j("x-kubernetes-validations":[{"rule":"(has(self.name) && !has(self.selector)) || (!has(self.name) && has(self.selector))","message":"exactly one of name or selector must be provided"}])j",
     ""},
    {"resources[].externalRef.metadata.name", "string", false, R"("minLength":1)", ""},
    {"resources[].externalRef.metadata.namespace", "string", false, "",
     "With a name: the instance's own if empty. With a selector: all namespaces if empty."},
    {"resources[].externalRef.metadata.selector", "object", false,
     R"("x-kubernetes-map-type":"atomic")", "Makes the reference a collection."},
    {"resources[].externalRef.metadata.selector.matchLabels", "map", false, "", ""},
    {"resources[].externalRef.metadata.selector.matchExpressions", "array", false, kAtomicList, ""},
    {"resources[].externalRef.metadata.selector.matchExpressions[]", "object", false, "", ""},
    {"resources[].externalRef.metadata.selector.matchExpressions[].key", "string", true, "", ""},
    {"resources[].externalRef.metadata.selector.matchExpressions[].operator", "string", true, "",
     ""},
    {"resources[].externalRef.metadata.selector.matchExpressions[].values", "array", false,
     kAtomicList, ""},
    {"resources[].externalRef.metadata.selector.matchExpressions[].values[]", "string", false, "",
     ""},
    {"resources[].readyWhen", "array", false, "", "When the resource counts as ready."},
    {"resources[].readyWhen[]", "string", false, "", ""},
    {"resources[].includeWhen", "array", false, "", "When the resource is wanted at all."},
    {"resources[].includeWhen[]", "string", false, "", ""},
    {"resources[].forEach", "array", false, "", "Makes one object for each element."},
    {"resources[].forEach[]", "map", false, R"("minProperties":1,"maxProperties":1)", ""},
};

constexpr FieldInfo kStatus[] = {
    {"topologicalOrder", "array", false, "", "Resource ids, dependencies first."},
    {"topologicalOrder[]", "string", false, "", ""},
    {"conditions", "array", false, "", ""},
    {"conditions[]", "object", false, "", ""},
    {"conditions[].type", "string", true, "", ""},
    {"conditions[].status", "string", true, "", ""},
    {"conditions[].reason", "string", false, "", ""},
    {"conditions[].message", "string", false, "", ""},
    {"conditions[].lastTransitionTime", "string", false, R"("format":"date-time")", ""},
    {"conditions[].observedGeneration", "integer", false, R"("format":"int64","minimum":0)", ""},
    {"resources", "array", false, "", "Resources that depend on others."},
    {"resources[]", "object", false, "", ""},
    {"resources[].id", "string", false, "", ""},
    {"resources[].dependencies", "array", false, "", ""},
    {"resources[].dependencies[]", "object", false, "", ""},
    {"resources[].dependencies[].id", "string", false, "", ""},
};

constexpr FieldInfo kRgdStatusOnly[] = {
    {"state", "string", false, "", "Active or Inactive."},
    {"lastIssuedRevision", "integer", false, R"("format":"int64")",
     "The highest revision ever issued."},
};

struct Column {
  std::string_view name;
  std::string_view type;
  int priority;
  std::string_view json_path;
};

// What differs between the three CRDs beside their schemas.
struct CrdInfo {
  std::string_view group;
  std::string_view kind;
  std::string_view plural;
  std::string_view singular;
  std::string_view short_name;
  std::string_view scope;
};

json::Value SchemaOf(std::span<const FieldInfo> fields);
json::Value StatusSchema(bool of_rgd);
void AddField(json::Value& root, const FieldInfo& field);
json::Value TypeSchema(const FieldInfo& field);
json::Value MakeCrd(const CrdInfo& info, std::span<const Column> columns, json::Value spec,
                    json::Value status, json::Value selectable_fields = nullptr);

constexpr Column kReadyColumn = {"READY", "string", 0,
                                 R"(.status.conditions[?(@.type=="Ready")].status)"};
constexpr Column kAgeColumn = {"AGE", "date", 0, ".metadata.creationTimestamp"};

}  // namespace

json::Value RgdCrd() {
  constexpr Column kColumns[] = {
      {"APIVERSION", "string", 0, ".spec.schema.apiVersion"},
      {"KIND", "string", 0, ".spec.schema.kind"},
      {"STATE", "string", 0, ".status.state"},
      kReadyColumn,
      {"TOPOLOGICALORDER", "string", 1, ".status.topologicalOrder"},
      kAgeColumn,
  };
  return MakeCrd({kGroup, "ResourceGraphDefinition", "resourcegraphdefinitions",
                  "resourcegraphdefinition", "rgd", "Cluster"},
                 kColumns, SchemaOf(kRgdSpec), StatusSchema(true));
}

json::Value GraphRevisionCrd() {
  constexpr Column kColumns[] = {
      {"RGD", "string", 1, ".spec.snapshot.name"},
      {"REVISION", "integer", 0, ".spec.revision"},
      {"HASH", "string", 1, R"(.metadata.labels.kro\.run/graph-revision-hash)"},
      kReadyColumn,
      kAgeColumn,
  };
  constexpr FieldInfo kSpec[] = {
      {"revision", "integer", true, R"("format":"int64","minimum":1)", "Counts from 1."},
      {"snapshot", "object", true, "", "The definition as it was."},
      {"snapshot.name", "string", true, "", "Name of the ResourceGraphDefinition."},
      {"snapshot.generation", "integer", true, R"("format":"int64")", "Its generation then."},
  };
  json::Value spec = SchemaOf(kSpec);
  json::Object& snapshot = spec.at("properties").at("snapshot").as_object();
  snapshot["properties"].as_object()["spec"] = SchemaOf(kRgdSpec);
  snapshot["required"].as_array().push_back("spec");
  spec.as_object()["x-kubernetes-validations"] =
      json::Array{{{"rule", "self == oldSelf"}, {"message", "spec is immutable"}}};
  return MakeCrd(
      {kInternalGroup, "GraphRevision", "graphrevisions", "graphrevision", "gr", "Cluster"},
      kColumns, std::move(spec), StatusSchema(false),
      json::Array{{{"jsonPath", ".spec.snapshot.name"}}});
}

// The fields of v0.1.0 are those that the RGD kept, without its patterns, and two that it dropped.
json::Value ResourceGroupCrd() {
  constexpr Column kColumns[] = {
      {"APIVERSION", "string", 0, ".spec.schema.apiVersion"},
      {"KIND", "string", 0, ".spec.schema.kind"},
      {"STATE", "string", 0, ".status.state"},
      {"TOPOLOGICALORDER", "string", 1, ".status.topologicalOrder"},
      kAgeColumn,
  };
  constexpr FieldInfo kSpec[] = {
      {"schema", "object", true, "", ""},
      {"schema.kind", "string", true, KRO_IMMUTABLE("kind"), ""},
      {"schema.apiVersion", "string", true, KRO_IMMUTABLE("apiVersion"), ""},
      {"schema.group", "string", false, R"("default":"kro.run",)" KRO_IMMUTABLE("group"), ""},
      {"schema.spec", "free", false, "", ""},
      {"schema.types", "free", false, "", ""},
      {"schema.status", "free", false, "", ""},
      {"schema.validation", "array", false, "", ""},
      {"schema.validation[]", "string", false, "", ""},
      {"resources", "array", false, "", ""},
      {"resources[]", "object", false, "", ""},
      {"resources[].id", "string", true, "", ""},
      {"resources[].template", "free", true, "", ""},
      {"resources[].readyWhen", "array", false, "", ""},
      {"resources[].readyWhen[]", "string", false, "", ""},
      {"resources[].includeWhen", "array", false, "", ""},
      {"resources[].includeWhen[]", "string", false, "", ""},
      {"defaultServiceAccounts", "map", false, "", ""},
  };
  return MakeCrd({kGroup, "ResourceGroup", "resourcegroups", "resourcegroup", "rg", "Namespaced"},
                 kColumns, SchemaOf(kSpec), StatusSchema(true));
}

std::vector<json::Value> AllCrds() { return {RgdCrd(), GraphRevisionCrd(), ResourceGroupCrd()}; }

std::span<const FieldInfo> FieldsOfRgdSpec() { return kRgdSpec; }

namespace {

json::Value SchemaOf(std::span<const FieldInfo> fields) {
  json::Value root = json::Object{{"type", "object"}, {"properties", json::Object()}};
  for (const auto& field : fields) AddField(root, field);
  return root;
}

json::Value StatusSchema(bool of_rgd) {
  json::Value root = SchemaOf(kStatus);
  if (of_rgd) {
    for (const auto& field : kRgdStatusOnly) AddField(root, field);
  }
  return root;
}

// Follows the path to the parent, which stands before its children in every table.
void AddField(json::Value& root, const FieldInfo& field) {
  json::Value* node = &root;
  std::string_view rest = field.path;
  while (true) {
    const std::size_t end = std::min(rest.find_first_of(".["), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(end);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    json::Object& parent = node->as_object();
    if (!name.empty()) {
      json::Object& properties = parent["properties"].as_object();
      if (rest.empty()) {
        properties[name] = TypeSchema(field);
        if (field.required) {
          if (!parent.contains("required")) parent["required"] = json::Array();
          parent["required"].as_array().push_back(json::Value(name));
        }
        return;
      }
      node = &properties[name];
    }
    if (rest.starts_with("[]")) {
      rest.remove_prefix(2);
      if (rest.starts_with('.')) rest.remove_prefix(1);
      json::Object& array = node->as_object();
      if (rest.empty()) {
        array["items"] = TypeSchema(field);
        return;
      }
      node = &array["items"];
    }
  }
}

json::Value TypeSchema(const FieldInfo& field) {
  json::Object schema;
  if (!field.description.empty()) schema["description"] = field.description;
  schema["type"] = field.type == "map" || field.type == "free" ? "object" : field.type;
  if (field.type == "object") schema["properties"] = json::Object();
  if (field.type == "map") schema["additionalProperties"] = json::Object{{"type", "string"}};
  if (field.type == "free") schema["x-kubernetes-preserve-unknown-fields"] = true;
  if (!field.rules.empty()) {
    // The rules are ours and constant: that they parse is what the tests check.
    auto rules = json::Parse(fmt::format("{{{}}}", field.rules));
    if (rules) {
      for (const auto& rule : rules->as_object()) schema[rule.key()] = rule.value();
    }
  }
  return schema;
}

json::Value MakeCrd(const CrdInfo& info, std::span<const Column> columns, json::Value spec,
                    json::Value status, json::Value selectable_fields) {
  json::Array printed;
  for (const auto& column : columns) {
    json::Object entry{{"jsonPath", column.json_path}, {"name", column.name}};
    if (column.priority != 0) entry["priority"] = column.priority;
    entry["type"] = column.type;
    printed.push_back(std::move(entry));
  }
  json::Object properties;
  properties["apiVersion"] = json::Object{{"type", "string"}};
  properties["kind"] = json::Object{{"type", "string"}};
  properties["metadata"] = json::Object{{"type", "object"}};
  properties["spec"] = std::move(spec);
  properties["status"] = std::move(status);

  json::Object schema;
  schema["type"] = "object";
  schema["properties"] = std::move(properties);

  json::Object version;
  version["additionalPrinterColumns"] = std::move(printed);
  version["name"] = kVersion;
  version["schema"] = json::Object{{"openAPIV3Schema", std::move(schema)}};
  if (!selectable_fields.is_null()) version["selectableFields"] = std::move(selectable_fields);
  version["served"] = true;
  version["storage"] = true;
  version["subresources"] = json::Object{{"status", json::Object()}};

  json::Object names;
  names["kind"] = info.kind;
  names["listKind"] = std::string(info.kind) + "List";
  names["plural"] = info.plural;
  names["shortNames"] = json::Array{json::Value(info.short_name)};
  names["singular"] = info.singular;

  json::Object crd_spec;
  crd_spec["group"] = info.group;
  crd_spec["names"] = std::move(names);
  crd_spec["scope"] = info.scope;
  crd_spec["versions"] = json::Array{json::Value(std::move(version))};

  json::Object crd;
  crd["apiVersion"] = "apiextensions.k8s.io/v1";
  crd["kind"] = "CustomResourceDefinition";
  crd["metadata"] = json::Object{{"name", fmt::format("{}.{}", info.plural, info.group)}};
  crd["spec"] = std::move(crd_spec);
  return crd;
}

}  // namespace
}  // namespace kro::api
