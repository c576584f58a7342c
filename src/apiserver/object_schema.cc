#include "apiserver/object_schema.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "apiserver/internal/go_types.h"
#include "json/go_type.h"

namespace kro::apiserver {
namespace {

// What every object's metadata is, as the server publishes it.
constexpr std::string_view kObjectMeta = R"({"type": "object", "properties": {
  "annotations": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
  "creationTimestamp": {"type": "string", "format": "date-time"},
  "deletionGracePeriodSeconds": {"type": "integer", "format": "int64"},
  "deletionTimestamp": {"type": "string", "format": "date-time"},
  "finalizers": {"type": "array", "items": {"type": "string", "default": ""},
    "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
  "generateName": {"type": "string"},
  "generation": {"type": "integer", "format": "int64"},
  "labels": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
  "managedFields": {"type": "array", "items": {"type": "object"},
    "x-kubernetes-list-type": "atomic"},
  "name": {"type": "string"},
  "namespace": {"type": "string"},
  "ownerReferences": {"type": "array", "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["uid"],
    "x-kubernetes-patch-merge-key": "uid", "x-kubernetes-patch-strategy": "merge",
    "items": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
      "apiVersion": {"type": "string", "default": ""},
      "blockOwnerDeletion": {"type": "boolean"},
      "controller": {"type": "boolean"},
      "kind": {"type": "string", "default": ""},
      "name": {"type": "string", "default": ""},
      "uid": {"type": "string", "default": ""}}}},
  "resourceVersion": {"type": "string"},
  "selfLink": {"type": "string"},
  "uid": {"type": "string"}}})";

constexpr std::string_view kQuantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
constexpr std::string_view kRawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension";

struct CommonTypes {
  TypeNode deduced;
  TypeNode untyped;  // like deduced, but maps are atomic too
  TypeNode quantity;
  TypeNode string;
  CommonTypes();
};
const CommonTypes& Common();

// Owns the nodes of one or more kinds.
struct Nodes {
  std::deque<TypeNode> nodes;
  std::deque<json::Value> defaults;
  std::set<std::string, std::less<>> names;

  std::string_view Intern(std::string_view name);
};

class SchemaReader {
 public:
  // `components` may be nullptr: then nothing is referred to.
  SchemaReader(Nodes& nodes, const json::Object* components,
               std::map<std::string, TypeNode*, std::less<>>& named)
      : nodes_(nodes), components_(components), named_(named) {}

  Result<const TypeNode*> ReadNamed(std::string_view name);
  Result<const TypeNode*> ReadRoot(const json::Value& schema);

 private:
  // Parts of a schema, inherited flags in hand.
  struct Scope {
    bool preserve_unknown = false;
    bool custom = false;  // of a CRD: embedded resources are completed
    int depth = 0;
    std::string_view schema;   // the name of the schema whose fields these are
    std::string_view go_type;  // what Go calls the type, where that does not follow from it
  };

  Result<const TypeNode*> ReadReference(const json::Value& schema, Scope scope);
  // How the Go type of a named schema reads JSON.
  Result<void> FillForm(TypeNode& node, std::string_view name);
  Result<void> Fill(TypeNode& node, const json::Object& schema, Scope scope);
  Result<void> FillList(TypeNode& node, const json::Object& schema, Scope scope);
  Result<void> FillMap(TypeNode& node, const json::Object& schema, Scope scope);
  Result<void> AddField(TypeNode& node, std::string_view name, const json::Value& schema,
                        Scope scope);
  Result<const TypeNode*> ObjectMeta();

  Nodes& nodes_;
  const json::Object* components_;
  std::map<std::string, TypeNode*, std::less<>>& named_;
};

