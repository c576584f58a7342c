#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "schema/simpleschema.h"

namespace kro::schema {
namespace {

// The order of the members of JSONSchemaProps.
constexpr auto kOrder = std::to_array<std::string_view>({"description",
                                                         "type",
                                                         "format",
                                                         "title",
                                                         "default",
                                                         "maximum",
                                                         "minimum",
                                                         "maxLength",
                                                         "minLength",
                                                         "pattern",
                                                         "maxItems",
                                                         "minItems",
                                                         "enum",
                                                         "required",
                                                         "items",
                                                         "allOf",
                                                         "oneOf",
                                                         "anyOf",
                                                         "properties",
                                                         "additionalProperties",
                                                         "x-kubernetes-preserve-unknown-fields",
                                                         "x-kubernetes-embedded-resource",
                                                         "x-kubernetes-int-or-string",
                                                         "x-kubernetes-list-map-keys",
                                                         "x-kubernetes-list-type",
                                                         "x-kubernetes-map-type",
                                                         "x-kubernetes-validations"});

json::Value Order(const json::Value& schema, int depth);
json::Value OrderMember(std::string_view name, const json::Value& value, int depth);

}  // namespace

json::Value OrderSchema(const json::Value& schema) { return Order(schema, 0); }

namespace {

json::Value Order(const json::Value& schema, int depth) {
  const auto* object = schema.if_object();
  if (object == nullptr || depth > json::kMaxDepth) return schema;
  json::Object ordered;
  for (const auto name : kOrder) {
    const auto* value = object->if_contains(name);
    if (value != nullptr) ordered[name] = OrderMember(name, *value, depth);
  }
  for (const auto& member : *object) {
    if (!ordered.contains(member.key())) ordered[member.key()] = member.value();
  }
  return ordered;
}

json::Value OrderMember(std::string_view name, const json::Value& value, int depth) {
  if (name == "items" || name == "additionalProperties") return Order(value, depth + 1);
  if (name != "properties" || !value.is_object()) return value;
  std::map<std::string_view, const json::Value*> sorted;
  for (const auto& property : value.get_object()) sorted.emplace(property.key(), &property.value());
  json::Object properties;
  for (const auto& [key, property] : sorted) properties[key] = Order(*property, depth + 1);
  return properties;
}

}  // namespace
}  // namespace kro::schema
