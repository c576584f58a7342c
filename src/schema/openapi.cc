#include "schema/openapi.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <unordered_set>
#include <utility>

#include "schema/objectmeta.h"

namespace kro::schema {
namespace {

constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"object", Type::kObject},   {"array", Type::kArray},   {"string", Type::kString},
    {"integer", Type::kInteger}, {"number", Type::kNumber}, {"boolean", Type::kBoolean},
    {kFaultyType, Type::kFaulty}};

// Deeper than any published schema; what lies below is cut to an untyped node.
constexpr int kMaxSchemaDepth = 200;
// References that run in a circle are expanded along every path, which can explode.
constexpr std::size_t kMaxSchemaNodes = 500'000;

bool Flag(const json::Value& schema, std::string_view name);
Type TypeOf(const json::Value& schema);
TypeList AlternativeTypes(const json::Value* members);
const json::Value* ReferenceIn(const json::Value& schema);
json::Value Published(const json::Value& schema);

}  // namespace

// Turns JSON into nodes of a set, following references into one document.
class SchemaLoader {
 public:
  SchemaLoader(SchemaSet& set, const json::Value* components)
      : set_(set), components_(components) {}

  const Schema* Load(const json::Value& json, int depth);
  const Schema* Component(std::string_view name, int depth);

 private:
  struct Hash {
    std::size_t operator()(const Schema* node) const;
  };
  struct Equal {
    bool operator()(const Schema* a, const Schema* b) const { return *a == *b; }
  };

  // The node that is equal to this one, which it becomes if there is none.
  const Schema* Intern(Schema node);
  std::string_view Intern(std::string_view text);
  std::vector<std::string_view> Strings(const json::Value* array);

  SchemaSet& set_;
  const json::Value* components_;
  std::unordered_set<const Schema*, Hash, Equal> known_;
  std::unordered_set<std::string_view> names_;
  std::size_t text_left_ = 0;  // bytes free behind the last name
  char* text_end_ = nullptr;
  std::size_t loaded_ = 0;              // nodes, before equal ones were joined
  std::vector<std::string_view> open_;  // components on the current path
  // The outermost open component that a cut inside the current one led to.
  std::size_t lowest_cut_ = SIZE_MAX;
};

std::string_view ToString(Type type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return name;
  }
  return "";
}

void TypeList::Add(Type type) {
  const bool is_new = std::ranges::find(*this, type) == end();
  if (type != Type::kNone && is_new && size_ < types_.size()) types_[size_++] = type;
}

const Schema* Schema::Find(std::string_view property) const {
  const auto found = std::ranges::lower_bound(properties, property, {}, &Property::name);
  return found == properties.end() || found->name != property ? nullptr : found->schema;
}

Result<const Schema*> SchemaSet::AddKind(const json::Value& document, const api::Gvk& gvk) {
  if (const Schema* known = Find(gvk)) return known;
  const auto missing = [&] {
    return Fail(ErrorCode::kNotFound, "cannot resolve group version kind \"{}\": schema not found",
                gvk.ToString());
  };
  const json::Value* components = json::Find(document, {"components", "schemas"});
  if (components == nullptr || !components->is_object()) return missing();
  for (const auto& component : components->get_object()) {
    const auto* kinds = json::Find(component.value(), "x-kubernetes-group-version-kind");
    if (kinds == nullptr || !kinds->is_array()) continue;
    for (const auto& kind : kinds->get_array()) {
      const bool wanted = json::FindString(kind, {"group"}) == gvk.group &&
                          json::FindString(kind, {"version"}) == gvk.version &&
                          json::FindString(kind, {"kind"}) == gvk.kind;
      if (!wanted) continue;
      const Schema* schema = SchemaLoader(*this, components).Component(component.key(), 0);
      kinds_.emplace(gvk, schema);
      return schema;
    }
  }
  return missing();
}

Result<void> SchemaSet::AddCrd(const json::Value& crd) {
  const auto* versions = json::Find(crd, {"spec", "versions"});
  if (versions == nullptr || !versions->is_array()) {
    return Fail(ErrorCode::kInvalid, "CRD '{}' has no versions",
                json::FindString(crd, {"metadata", "name"}));
  }
  SchemaLoader loader(*this, nullptr);
  for (const auto& version : versions->get_array()) {
    if (!Flag(version, "served")) continue;
    const auto* schema = json::Find(version, {"schema", "openAPIV3Schema"});
    if (schema == nullptr || !schema->is_object()) continue;
    json::Value root = *schema;
    root.as_object()["x-kubernetes-embedded-resource"] = true;
    kinds_.insert_or_assign(api::Gvk{std::string(json::FindString(crd, {"spec", "group"})),
                                     std::string(json::FindString(version, {"name"})),
                                     std::string(json::FindString(crd, {"spec", "names", "kind"}))},
                            loader.Load(Published(root), 0));
  }
  return {};
}

const Schema* SchemaSet::Add(const json::Value& schema) {
  return SchemaLoader(*this, nullptr).Load(schema, 0);
}