// The order of fields: lengths are compared faster than names.
bool IsBefore(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}
std::string_view TextAt(const json::Object& schema, std::string_view key);
bool FlagAt(const json::Object& schema, std::string_view key);
std::string_view ReferenceName(const json::Object& schema);
ScalarType ReadScalar(std::string_view type, std::string_view format);
NumberType ReadNumber(std::string_view type, std::string_view format);
// "int32", "[]string" of what has no name of its own.
std::string GoTypeOf(const TypeNode& node);
void ReadListRelation(TypeNode& node, const json::Object& schema, Nodes& nodes);
PatchStrategy ReadPatchStrategy(const json::Object& schema, Nodes& nodes);
void AddStringField(TypeNode& node, std::string_view name);
void SetField(TypeNode& node, TypeNode::Field field);
bool HasKind(const json::Object& schema, const api::Gvk& gvk);
// Required fields of built-in kinds are written as null when they have no other zero value, and so are a few others.
void MarkNulls(TypeNode& node, const json::Object& schema, std::string_view name);
void AddUnset(const TypeNode& type, json::Object& object, int depth);

// Structs nest this deep at most before one is left out.
constexpr int kMaxUnsetDepth = 20;

}  // namespace

struct OpenApiTypes::State {
  std::shared_ptr<const json::Value> document;
  Nodes nodes;
  std::map<std::string, TypeNode*, std::less<>> named;
};

const TypeNode::Field* TypeNode::FindField(std::string_view name) const {
  auto found = std::lower_bound(
      fields.begin(), fields.end(), name,
      [](const Field& field, std::string_view wanted) { return IsBefore(field.name, wanted); });
  return found != fields.end() && found->name == name ? &*found : nullptr;
}

const TypeNode* TypeNode::TypeOf(std::string_view name) const {
  const Field* field = FindField(name);
  return field != nullptr ? field->type : element;
}

ObjectSchema::ObjectSchema() : root_(&Common().deduced) {}

Result<ObjectSchema> ObjectSchema::OfCustomResource(const json::Value& openapi_v3_schema) {
  struct Owner {
    Nodes nodes;
    std::map<std::string, TypeNode*, std::less<>> named;
  };
  auto owner = std::make_shared<Owner>();
  auto root = SchemaReader(owner->nodes, nullptr, owner->named).ReadRoot(openapi_v3_schema);
  if (!root) return std::unexpected(root.error());
  return ObjectSchema(std::move(owner), *root, false);
}

json::Value ObjectSchema::MakeUnset() const {
  json::Object object;
  AddUnset(*root_, object, 0);
  return object;
}

OpenApiTypes::OpenApiTypes(std::shared_ptr<const json::Value> document)
    : state_(std::make_shared<State>()) {
  state_->document = std::move(document);
}

Result<ObjectSchema> OpenApiTypes::Find(const api::Gvk& gvk) {
  const json::Value* schemas = json::Find(*state_->document, {"components", "schemas"});
  if (schemas != nullptr && schemas->is_object()) {
    for (const auto& [name, schema] : schemas->get_object()) {
      if (!schema.is_object() || !HasKind(schema.get_object(), gvk)) continue;
      SchemaReader reader(state_->nodes, &schemas->get_object(), state_->named);
      auto root = reader.ReadNamed(name);
      if (!root) return Annotate(root, "schema of {}, Kind={}", gvk.ApiVersion(), gvk.kind);
      return ObjectSchema(state_, *root, true);
    }
  }
  return Fail(ErrorCode::kNotFound, "no schema of {}, Kind={}", gvk.ApiVersion(), gvk.kind);
}

