#include "schema/status_inference.h"

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <variant>

namespace kro::schema {
namespace {

using cel::TypeKind;

constexpr std::string_view kPreserve = "x-kubernetes-preserve-unknown-fields";
constexpr int kMaxTypeDepth = 500;
// A CRD with more is too large for any API server to store.
constexpr std::size_t kMaxParts = 50'000;

// Inside an object, what is neither a primitive, a list, a map nor an object says nothing.
enum class Place { kTop, kInObject };

json::Value Infer(cel::Type type, const Collections& collections, Place place, int depth);
json::Value ObjectSchemaOf(cel::Type type, const Collections& collections, int depth);
json::Value Anything(std::string_view description = {});
json::Value Word(std::string_view type);
std::size_t CountParts(const json::Value& schema);
Result<json::Value*> Enter(json::Value& parent, const json::PathSegment& segment);

}  // namespace

json::Value InferFieldSchema(cel::Type type, const Collections& collections) {
  return Infer(type, collections, Place::kTop, 0);
}

Result<json::Value> InferStatusSchema(std::span<const StatusField> fields,
                                      const Collections& collections) {
  json::Value root = json::Object{{"type", "object"}};
  std::set<json::FieldPath> mixed;  // lists of objects and other things; their indices are 0
  std::size_t parts = 0;
  for (const StatusField& field : fields) {
    if (field.path.empty()) return Fail(ErrorCode::kInvalid, "status field has no path");
    json::Value* place = &root;
    json::Value* items = nullptr;  // of the innermost array
    json::FieldPath way;
    json::FieldPath list;  // the way to `items`
    for (const auto& segment : field.path.segments()) {
      const bool indexed = std::holds_alternative<std::size_t>(segment);
      if (indexed) {
        way.Push(std::size_t{0});
      } else {
        way.Push(std::string_view(std::get<std::string>(segment)));
      }
      auto child = Enter(*place, segment);
      if (!child && items != nullptr) {
        // One element is an object, another is not: nothing can be said of them together.
        mixed.insert(list);
        place = items;
        break;
      }
      if (!child) {
        return Annotate(child, "failed to infer schema from type at {}", field.path.ToString());
      }
      place = *child;
      if (indexed) {
        items = place;
        list = way;
      }
    }
    // Elements of a list share its items: the last one decides.
    json::Value inferred = InferFieldSchema(field.type, collections);
    if (place == items && json::Find(*place, "properties") != nullptr &&
        json::FindString(inferred, {"type"}) != "object") {
      mixed.insert(list);
    }
    *place = place == items && mixed.contains(list) ? Anything() : std::move(inferred);
    parts += CountParts(*place);
    if (parts > kMaxParts) {
      return Fail(ErrorCode::kInvalid, "the status schema has more than {} parts at {}", kMaxParts,
                  field.path.ToString());
    }
  }
  return root;
}

namespace {

json::Value Infer(cel::Type type, const Collections& collections, Place place, int depth) {
  if (depth > kMaxTypeDepth) return Anything();
  switch (type.kind()) {
    case TypeKind::kBool:
      return Word("boolean");
    case TypeKind::kInt:
    case TypeKind::kUint:
      return Word("integer");
    case TypeKind::kDouble:
      return Word("number");
    case TypeKind::kString:
      return Word("string");
    case TypeKind::kBytes:
      return json::Object{{"type", "string"}, {"format", "byte"}};
    case TypeKind::kList:
      return json::Object{{"type", "array"},
                          {"items", Infer(type.element(), collections, place, depth + 1)}};
    case TypeKind::kMap:
      return json::Object{
          {"type", "object"},
          {"additionalProperties", Infer(type.element(), collections, place, depth + 1)}};
    case TypeKind::kObject:
      return ObjectSchemaOf(type, collections, depth);
    case TypeKind::kDyn:
      return Anything();
    default:
      break;
  }
  if (place == Place::kInObject) return Anything();
  if (type.Is(TypeKind::kNull)) return Anything("null type - any value allowed");
  if (type.Is(TypeKind::kTimestamp)) {
    return json::Object{{"description", "Timestamp representing a creation time"},
                        {"type", "string"},
                        {"format", "date-time"}};
  }
  return Anything(fmt::format("unknown CEL type: {}", type.ToString()));
}

json::Value ObjectSchemaOf(cel::Type type, const Collections& collections, int depth) {
  json::Object schema{{"type", "object"}};
  if (!HasKnownFields(type, collections)) {
    schema["additionalProperties"] = true;
    return schema;
  }
  json::Object properties;
  for (const auto& name : type.schema()->FieldNames()) {
    const auto field = type.schema()->FindField(name);
    if (!field || field->slot < 0) continue;
    properties[name] = Infer(field->type, collections, Place::kInObject, depth + 1);
  }
  if (!properties.empty()) schema["properties"] = std::move(properties);
  return schema;
}

json::Value Anything(std::string_view description) {
  json::Object schema;
  if (!description.empty()) schema["description"] = description;
  schema[kPreserve] = true;
  return schema;
}

// Objects and maps of a schema; its depth is limited by that of the type.
std::size_t CountParts(const json::Value& schema) {
  const auto* object = schema.if_object();
  if (object == nullptr) return 0;
  std::size_t parts = 1;
  for (const auto& member : *object) parts += CountParts(member.value());
  return parts;
}

json::Value Word(std::string_view type) { return json::Object{{"type", type}}; }

// The schema below `parent`, null where there is none yet.
Result<json::Value*> Enter(json::Value& parent, const json::PathSegment& segment) {
  const bool named = std::holds_alternative<std::string>(segment);
  const std::string_view wanted = named ? "object" : "array";
  if (parent.is_null()) parent = Word(wanted);
  if (json::FindString(parent, {"type"}) != wanted) {
    return Fail(ErrorCode::kInvalid, "a field of another type stands above it");
  }
  json::Object& schema = parent.get_object();
  if (!named) return &schema["items"];
  json::Value& properties = schema["properties"];
  if (properties.is_null()) properties = json::Object();
  return &properties.get_object()[std::get<std::string>(segment)];
}

}  // namespace
}  // namespace kro::schema
