#include "graph/internal/schema_view.h"

#include <algorithm>

namespace kro::graph {
namespace {

using Types = std::vector<std::string_view>;

const json::Array* FindList(const json::Value& node, std::string_view name);
Types DeclaredTypes(const json::Value& node);
Types TypesOfMembers(const json::Array& members);

}  // namespace

bool SchemaView::usable() const {
  return !DeclaredTypes(*node_).empty() || FindList(*node_, "oneOf") != nullptr ||
         FindList(*node_, "anyOf") != nullptr ||
         json::Find(*node_, "additionalProperties") != nullptr;
}

Types SchemaView::ExpectedTypes() const {
  if (preserves_unknown()) return {"any"};
  if (Flag("x-kubernetes-int-or-string")) return {"string", "integer"};
  for (const std::string_view composite : {"oneOf", "anyOf"}) {
    const auto* members = FindList(*node_, composite);
    if (members == nullptr) continue;
    if (Types types = TypesOfMembers(*members); !types.empty()) return types;
  }
  if (Types types = DeclaredTypes(*node_); !types.empty()) return types;
  if (allows_additional()) return {"any"};
  return {};
}

SchemaView SchemaView::Property(std::string_view name) const {
  return SchemaView(json::Find(*node_, {"properties", name}));
}

std::vector<std::string> SchemaView::PropertyNames() const {
  std::vector<std::string> names;
  const auto* properties = json::Find(*node_, "properties");
  if (properties == nullptr || !properties->is_object()) return names;
  for (const auto& property : properties->get_object()) names.emplace_back(property.key());
  std::ranges::sort(names);
  return names;
}

bool SchemaView::allows_additional() const {
  const auto* additional = json::Find(*node_, "additionalProperties");
  return additional != nullptr &&
         (additional->is_object() || (additional->is_bool() && additional->get_bool()));
}

SchemaView SchemaView::Additional() const {
  static const json::Value kEmpty = json::Object();
  const auto* additional = json::Find(*node_, "additionalProperties");
  return SchemaView(additional != nullptr && additional->is_object() ? additional : &kEmpty);
}

SchemaView SchemaView::Items() const {
  const auto* items = json::Find(*node_, "items");
  return SchemaView(items != nullptr && items->is_object() ? items : nullptr);
}

bool SchemaView::Flag(std::string_view name) const {
  const auto* value = json::Find(*node_, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

namespace {

// nullptr for an absent or empty one.
const json::Array* FindList(const json::Value& node, std::string_view name) {
  const auto* value = json::Find(node, name);
  if (value == nullptr || !value->is_array() || value->get_array().empty()) return nullptr;
  return &value->get_array();
}

Types DeclaredTypes(const json::Value& node) {
  Types types;
  const auto* type = json::Find(node, "type");
  if (type == nullptr) return types;
  if (type->is_string() && !type->get_string().empty()) types.push_back(type->get_string());
  if (const auto* several = FindList(node, "type")) {
    for (const json::Value& one : *several) {
      if (one.is_string()) types.push_back(one.get_string());
    }
  }
  return types;
}

Types TypesOfMembers(const json::Array& members) {
  Types types;
  const auto add = [&](std::string_view type) {
    if (std::ranges::find(types, type) == types.end()) types.push_back(type);
  };
  for (const json::Value& member : members) {
    if (FindList(member, "required") != nullptr || json::Find(member, "not") != nullptr) {
      add("object");
    }
    for (const std::string_view type : DeclaredTypes(member)) add(type);
  }
  return types;
}

}  // namespace
}  // namespace kro::graph