namespace {

Result<const TypeNode*> SchemaReader::ReadNamed(std::string_view name) {
  if (name == kQuantity) return &Common().quantity;
  if (name == kRawExtension) return &Common().untyped;
  if (auto known = named_.find(name); known != named_.end()) return known->second;
  const json::Value* schema = nullptr;
  if (components_ != nullptr) schema = components_->if_contains({name.data(), name.size()});
  if (schema == nullptr || !schema->is_object()) {
    return Fail(ErrorCode::kInvalid, "reference to unknown schema '{}'", name);
  }
  TypeNode& node = nodes_.nodes.emplace_back();
  named_.emplace(name, &node);
  name = nodes_.Intern(name);
  node.go_type = name.substr(name.rfind('.', name.rfind('.') - 1) + 1);
  auto filled = FillForm(node, name);
  if (filled) filled = Fill(node, schema->get_object(), {.schema = name});
  if (!filled) return Annotate(filled, "{}", name);
  return &node;
}

Result<void> SchemaReader::FillForm(TypeNode& node, std::string_view name) {
  static constexpr std::pair<std::string_view, JsonForm> kForms[] = {
      {"meta.v1.Time", JsonForm::kTime},
      {"meta.v1.MicroTime", JsonForm::kMicroTime},
      {"meta.v1.FieldsV1", JsonForm::kRaw},
      {"intstr.IntOrString", JsonForm::kIntOrString},
      {"apiextensions.v1.JSON", JsonForm::kRaw},
      {"apiextensions.v1.JSONSchemaPropsOrBool", JsonForm::kSchemaOrBool},
      {"apiextensions.v1.JSONSchemaPropsOrArray", JsonForm::kSchemaOrArray},
      {"apiextensions.v1.JSONSchemaPropsOrStringArray", JsonForm::kSchemaOrStrings},
  };
  auto found = std::ranges::find_if(kForms, [&](const auto& form) {
    return name.ends_with(form.first) && name[name.size() - form.first.size() - 1] == '.';
  });
  if (found == std::end(kForms)) return {};
  node.form = found->second;
  if (node.form < JsonForm::kSchemaOrBool) return {};
  auto schema = ReadNamed(name.substr(0, name.rfind("Or")));
  if (!schema) return std::unexpected(schema.error());
  node.inner = *schema;
  return {};
}

Result<const TypeNode*> SchemaReader::ReadRoot(const json::Value& schema) {
  if (!schema.is_object()) return Fail(ErrorCode::kInvalid, "schema is no object");
  TypeNode& node = nodes_.nodes.emplace_back();
  auto filled = Fill(node, schema.get_object(), {.custom = true});
  if (!filled) return std::unexpected(filled.error());
  node.is_map = true;
  AddStringField(node, "apiVersion");
  AddStringField(node, "kind");
  auto metadata = ObjectMeta();
  if (!metadata) return metadata;
  SetField(node, {"metadata", *metadata, nullptr, {}});
  return &node;
}

Result<const TypeNode*> SchemaReader::ReadReference(const json::Value& schema, Scope scope) {
  if (!schema.is_object()) return Fail(ErrorCode::kInvalid, "schema is no object");
  if (++scope.depth > json::kMaxDepth) return Fail(ErrorCode::kInvalid, "schema nests too deeply");
  const json::Object& object = schema.get_object();
  std::string_view name = ReferenceName(object);
  if (name.empty()) {
    TypeNode& node = nodes_.nodes.emplace_back();
    auto filled = Fill(node, object, scope);
    if (!filled) return std::unexpected(filled.error());
    return &node;
  }
  auto named = ReadNamed(name);
  std::string_view relation = TextAt(object, "x-kubernetes-map-type");
  if (!named || relation.empty()) return named;
  // A map type beside a reference holds for this use of the named type. A type that is being read
  // refers to itself here; it has no map type of its own then.
  std::string key = std::string(name) + " " + std::string(relation);
  if (auto known = named_.find(key); known != named_.end()) return known->second;
  TypeNode& node = nodes_.nodes.emplace_back(**named);
  named_.emplace(std::move(key), &node);
  if (node.is_map) {
    node.atomic_map = relation == "atomic";
  } else if (relation == "atomic") {
    node.list = ListRelation::kAtomic;
  }
  return &node;
}

Result<void> SchemaReader::Fill(TypeNode& node, const json::Object& schema, Scope scope) {
  if (FlagAt(schema, "x-kubernetes-preserve-unknown-fields")) scope.preserve_unknown = true;
  std::string_view type = TextAt(schema, "type");
  if (node.go_type.empty()) node.go_type = scope.go_type;
  if (type.empty() && scope.custom && FlagAt(schema, "x-kubernetes-embedded-resource")) {
    type = "object";
  }
  if (type == "object" || type == "array") {
    auto filled = type == "object" ? FillMap(node, schema, scope) : FillList(node, schema, scope);
    if (filled && node.go_type.empty()) node.go_type = nodes_.Intern(GoTypeOf(node));
    return filled;
  }
  node.is_scalar = true;
  if (!type.empty()) {
    std::string_view format = TextAt(schema, "format");
    node.scalar = ReadScalar(type, format);
    node.number = ReadNumber(type, format);
    if (format == "byte") node.form = JsonForm::kBytes;
    if (node.go_type.empty()) node.go_type = nodes_.Intern(GoTypeOf(node));
    return {};
  }
  if (auto filled = FillList(node, schema, scope); !filled) return filled;
  return FillMap(node, schema, scope);
}

Result<void> SchemaReader::FillList(TypeNode& node, const json::Object& schema, Scope scope) {
  node.is_list = true;
  ReadListRelation(node, schema, nodes_);
  const json::Value* items = schema.if_contains("items");
  if (items == nullptr) {
    node.items = &Common().untyped;
    return {};
  }
  scope.schema = {};
  scope.go_type = GoElement(node.go_type);
  auto read = ReadReference(*items, scope);
  if (!read) return Annotate(read, "items");
  node.items = *read;
  return {};
}

Result<void> SchemaReader::FillMap(TypeNode& node, const json::Object& schema, Scope scope) {
  node.is_map = true;
  node.atomic_map = TextAt(schema, "x-kubernetes-map-type") == "atomic";
  const json::Value* properties = schema.if_contains("properties");
  const bool has_properties =
      properties != nullptr && properties->is_object() && !properties->get_object().empty();
  if (has_properties) {
    for (const auto& [name, property] : properties->get_object()) {
      auto added = AddField(node, name, property, scope);
      if (!added) return Annotate(added, "{}", std::string_view(name));
    }
    std::ranges::sort(node.fields, IsBefore, &TypeNode::Field::name);
    if (!scope.custom) MarkNulls(node, schema, scope.schema);
  }
  if (scope.custom && FlagAt(schema, "x-kubernetes-embedded-resource")) {
    AddStringField(node, "apiVersion");
    AddStringField(node, "kind");
    auto metadata = ObjectMeta();
    if (!metadata) return std::unexpected(metadata.error());
    SetField(node, {"metadata", *metadata, nullptr, {}});
  }
  const json::Value* additional = schema.if_contains("additionalProperties");
  if (additional != nullptr && additional->is_object()) {
    scope.schema = {};
    scope.go_type = GoElement(node.go_type);
    auto read = ReadReference(*additional, scope);
    if (!read) return Annotate(read, "additionalProperties");
    node.element = *read;
  } else if (additional != nullptr ? additional->is_bool() && additional->get_bool()
                                   : scope.preserve_unknown || !has_properties) {
    node.element = &Common().deduced;
    node.free_form = node.fields.empty();
  }
  return {};
}

Result<void> SchemaReader::AddField(TypeNode& node, std::string_view name,
                                    const json::Value& schema, Scope scope) {
  const GoField go = scope.schema.empty() ? GoField{} : FindGoField(scope.schema, name);
  scope.schema = {};
  scope.go_type = go.type;
  auto type = ReadReference(schema, scope);
  if (!type) return std::unexpected(type.error());
  const json::Object& object = schema.get_object();
  TypeNode::Field field{nodes_.Intern(name), *type, nullptr, ReadPatchStrategy(object, nodes_)};
  field.embedded = go.embedded;
  field.place = go.place;
  field.omits_zero = go.omits_zero;
  const json::Value* value = object.if_contains("default");
  if (value != nullptr && !value->is_structured() && !value->is_null()) {
    field.default_value = &nodes_.defaults.emplace_back(*value);
    if (!scope.custom && json::IsGoZero(*value)) field.unset = TypeNode::Field::Unset::kZero;
  } else if (value != nullptr && value->is_object() && !scope.custom) {
    field.unset = TypeNode::Field::Unset::kStruct;
  }
  node.fields.push_back(field);
  return {};
}

Result<const TypeNode*> SchemaReader::ObjectMeta() {
  // Made once and kept until the process ends.
  static const Result<const TypeNode*>& shared = *[] {
    static Nodes& nodes = *new Nodes();
    std::map<std::string, TypeNode*, std::less<>> named;
    auto schema = json::Parse(kObjectMeta);
    if (!schema) return new Result<const TypeNode*>(std::unexpected(schema.error()));
    TypeNode& node = nodes.nodes.emplace_back();
    auto filled = SchemaReader(nodes, nullptr, named).Fill(node, schema->get_object(), {});
    if (!filled) return new Result<const TypeNode*>(std::unexpected(filled.error()));
    return new Result<const TypeNode*>(&node);
  }();
  return shared;
}

CommonTypes::CommonTypes() {
  string.is_scalar = true;
  string.scalar = ScalarType::kString;
  quantity.is_scalar = true;
  quantity.form = JsonForm::kQuantity;
  quantity.go_type = "resource.Quantity";
  for (TypeNode* node : {&deduced, &untyped}) {
    node->is_scalar = node->is_list = node->is_map = true;
    node->items = &untyped;
    node->element = node;
  }
  deduced.free_form = true;
  untyped.atomic_map = true;
}

const CommonTypes& Common() {
  static const CommonTypes& common = *new CommonTypes();
  return common;
}

std::string_view Nodes::Intern(std::string_view name) {
  auto found = names.find(name);
  if (found == names.end()) found = names.emplace(name).first;
  return *found;
}

std::string_view TextAt(const json::Object& schema, std::string_view key) {
  const json::Value* value = schema.if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

bool FlagAt(const json::Object& schema, std::string_view key) {
  const json::Value* value = schema.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string_view ReferenceName(const json::Object& schema) {
  std::string_view reference = TextAt(schema, "$ref");
  if (reference.empty()) {
    const json::Value* all_of = schema.if_contains("allOf");
    if (all_of != nullptr && all_of->is_array() && all_of->get_array().size() == 1 &&
        all_of->get_array()[0].is_object()) {
      reference = TextAt(all_of->get_array()[0].get_object(), "$ref");
    }
  }
  return reference.substr(reference.rfind('/') + 1);
}

ScalarType ReadScalar(std::string_view type, std::string_view format) {
  if (type == "integer" || type == "number") return ScalarType::kNumeric;
  if (type == "boolean") return ScalarType::kBoolean;
  if (type == "string" && (format.empty() || format == "byte")) return ScalarType::kString;
  return ScalarType::kUntyped;
}

NumberType ReadNumber(std::string_view type, std::string_view format) {
  if (type != "integer") return NumberType::kFloat64;
  return format == "int32" ? NumberType::kInt32 : NumberType::kInt64;
}

std::string GoTypeOf(const TypeNode& node) {
  if (node.is_list) return "[]" + std::string(node.items->go_type);
  if (node.is_map) {
    return "map[string]" + std::string(node.element == nullptr ? "" : node.element->go_type);
  }
  if (node.form == JsonForm::kBytes) return "[]uint8";
  switch (node.scalar) {
    case ScalarType::kBoolean:
      return "bool";
    case ScalarType::kNumeric:
      return node.number == NumberType::kInt32   ? "int32"
             : node.number == NumberType::kInt64 ? "int64"
                                                 : "float64";
    default:
      return "string";
  }
}

void ReadListRelation(TypeNode& node, const json::Object& schema, Nodes& nodes) {
  std::string_view list_type = TextAt(schema, "x-kubernetes-list-type");
  if (list_type == "set") {
    node.list = ListRelation::kSet;
  } else if (list_type == "map") {
    node.list = ListRelation::kMap;
    const json::Value* keys = schema.if_contains("x-kubernetes-list-map-keys");
    if (keys != nullptr && keys->is_array()) {
      for (const json::Value& key : keys->get_array()) {
        if (key.is_string()) node.keys.push_back(nodes.Intern(key.get_string()));
      }
    }
  } else if (list_type.empty()) {
    std::string_view strategy = TextAt(schema, "x-kubernetes-patch-strategy");
    if (strategy == "merge" || strategy == "merge,retainKeys") {
      std::string_view key = TextAt(schema, "x-kubernetes-patch-merge-key");
      node.list = key.empty() ? ListRelation::kSet : ListRelation::kMap;
      if (!key.empty()) node.keys.push_back(nodes.Intern(key));
    }
  }
  node.sorted_keys = node.keys;
  std::ranges::sort(node.sorted_keys);
}

PatchStrategy ReadPatchStrategy(const json::Object& schema, Nodes& nodes) {
  std::string_view words = TextAt(schema, "x-kubernetes-patch-strategy");
  std::string_view key = TextAt(schema, "x-kubernetes-patch-merge-key");
  return {.merge = words.starts_with("merge") || words.ends_with(",merge"),
          .retain_keys = words.contains("retainKeys"),
          .merge_key = key.empty() ? key : nodes.Intern(key)};
}

void AddStringField(TypeNode& node, std::string_view name) {
  SetField(node, {name, &Common().string, nullptr, {}});
}

// `name` is a constant.
void SetField(TypeNode& node, TypeNode::Field field) {
  auto at = std::ranges::lower_bound(node.fields, field.name, IsBefore, &TypeNode::Field::name);
  if (at != node.fields.end() && at->name == field.name) {
    *at = field;
  } else {
    node.fields.insert(at, field);
  }
  node.free_form = false;
}

bool HasKind(const json::Object& schema, const api::Gvk& gvk) {
  const json::Value* kinds = schema.if_contains("x-kubernetes-group-version-kind");
  if (kinds == nullptr || !kinds->is_array()) return false;
  return std::ranges::any_of(kinds->get_array(), [&](const json::Value& kind) {
    return json::FindString(kind, {"group"}) == gvk.group &&
           json::FindString(kind, {"version"}) == gvk.version &&
           json::FindString(kind, {"kind"}) == gvk.kind;
  });
}

void MarkNulls(TypeNode& node, const json::Object& schema, std::string_view name) {
  const auto mark = [&](std::string_view wanted) {
    auto field = std::ranges::find(node.fields, wanted, &TypeNode::Field::name);
    if (field != node.fields.end() && field->unset == TypeNode::Field::Unset::kLeftOut) {
      field->unset = TypeNode::Field::Unset::kNull;
    }
  };
  if (name == "io.k8s.api.rbac.v1.Role" || name == "io.k8s.api.rbac.v1.ClusterRole") mark("rules");
  if (name == "io.k8s.api.discovery.v1.EndpointSlice") {
    mark("endpoints");
    mark("ports");
  }
  const json::Value* required = schema.if_contains("required");
  if (required == nullptr || !required->is_array()) return;
  for (const json::Value& field : required->get_array()) {
    // Required, and yet left out while it is empty.
    if (field.is_string() && field.get_string() != "validationActions") mark(field.get_string());
  }
}

void AddUnset(const TypeNode& type, json::Object& object, int depth) {
  if (depth > kMaxUnsetDepth) return;
  for (const TypeNode::Field& field : type.fields) {
    switch (field.unset) {
      case TypeNode::Field::Unset::kLeftOut:
        break;
      case TypeNode::Field::Unset::kNull:
        object.emplace(field.name, nullptr);
        break;
      case TypeNode::Field::Unset::kZero:
        object.emplace(field.name, *field.default_value);
        break;
      case TypeNode::Field::Unset::kStruct: {
        json::Object below;
        AddUnset(*field.type, below, depth + 1);
        object.emplace(field.name, std::move(below));
        break;
      }
    }
  }
}

}  // namespace
}  // namespace kro::apiserver
