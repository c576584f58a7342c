#include "cel/schema_types.h"

#include <fmt/format.h>

#include <algorithm>

#include "cel/lexer.h"
#include "cel/schema.h"

namespace kro::cel {
namespace {

// Schemas that nest deeper are dyn below.
constexpr int kMaxSchemaDepth = 200;

std::string_view StringAt(const json::Object& schema, std::string_view key);
bool FlagAt(const json::Object& schema, std::string_view key);
const json::Object* ObjectAt(const json::Object& schema, std::string_view key);
std::string_view TypeWord(const json::Object& schema);
const json::Object& EmbeddedFields();

}  // namespace

// The fields of one object schema, each read when it is first asked for.
class SchemaObject : public ObjectSchema {
 public:
  SchemaObject(SchemaTypes& types, const json::Object& schema, std::string path, int depth);

  std::string_view type_name() const override { return path_; }
  std::optional<Field> FindField(std::string_view name) const override;
  std::vector<std::string> FieldNames() const override;
  bool preserves_unknown() const override { return preserves_unknown_; }

 private:
  struct Entry {
    std::string written;  // escaped
    std::string_view key;
    const json::Object* schema;
    enum class State { kUnread, kDeclared, kAbsent } state = State::kUnread;
    Type type = {};
  };

  void AddProperties(const json::Object& properties);

  SchemaTypes& types_;
  std::string path_;
  int depth_;
  bool preserves_unknown_;
  mutable std::vector<Entry> entries_;
};

SchemaTypes::SchemaTypes() = default;
SchemaTypes::~SchemaTypes() = default;

Type SchemaTypes::Declare(std::string_view name, const json::Value& openapi) {
  if (!openapi.is_object()) return Dyn();
  return Read(openapi.get_object(), fmt::format("__type_{}", name), 0).value_or(Dyn());
}

Type SchemaTypes::DeclareList(std::string_view name, const json::Value& openapi) {
  if (!openapi.is_object()) return types_.ListOf(Dyn());
  auto item = Read(openapi.get_object(), fmt::format("__type_{}.@idx", name), 0);
  return types_.ListOf(item.value_or(Dyn()));
}

std::optional<Type> SchemaTypes::Read(const json::Object& schema, const std::string& path,
                                      int depth) {
  if (depth > kMaxSchemaDepth) return Dyn();
  std::string_view format = StringAt(schema, "format");
  if (FlagAt(schema, "x-kubernetes-int-or-string") || format == "int-or-string") return Dyn();
  std::string_view type = TypeWord(schema);
  bool embedded = FlagAt(schema, "x-kubernetes-embedded-resource");
  if (type == "array") {
    const json::Object* items = ObjectAt(schema, "items");
    if (!items) return std::nullopt;
    auto item = Read(*items, path + ".@idx", depth + 1);
    return item ? std::optional(types_.ListOf(*item)) : std::nullopt;
  }
  if (type == "object" || (embedded && type.empty())) {
    if (const json::Object* values = ObjectAt(schema, "additionalProperties");
        values && !embedded) {
      return types_.MapOf(String(), Read(*values, path + ".@elem", depth + 1).value_or(Dyn()));
    }
    return ReadObject(schema, path, depth);
  }
  if (type == "string") {
    if (format == "byte") return Bytes();
    if (format == "duration") return Duration();
    if (format == "date" || format == "date-time") return Time();
    return String();
  }
  if (type == "boolean") return Bool();
  if (type == "number") return Double();
  if (type == "integer") return Int();
  return std::nullopt;
}

Type SchemaTypes::ReadObject(const json::Object& schema, std::string path, int depth) {
  objects_.push_back(std::make_unique<SchemaObject>(*this, schema, std::move(path), depth));
  return types_.Object(objects_.back().get());
}

SchemaObject::SchemaObject(SchemaTypes& types, const json::Object& schema, std::string path,
                           int depth)
    : types_(types),
      path_(std::move(path)),
      depth_(depth),
      preserves_unknown_(FlagAt(schema, "x-kubernetes-preserve-unknown-fields")) {
  if (const json::Object* properties = ObjectAt(schema, "properties")) AddProperties(*properties);
  if (FlagAt(schema, "x-kubernetes-embedded-resource")) AddProperties(EmbeddedFields());
}

void SchemaObject::AddProperties(const json::Object& properties) {
  for (const auto& property : properties) {
    std::string_view key(property.key());
    if (!property.value().is_object()) continue;
    auto known = std::find_if(entries_.begin(), entries_.end(),
                              [&](const Entry& entry) { return entry.key == key; });
    if (known != entries_.end()) continue;
    std::string written = EscapeProperty(key);
    if (written.empty()) continue;
    entries_.push_back({std::move(written), key, &property.value().get_object()});
  }
}

std::optional<Field> SchemaObject::FindField(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    // A reserved word may be written plainly.
    bool meant = entry.written == name || (entry.key == name && IsReserved(name));
    if (!meant) continue;
    if (entry.state == Entry::State::kUnread) {
      auto type = types_.Read(*entry.schema, fmt::format("{}.{}", path_, entry.key), depth_ + 1);
      entry.state = type ? Entry::State::kDeclared : Entry::State::kAbsent;
      if (type) entry.type = *type;
    }
    if (entry.state == Entry::State::kAbsent) break;
    return Field{entry.type, entry.key, static_cast<std::int32_t>(i)};
  }
  if (preserves_unknown_) return Field{Dyn(), {}, -1};
  return std::nullopt;
}

std::vector<std::string> SchemaObject::FieldNames() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.written);
  return names;
}

namespace {

std::string_view StringAt(const json::Object& schema, std::string_view key) {
  const json::Value* value = schema.if_contains(key);
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool FlagAt(const json::Object& schema, std::string_view key) {
  const json::Value* value = schema.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

const json::Object* ObjectAt(const json::Object& schema, std::string_view key) {
  const json::Value* value = schema.if_contains(key);
  return value ? value->if_object() : nullptr;
}

// Only the first of several types counts.
std::string_view TypeWord(const json::Object& schema) {
  const json::Value* type = schema.if_contains("type");
  if (type && type->is_array() && !type->get_array().empty()) type = &type->get_array()[0];
  return type && type->is_string() ? std::string_view(type->get_string()) : std::string_view();
}

// What an embedded resource has at least.
const json::Object& EmbeddedFields() {
  static const json::Object& fields = *new json::Object(json::Object{
      {"apiVersion", json::Object{{"type", "string"}}},
      {"kind", json::Object{{"type", "string"}}},
      {"metadata",
       json::Object{
           {"type", "object"},
           {"properties", json::Object{{"name", json::Object{{"type", "string"}}},
                                       {"generateName", json::Object{{"type", "string"}}}}}}}});
  return fields;
}

}  // namespace
}  // namespace kro::cel
