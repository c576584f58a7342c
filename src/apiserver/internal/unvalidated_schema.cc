// Pruning and defaults of custom resources by their schemas. Values and definitions are not checked
// against anything.
#include "apiserver/crd_validation.h"
#include "apiserver/structural_schema.h"

namespace kro::apiserver {

struct StructuralSchema::State {
  json::Value schema;
};

namespace {

bool Preserves(const json::Value& schema) {
  const json::Value* marker = json::Find(schema, "x-kubernetes-preserve-unknown-fields");
  return marker != nullptr && *marker == true;
}

bool IsNullable(const json::Value& schema) {
  const json::Value* marker = json::Find(schema, "nullable");
  return marker != nullptr && *marker == true;
}

// All walks follow a parsed object, which nests at most json::kMaxDepth deep.
void PruneAt(const json::Value& schema, json::Value& value, const std::string& path,
             std::vector<std::string>& pruned) {
  if (json::Array* array = value.if_array()) {
    const json::Value* items = json::Find(schema, "items");
    if (items == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      PruneAt(*items, (*array)[i], path + "[" + std::to_string(i) + "]", pruned);
    }
    return;
  }
  json::Object* object = value.if_object();
  if (object == nullptr) return;
  const json::Value* properties = json::Find(schema, "properties");
  const json::Value* additional = json::Find(schema, "additionalProperties");
  std::vector<std::string> gone;
  for (auto& member : *object) {
    const std::string key(member.key());
    const std::string at = path.empty() ? key : path + "." + key;
    const json::Value* known = properties == nullptr ? nullptr : json::Find(*properties, key);
    if (path.empty() && (key == "apiVersion" || key == "kind" || key == "metadata")) continue;
    if (known == nullptr && additional != nullptr && additional->is_object()) known = additional;
    if (known != nullptr) {
      PruneAt(*known, member.value(), at, pruned);
    } else if (!Preserves(schema) && (additional == nullptr || *additional == false)) {
      gone.push_back(key);
      pruned.push_back(at);
    }
  }
  for (const std::string& key : gone) object->stable_erase(object->find(key));
}

void DefaultAt(const json::Value& schema, json::Value& value) {
  if (json::Array* array = value.if_array()) {
    const json::Value* items = json::Find(schema, "items");
    if (items == nullptr) return;
    for (json::Value& item : *array) DefaultAt(*items, item);
    return;
  }
  json::Object* object = value.if_object();
  if (object == nullptr) return;
  const json::Value* properties = json::Find(schema, "properties");
  if (properties != nullptr && properties->is_object()) {
    for (const auto& property : properties->get_object()) {
      const json::Value* fallback = json::Find(property.value(), "default");
      json::Value* there = object->if_contains(property.key());
      if (fallback != nullptr &&
          (there == nullptr || (there->is_null() && !IsNullable(property.value())))) {
        (*object)[property.key()] = *fallback;
      }
      if (json::Value* child = object->if_contains(property.key())) {
        DefaultAt(property.value(), *child);
      }
    }
  }
  const json::Value* additional = json::Find(schema, "additionalProperties");
  if (additional == nullptr || !additional->is_object()) return;
  for (auto& member : *object) DefaultAt(*additional, member.value());
}

}  // namespace

StructuralSchema::StructuralSchema(std::unique_ptr<State> state) : state_(std::move(state)) {}
StructuralSchema::~StructuralSchema() = default;

Result<std::shared_ptr<const StructuralSchema>> StructuralSchema::Read(
    const json::Value& openapi_v3_schema) {
  auto state = std::make_unique<State>();
  state->schema = openapi_v3_schema;
  return std::shared_ptr<const StructuralSchema>(new StructuralSchema(std::move(state)));
}

std::vector<std::string> StructuralSchema::Prune(json::Value& object) const {
  std::vector<std::string> pruned;
  PruneAt(state_->schema, object, "", pruned);
  return pruned;
}

void StructuralSchema::DropNulls(json::Value&) const {}

Answer<std::vector<std::string>> StructuralSchema::CoerceMetadata(json::Value&) const {
  return std::vector<std::string>();
}

void StructuralSchema::Default(json::Value& object) const { DefaultAt(state_->schema, object); }

StructuralSchema::Verdict StructuralSchema::Validate(const json::Value&,
                                                     const json::Value*) const {
  return {};
}

CrdVerdict ValidateCrd(const json::Value&, const json::Value*) { return {}; }

}  // namespace kro::apiserver
