#include "apiserver/internal/openapi_documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/internal/builtin_documents.h"
#include "apiserver/internal/custom_version.h"
#include "base/hash.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

using Documents = std::map<std::string, OpenApiDocuments::Document, std::less<>>;

// Of built-in kinds: the same in all servers of a process.
const Documents& BuiltinOnes();
Documents ReadBuiltinOnes();
// Shared types that documents of custom resources refer to.
const json::Object& MetaSchemas();
json::Object ReadMetaSchemas();
json::Value CustomDocument(const ServedGroup& group, const ServedVersion& version);
std::string SchemaName(std::string_view group, std::string_view version, std::string_view kind);
// A schema as it is published: with the fields that every object has.
json::Value PublishedSchema(const Resource& resource);
void CompleteEmbedded(json::Value& schema, int depth);
json::Object PathsOf(const Resource& resource);
json::Object Reference(std::string_view name);

}  // namespace

std::string OpenApiDocuments::Index() {
  Refresh();
  json::Object paths;
  const auto add = [&paths](const std::string& path, const std::string& hash) {
    json::Object entry;
    entry["serverRelativeURL"] = fmt::format("/openapi/v3/{}?hash={}", path, hash);
    paths[path] = std::move(entry);
  };
  for (const auto& [path, document] : BuiltinOnes()) add(path, document.hash);
  for (const auto& [path, custom] : custom_) add(path, custom.document.hash);
  json::Object index;
  index["paths"] = std::move(paths);
  return json::Serialize(index);
}

const OpenApiDocuments::Document* OpenApiDocuments::Find(std::string_view path) {
  Refresh();
  if (auto found = BuiltinOnes().find(path); found != BuiltinOnes().end()) return &found->second;
  const auto found = custom_.find(path);
  if (found == custom_.end()) return nullptr;
  Custom& custom = found->second;
  if (custom.document.gzip.empty()) custom.document.gzip = Gzip(std::exchange(custom.text, {}));
  return &custom.document;
}