const Schema* SchemaSet::Find(const api::Gvk& gvk) const {
  const auto found = kinds_.find(gvk);
  return found == kinds_.end() ? nullptr : found->second;
}

// A component that is on the path already is cut. What was built without reaching outside itself is
// the same wherever it is used, so it is kept; a member of a cycle always reaches itself.
const Schema* SchemaLoader::Component(std::string_view name, int depth) {
  if (const auto known = set_.components_.find(name); known != set_.components_.end()) {
    return known->second;
  }
  const auto open = std::ranges::find(open_, name);
  if (open != open_.end()) {
    lowest_cut_ = std::min(lowest_cut_, static_cast<std::size_t>(open - open_.begin()));
    return Intern(Schema{.type = Type::kObject});
  }
  const json::Value* component = components_ == nullptr ? nullptr : json::Find(*components_, name);
  if (component == nullptr) return Intern(Schema());
  const std::size_t outer_cut = std::exchange(lowest_cut_, SIZE_MAX);
  const std::size_t own = open_.size();
  open_.push_back(name);
  const Schema* schema = Load(*component, depth + 1);
  open_.pop_back();
  if (lowest_cut_ > own) set_.components_.emplace(name, schema);
  lowest_cut_ = std::min(outer_cut, lowest_cut_ < own ? lowest_cut_ : SIZE_MAX);
  return schema;
}

const Schema* SchemaLoader::Load(const json::Value& json, int depth) {
  if (!json.is_object() || depth > kMaxSchemaDepth || ++loaded_ > kMaxSchemaNodes) {
    return Intern(Schema{.preserve_unknown = true});
  }
  if (const json::Value* reference = ReferenceIn(json)) {
    const std::string_view path = reference->get_string();
    return Component(path.substr(path.rfind('/') + 1), depth);
  }
  Schema node;
  node.type = TypeOf(json);
  node.format = Intern(json::FindString(json, {"format"}));
  node.preserve_unknown = Flag(json, "x-kubernetes-preserve-unknown-fields");
  node.int_or_string = Flag(json, "x-kubernetes-int-or-string") || node.format == "int-or-string";
  node.nullable = Flag(json, "nullable");
  node.embedded_resource = Flag(json, "x-kubernetes-embedded-resource");
  const std::string_view list_type = json::FindString(json, {"x-kubernetes-list-type"});
  if (list_type == "set") node.list_type = ListType::kSet;
  if (list_type == "map") node.list_type = ListType::kMap;
  node.list_keys = Strings(json::Find(json, "x-kubernetes-list-map-keys"));
  node.required = Strings(json::Find(json, "required"));
  node.one_of = AlternativeTypes(json::Find(json, "oneOf"));
  node.any_of = AlternativeTypes(json::Find(json, "anyOf"));
  const auto has_members = [&](std::string_view name) {
    const auto* members = json::Find(json, name);
    return members != nullptr && members->is_array() && !members->get_array().empty();
  };
  node.constrained = has_members("oneOf") || has_members("anyOf") ||
                     json::Find(json, "additionalProperties") != nullptr;
  if (const auto* items = json::Find(json, "items"); items != nullptr && items->is_object()) {
    node.items = Load(*items, depth + 1);
  }
  if (const auto* additional = json::Find(json, "additionalProperties")) {
    node.additional_allowed = additional->is_object() || Flag(json, "additionalProperties");
    if (additional->is_object()) node.additional = Load(*additional, depth + 1);
  }
  if (const auto* properties = json::Find(json, "properties");
      properties != nullptr && properties->is_object()) {
    node.properties.reserve(properties->get_object().size());
    for (const auto& property : properties->get_object()) {
      node.properties.push_back({Intern(property.key()), Load(property.value(), depth + 1)});
    }
    std::ranges::sort(node.properties, {}, &Schema::Property::name);
  }
  return Intern(std::move(node));
}

std::size_t SchemaLoader::Hash::operator()(const Schema* node) const {
  std::size_t hash = static_cast<std::size_t>(node->type);
  const auto add = [&](const void* part) {
    hash = hash * 31 + std::hash<const void*>()(part) / alignof(Schema);
  };
  add(node->items);
  add(node->additional);
  add(node->format.data());
  for (const Schema::Property& property : node->properties) {
    add(property.name.data());
    add(property.schema);
  }
  return hash;
}

const Schema* SchemaLoader::Intern(Schema node) {
  if (const auto known = known_.find(&node); known != known_.end()) return *known;
  const Schema* kept = &set_.nodes_.emplace_back(std::move(node));
  known_.insert(kept);
  return kept;
}

std::string_view SchemaLoader::Intern(std::string_view text) {
  if (text.empty()) return {};
  if (const auto known = names_.find(text); known != names_.end()) return *known;
  constexpr std::size_t kBlock = 512;
  if (text.size() > text_left_) {
    text_left_ = std::max(kBlock, text.size());
    text_end_ = set_.texts_.emplace_back(std::make_unique<char[]>(text_left_)).get();
  }
  const std::string_view kept(text_end_, text.size());
  std::ranges::copy(text, text_end_);
  text_end_ += text.size();
  text_left_ -= text.size();
  names_.insert(kept);
  return kept;
}