void OpenApiDocuments::Refresh() {
  if (generation_ == registry_.generation()) return;
  generation_ = registry_.generation();
  std::map<std::string, Custom, std::less<>> before;
  custom_.swap(before);
  for (const ServedGroup& group : registry_.groups()) {
    if (group.builtin) continue;
    for (const ServedVersion& version : group.versions) {
      std::string path = fmt::format("apis/{}/{}", group.name, version.version);
      if (auto known = before.find(path);
          known != before.end() && known->second.resources == version.resources) {
        custom_.insert(before.extract(known));
        continue;
      }
      std::string text = json::Serialize(CustomDocument(group, version));
      auto digest = Sha256(text);
      std::string hash = ToHex(AsBytes(digest));
      std::ranges::transform(hash, hash.begin(),
                             [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
      custom_.emplace(std::move(path),
                      Custom{version.resources, std::move(text), {std::move(hash), {}}});
    }
  }
}

namespace {

const Documents& BuiltinOnes() {
  static const Documents& documents = *new Documents(ReadBuiltinOnes());
  return documents;
}

Documents ReadBuiltinOnes() {
  Documents documents;
  auto hashes = json::Parse(BuiltinOpenApiHashes());
  for (const BuiltinDocument& document : BuiltinDocuments()) {
    std::string hash(hashes ? json::FindString(*hashes, {document.path}) : "");
    documents[std::string(document.path)] = {std::move(hash), std::string(document.gzip)};
  }
  return documents;
}

const json::Object& MetaSchemas() {
  static const json::Object& schemas = *new json::Object(ReadMetaSchemas());
  return schemas;
}

json::Object ReadMetaSchemas() {
  json::Object meta;
  auto document = std::ranges::find(
      BuiltinDocuments(), std::string_view("apis/coordination.k8s.io/v1"), &BuiltinDocument::path);
  if (document == BuiltinDocuments().end()) return meta;
  auto text = Gunzip(document->gzip);
  if (!text) return meta;
  auto value = json::Parse(*text);
  if (!value) return meta;
  const json::Value* schemas = json::Find(std::as_const(*value), {"components", "schemas"});
  if (schemas == nullptr || !schemas->is_object()) return meta;
  for (const auto& [name, schema] : schemas->get_object()) {
    if (std::string_view(name).starts_with(kMeta)) meta[name] = schema;
  }
  return meta;
}

json::Value CustomDocument(const ServedGroup& group, const ServedVersion& version) {
  json::Object schemas = MetaSchemas();
  json::Object paths;
  for (const ResourcePtr& resource : version.resources) {
    std::string name = SchemaName(group.name, version.version, resource->kind);
    schemas[name] = PublishedSchema(*resource);
    json::Object kind;
    kind["group"] = group.name;
    kind["version"] = version.version;
    kind["kind"] = resource->list_kind;
    json::Object items;
    items["type"] = "array";
    items["items"] = Reference(name);
    json::Object properties;
    for (std::string_view key : {"apiVersion", "kind"}) {
      json::Object text;
      text["type"] = "string";
      properties[key] = std::move(text);
    }
    properties["items"] = std::move(items);
    properties["metadata"] = Reference(fmt::format("{}ListMeta", kMeta));
    json::Object list;
    list["type"] = "object";
    list["required"] = json::Array{"items"};
    list["properties"] = std::move(properties);
    list["x-kubernetes-group-version-kind"] = json::Array{std::move(kind)};
    schemas[SchemaName(group.name, version.version, resource->list_kind)] = std::move(list);
    for (auto& path : PathsOf(*resource)) paths[path.key()] = std::move(path.value());
  }
  json::Object info;
  info["title"] = "Kubernetes CRD Swagger";
  info["version"] = "v0.1.0";
  json::Object components;
  components["schemas"] = std::move(schemas);
  json::Object document;
  document["openapi"] = "3.0.0";
  document["info"] = std::move(info);
  document["paths"] = std::move(paths);
  document["components"] = std::move(components);
  return document;
}

std::string SchemaName(std::string_view group, std::string_view version, std::string_view kind) {
  std::string reversed;
  while (!group.empty()) {
    std::size_t dot = group.rfind('.');
    reversed += dot == std::string_view::npos ? group : group.substr(dot + 1);
    reversed += '.';
    group = dot == std::string_view::npos ? std::string_view() : group.substr(0, dot);
  }
  return fmt::format("{}{}.{}", reversed, version, kind);
}

void AddTypeMeta(json::Object& schema) {
  json::Value& properties = schema["properties"];
  if (!properties.is_object()) properties.emplace_object();
  for (std::string_view key : {"apiVersion", "kind"}) {
    json::Object text;
    text["type"] = "string";
    text["description"] =
        key == "kind"
            ? "Kind is a string value representing the REST resource this object represents. "
              "Servers "
              "may infer this from the endpoint the client submits requests to. Cannot be updated. "
              "In CamelCase. More info: "
              "https://git.k8s.io/community/contributors/devel/sig-architecture/"
              "api-conventions.md#types-kinds"
            : "APIVersion defines the versioned schema of this representation of an object. "
              "Servers "
              "should convert recognized schemas to the latest internal value, and may reject "
              "unrecognized values. More info: "
              "https://git.k8s.io/community/contributors/devel/sig-architecture/"
              "api-conventions.md#resources";
    properties.get_object()[key] = std::move(text);
  }
  json::Object metadata;
  metadata["allOf"] = json::Array{Reference(fmt::format("{}ObjectMeta", kMeta))};
  metadata["description"] =
      "Standard object's metadata. More info: "
      "https://git.k8s.io/community/contributors/devel/sig-architecture/"
      "api-conventions.md#metadata";
  properties.get_object()["metadata"] = std::move(metadata);
}

json::Value PublishedSchema(const Resource& resource) {
  json::Value schema = resource.custom->openapi;
  if (!schema.is_object()) schema.emplace_object();
  CompleteEmbedded(schema, 0);
  AddTypeMeta(schema.get_object());
  json::Object kind;
  kind["group"] = resource.group;
  kind["version"] = resource.version;
  kind["kind"] = resource.kind;
  schema.get_object()["x-kubernetes-group-version-kind"] = json::Array{std::move(kind)};
  return schema;
}

void CompleteEmbedded(json::Value& schema, int depth) {
  if (depth > json::kMaxDepth || !schema.is_object()) return;
  json::Object& object = schema.get_object();
  if (const json::Value* marker = object.if_contains("x-kubernetes-embedded-resource");
      marker != nullptr && *marker == true) {
    AddTypeMeta(object);
    object["required"] = json::Array{"kind", "apiVersion"};
  }
  if (const json::Value* marker = object.if_contains("x-kubernetes-int-or-string");
      marker != nullptr && *marker == true) {
    json::Object integer;
    integer["type"] = "integer";
    json::Object text;
    text["type"] = "string";
    object.erase("type");
    object["anyOf"] = json::Array{std::move(integer), std::move(text)};
  }
  if (json::Value* properties = object.if_contains("properties");
      properties != nullptr && properties->is_object()) {
    for (auto& property : properties->get_object()) CompleteEmbedded(property.value(), depth + 1);
  }
  for (std::string_view key : {"items", "additionalProperties"}) {
    if (json::Value* child = object.if_contains(key)) CompleteEmbedded(*child, depth + 1);
  }
}

// Enough for clients that look up whether patches may ask for field validation.
json::Object PathsOf(const Resource& resource) {
  json::Object schema;
  schema["type"] = "string";
  schema["uniqueItems"] = true;
  json::Array parameters;
  for (std::string_view name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
    json::Object parameter;
    parameter["name"] = name;
    parameter["in"] = "query";
    parameter["schema"] = schema;
    parameters.push_back(std::move(parameter));
  }
  json::Object kind;
  kind["group"] = resource.group;
  kind["version"] = resource.version;
  kind["kind"] = resource.kind;
  json::Object patch;
  patch["x-kubernetes-action"] = "patch";
  patch["parameters"] = std::move(parameters);
  patch["x-kubernetes-group-version-kind"] = std::move(kind);
  json::Object item;
  item["patch"] = std::move(patch);
  std::string path =
      fmt::format("/apis/{}/{}{}/{}/{{name}}", resource.group, resource.version,
                  resource.namespaced() ? "/namespaces/{namespace}" : "", resource.name);
  json::Object paths;
  paths[path] = std::move(item);
  return paths;
}

json::Object Reference(std::string_view name) {
  json::Object reference;
  reference["$ref"] = fmt::format("#/components/schemas/{}", name);
  return reference;
}

}  // namespace
}  // namespace kro::apiserver