std::vector<std::string_view> SchemaLoader::Strings(const json::Value* array) {
  std::vector<std::string_view> strings;
  if (array == nullptr || !array->is_array()) return strings;
  for (const auto& item : array->get_array()) {
    if (item.is_string()) strings.push_back(Intern(item.get_string()));
  }
  return strings;
}

json::Value ToJson(const Schema& schema) {
  json::Object json;
  if (const auto type = ToString(schema.type); !type.empty()) json["type"] = type;
  if (!schema.format.empty()) json["format"] = schema.format;
  if (schema.nullable) json["nullable"] = true;
  if (schema.preserve_unknown) json["x-kubernetes-preserve-unknown-fields"] = true;
  if (schema.int_or_string) json["x-kubernetes-int-or-string"] = true;
  if (schema.embedded_resource) json["x-kubernetes-embedded-resource"] = true;
  if (schema.list_type != ListType::kAtomic) {
    json["x-kubernetes-list-type"] = schema.list_type == ListType::kSet ? "set" : "map";
  }
  const auto strings = [&](std::string_view name, const std::vector<std::string_view>& list) {
    if (list.empty()) return;
    json::Array array;
    for (const auto item : list) array.push_back(json::Value(item));
    json[name] = std::move(array);
  };
  strings("x-kubernetes-list-map-keys", schema.list_keys);
  strings("required", schema.required);
  const auto alternatives = [&](std::string_view name, const TypeList& types) {
    if (types.empty()) return;
    json::Array array;
    for (const Type type : types) array.push_back(json::Object{{"type", ToString(type)}});
    json[name] = std::move(array);
  };
  alternatives("oneOf", schema.one_of);
  alternatives("anyOf", schema.any_of);
  if (schema.items != nullptr) json["items"] = ToJson(*schema.items);
  if (schema.additional != nullptr) {
    json["additionalProperties"] = ToJson(*schema.additional);
  } else if (schema.additional_allowed) {
    json["additionalProperties"] = true;
  }
  if (!schema.properties.empty()) {
    json::Object properties;
    for (const auto& property : schema.properties) {
      properties[property.name] = ToJson(*property.schema);
    }
    json["properties"] = std::move(properties);
  }
  return json;
}

namespace {

bool Flag(const json::Value& schema, std::string_view name) {
  const auto* value = json::Find(schema, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

Type TypeOf(const json::Value& schema) {
  const json::Value* given = json::Find(schema, "type");
  // Only the first of several types counts.
  if (given != nullptr && given->is_array() && !given->get_array().empty()) {
    given = &given->get_array()[0];
  }
  if (given == nullptr || !given->is_string() || given->get_string().empty()) return Type::kNone;
  const std::string_view name = given->get_string();
  for (const auto& [word, type] : kTypes) {
    if (word == name) return type;
  }
  return Type::kOther;
}

TypeList AlternativeTypes(const json::Value* members) {
  TypeList types;
  if (members == nullptr || !members->is_array()) return types;
  for (const auto& member : members->get_array()) {
    if (json::Find(member, "required") != nullptr || json::Find(member, "not") != nullptr) {
      types.Add(Type::kObject);
    }
    types.Add(TypeOf(member));
  }
  return types;
}

const json::Value* ReferenceIn(const json::Value& schema) {
  const auto reference = [](const json::Value& node) -> const json::Value* {
    const auto* value = json::Find(node, "$ref");
    return value != nullptr && value->is_string() ? value : nullptr;
  };
  if (const auto* found = reference(schema)) return found;
  const auto* all_of = json::Find(schema, "allOf");
  if (all_of == nullptr || !all_of->is_array()) return nullptr;
  for (const auto& member : all_of->get_array()) {
    if (const auto* found = reference(member)) return found;
  }
  return nullptr;
}

// Completes one level and, through its parts, all of them; the depth is that of a JSON value.
json::Value Published(const json::Value& schema) {
  if (!schema.is_object()) return schema;
  json::Object object = schema.get_object();
  if (Flag(schema, "x-kubernetes-int-or-string") && !object.contains("anyOf")) {
    object["anyOf"] =
        json::Array{json::Object{{"type", "integer"}}, json::Object{{"type", "string"}}};
  }
  for (const std::string_view part : {"items", "additionalProperties"}) {
    if (auto* child = object.if_contains(part)) *child = Published(*child);
  }
  if (auto* properties = object.if_contains("properties"); properties && properties->is_object()) {
    for (auto& property : properties->get_object()) property.value() = Published(property.value());
  }
  if (Flag(schema, "x-kubernetes-embedded-resource")) {
    if (!object.contains("properties")) object["properties"] = json::Object();
    json::Object& properties = object["properties"].as_object();
    properties["apiVersion"] = json::Object{{"type", "string"}};
    properties["kind"] = json::Object{{"type", "string"}};
    properties["metadata"] = ObjectMetaSchema();
  }
  return object;
}

}  // namespace
}  // namespace kro::schema
