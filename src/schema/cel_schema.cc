#include "schema/cel_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "cel/lexer.h"

namespace kro::schema {
namespace {

// Schemas that nest deeper are dyn below.
constexpr int kMaxCelDepth = 200;

// Of more fields than twice as many, a misspelling is compared with those next to it in the order of names.
constexpr std::ptrdiff_t kMaxNamesNearby = 128;

std::string KeyOf(std::string_view written);
const Schema& EmbeddedFields();
bool IsStringOrNumber(const Schema& schema);
bool SaysNothing(const Schema& schema);
void AddProperty(cel::Schema& reading, std::string_view name, const cel::Schema* property);

}  // namespace

// The fields of one object schema, each read when it is first asked for.
class CelObject : public cel::ObjectSchema {
 public:
  CelObject(CelTypes& types, const Schema& schema, std::string path, int depth)
      : types_(types), schema_(schema), path_(std::move(path)), depth_(depth) {}

  std::string_view type_name() const override { return path_; }
  std::optional<cel::Field> FindField(std::string_view name) const override;
  std::vector<std::string> FieldNames() const override;
  std::vector<std::string> FieldNamesLike(std::string_view name) const override;
  bool preserves_unknown() const override { return schema_.preserve_unknown; }
  const Schema& schema() const { return schema_; }

 private:
  void AddName(const Schema::Property& property, std::vector<std::string>& names) const;

  // A field that is listed and has a type.
  std::optional<cel::Field> Declared(std::string_view key) const;

  CelTypes& types_;
  const Schema& schema_;
  std::string path_;
  int depth_;
  mutable std::map<std::string_view, std::optional<cel::Field>> read_;
};

CelTypes::CelTypes() = default;
CelTypes::~CelTypes() = default;

cel::Type CelTypes::Declare(std::string_view name, const Schema& schema) {
  return Read(schema, fmt::format("__type_{}", name), 0).value_or(cel::Dyn());
}

cel::Type CelTypes::DeclareList(std::string_view name, const Schema& schema) {
  return types_.ListOf(Read(schema, fmt::format("__type_{}.@idx", name), 0).value_or(cel::Dyn()));
}

std::optional<cel::Type> CelTypes::Read(const Schema& schema, const std::string& path, int depth) {
  if (depth > kMaxCelDepth || schema.int_or_string) return cel::Dyn();
  if (schema.type == Type::kNone && !schema.embedded_resource) return std::nullopt;
  switch (schema.type) {
    case Type::kArray: {
      if (schema.items == nullptr) return std::nullopt;
      auto item = Read(*schema.items, path + ".@idx", depth + 1);
      return item ? std::optional(types_.ListOf(*item)) : std::nullopt;
    }
    case Type::kNone:
    case Type::kObject:
      if (schema.additional != nullptr && !schema.embedded_resource) {
        auto value = Read(*schema.additional, path + ".@elem", depth + 1);
        return types_.MapOf(cel::String(), value.value_or(cel::Dyn()));
      }
      objects_.push_back(std::make_unique<CelObject>(*this, schema, path, depth));
      return types_.Object(objects_.back().get());
    case Type::kString:
      if (schema.format == "byte") return cel::Bytes();
      if (schema.format == "duration") return cel::Duration();
      if (schema.format == "date" || schema.format == "date-time") return cel::Time();
      return cel::String();
    case Type::kBoolean:
      return cel::Bool();
    case Type::kNumber:
      return cel::Double();
    case Type::kInteger:
      return cel::Int();
    case Type::kFaulty:
      return cel::ErrorType();
    case Type::kOther:
      break;
  }
  return std::nullopt;
}

std::optional<cel::Field> CelObject::FindField(std::string_view name) const {
  if (const std::string key = KeyOf(name); !key.empty()) {
    if (auto field = Declared(key)) return field;
  }
  if (schema_.preserve_unknown) return cel::Field{cel::Dyn(), {}, -1};
  return std::nullopt;
}

std::vector<std::string> CelObject::FieldNames() const {
  std::vector<std::string> names;
  for (const auto& property : schema_.properties) AddName(property, names);
  if (schema_.embedded_resource) {
    for (const auto& property : EmbeddedFields().properties) {
      if (schema_.Find(property.name) == nullptr) AddName(property, names);
    }
  }
  return names;
}

std::vector<std::string> CelObject::FieldNamesLike(std::string_view name) const {
  const auto& listed = schema_.properties;
  if (std::ssize(listed) <= 2 * kMaxNamesNearby) return FieldNames();
  const auto place = std::ranges::lower_bound(listed, name, {}, &Schema::Property::name);
  const auto begin = place - std::min(kMaxNamesNearby, place - listed.begin());
  const auto end = place + std::min(kMaxNamesNearby, listed.end() - place);
  std::vector<std::string> names;
  for (auto property = begin; property != end; ++property) AddName(*property, names);
  return names;
}

void CelObject::AddName(const Schema::Property& property, std::vector<std::string>& names) const {
  std::string written = cel::EscapeProperty(property.name);
  if (!written.empty() && Declared(property.name)) names.push_back(std::move(written));
}

std::optional<cel::Field> CelObject::Declared(std::string_view key) const {
  if (const auto known = read_.find(key); known != read_.end()) return known->second;
  const auto& listed = schema_.properties;
  auto property = std::ranges::lower_bound(listed, key, {}, &Schema::Property::name);
  auto slot = property - listed.begin();
  if (property == listed.end() || property->name != key) {
    if (!schema_.embedded_resource) return std::nullopt;
    const auto& embedded = EmbeddedFields().properties;
    property = std::ranges::find(embedded, key, &Schema::Property::name);
    if (property == embedded.end()) return std::nullopt;
    slot = static_cast<std::ptrdiff_t>(listed.size()) + (property - embedded.begin());
  }
  std::optional<cel::Field> field;
  auto type = types_.Read(*property->schema, fmt::format("{}.{}", path_, key), depth_ + 1);
  if (type) field = cel::Field{*type, property->name, static_cast<std::int32_t>(slot)};
  read_.emplace(property->name, field);
  return field;
}

const Schema* SchemaOf(cel::Type type) {
  const auto* object = dynamic_cast<const CelObject*>(type.schema());
  return object == nullptr ? nullptr : &object->schema();
}

const cel::Schema* CelReadings::Of(const Schema& schema) { return Read(schema, 0); }

const cel::Schema* CelReadings::Of(const Schema& schema, std::span<const json::FieldPath> paths) {
  return Prune(schema, paths, 0);
}

const cel::Schema* CelReadings::ListOf(const cel::Schema* element) {
  if (const auto known = lists_.find(element); known != lists_.end()) return known->second;
  cel::Schema& list = readings_.emplace_back();
  list.reading = cel::Reading::kArray;
  list.element = element;
  lists_.emplace(element, &list);
  return &list;
}

// `paths` agree in their first `depth` segments. Only objects that list properties are pruned.
const cel::Schema* CelReadings::Prune(const Schema& schema, std::span<const json::FieldPath> paths,
                                      std::size_t depth) {
  // An embedded resource is one if nothing has to be added to it, as at the root of a kind.
  const bool complete = !schema.embedded_resource ||
                        (schema.Find("metadata") != nullptr &&
                         schema.Find("apiVersion") != nullptr && schema.Find("kind") != nullptr);
  const bool listed = schema.type == Type::kObject && !schema.properties.empty() &&
                      schema.additional == nullptr && !schema.int_or_string && complete;
  const bool leads_on = std::ranges::all_of(paths, [&](const json::FieldPath& path) {
    return path.segments().size() > depth &&
           std::holds_alternative<std::string>(path.segments()[depth]);
  });
  if (!listed || !leads_on) return Of(schema);
  cel::Schema& reading = readings_.emplace_back();
  reading.nullable = schema.nullable;
  reading.reading = cel::Reading::kObject;
  while (!paths.empty()) {
    const json::PathSegment& first = paths.front().segments()[depth];
    const auto end = std::ranges::find_if(
        paths, [&](const json::FieldPath& path) { return path.segments()[depth] != first; });
    const std::span group(paths.begin(), end);
    paths = paths.subspan(group.size());
    const auto& name = std::get<std::string>(first);
    if (const Schema* property = schema.Find(name)) {
      AddProperty(reading, name, Prune(*property, group, depth + 1));
    }
  }
  return &reading;
}

cel::Schema* CelReadings::Read(const Schema& schema, int depth) {
  if (const auto known = known_.find(&schema); known != known_.end()) return known->second;
  cel::Schema& reading = readings_.emplace_back();
  known_.emplace(&schema, &reading);
  reading.nullable = schema.nullable;
  if (schema.int_or_string) {
    reading.reading = cel::Reading::kIntOrString;
    return &reading;
  }
  if (depth > json::kMaxDepth) return &reading;
  switch (schema.type) {
    case Type::kObject:
      ReadObject(reading, schema, depth);
      return &reading;
    case Type::kArray:
      ReadArray(reading, schema, depth);
      return &reading;
    case Type::kString:
      reading.reading = schema.format == "byte"        ? cel::Reading::kBytes
                        : schema.format == "duration"  ? cel::Reading::kDuration
                        : schema.format == "date"      ? cel::Reading::kDate
                        : schema.format == "date-time" ? cel::Reading::kDateTime
                                                       : cel::Reading::kString;
      return &reading;
    case Type::kNumber:
      reading.reading = cel::Reading::kNumber;
      return &reading;
    case Type::kInteger:
      reading.reading = cel::Reading::kInteger;
      return &reading;
    case Type::kBoolean:
      reading.reading = cel::Reading::kBoolean;
      return &reading;
    case Type::kNone:
      if (schema.preserve_unknown || IsStringOrNumber(schema)) return &reading;
      break;
    case Type::kFaulty:
    case Type::kOther:
      break;
  }
  reading.reading = cel::Reading::kBroken;
  reading.problem =
      "invalid type, expected object, array, number, integer, boolean or string, or no type with "
      "x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got ";
  return &reading;
}

void CelReadings::ReadObject(cel::Schema& reading, const Schema& schema, int depth) {
  if (schema.additional != nullptr) reading.element = Read(*schema.additional, depth + 1);
  if (schema.properties.empty() && !schema.embedded_resource) {
    reading.reading = reading.element ? cel::Reading::kMap : cel::Reading::kNative;
    return;
  }
  reading.reading = cel::Reading::kObject;
  for (const auto& property : schema.properties) {
    AddProperty(reading, property.name, Read(*property.schema, depth + 1));
  }
  if (schema.embedded_resource) CompleteEmbedded(reading);
  std::ranges::sort(reading.properties, {}, &cel::Schema::Property::name);
}

void CelReadings::ReadArray(cel::Schema& reading, const Schema& schema, int depth) {
  if (schema.items == nullptr || SaysNothing(*schema.items)) {
    reading.reading = cel::Reading::kBroken;
    reading.problem = "invalid array type, expected Items with a non-empty Schema";
    return;
  }
  reading.reading = cel::Reading::kArray;
  reading.element = Read(*schema.items, depth + 1);
  reading.list_kind = schema.list_type == ListType::kSet   ? cel::ListKind::kSet
                      : schema.list_type == ListType::kMap ? cel::ListKind::kMap
                                                           : cel::ListKind::kAtomic;
  reading.list_keys.assign(schema.list_keys.begin(), schema.list_keys.end());
}

// What every embedded resource has, unless its schema says more.
void CelReadings::CompleteEmbedded(cel::Schema& reading) {
  cel::Schema& text = readings_.emplace_back();
  text.reading = cel::Reading::kString;
  const auto add_missing = [](cel::Schema& object, std::string_view name, const cel::Schema* type) {
    if (!object.FindProperty(name)) AddProperty(object, name, type);
  };
  add_missing(reading, "apiVersion", &text);
  add_missing(reading, "kind", &text);
  const cel::Schema* given = reading.FindProperty("metadata");
  cel::Schema& metadata = readings_.emplace_back();
  if (given) metadata = *given;
  metadata.reading = cel::Reading::kObject;
  add_missing(metadata, "name", &text);
  add_missing(metadata, "generateName", &text);
  std::ranges::sort(metadata.properties, {}, &cel::Schema::Property::name);
  std::erase_if(reading.properties, [](const auto& p) { return p.name == "metadata"; });
  AddProperty(reading, "metadata", &metadata);
}

namespace {

// The property that an expression means by `written`; empty if none can be meant. A reserved word
// may be written plainly.
std::string KeyOf(std::string_view written) {
  std::string key = cel::UnescapeProperty(written);
  if (cel::EscapeProperty(key) == written) return key;
  return cel::IsReserved(written) ? std::string(written) : std::string();
}

// What an embedded resource has at least.
const Schema& EmbeddedFields() {
  static SchemaSet& set = *new SchemaSet;  // lasts as long as the process
  static const Schema& fields = [] -> const Schema& {
    const json::Value text = json::Object{{"type", "string"}};
    const json::Value metadata = json::Object{
        {"type", "object"}, {"properties", json::Object{{"name", text}, {"generateName", text}}}};
    const json::Value object = json::Object{
        {"type", "object"},
        {"properties", json::Object{{"apiVersion", text}, {"kind", text}, {"metadata", metadata}}}};
    return *set.Add(object);
  }();
  return fields;
}

// oneOf exactly string and number, in any order: a quantity as older schemas write it.
bool IsStringOrNumber(const Schema& schema) {
  return schema.one_of.size() == 2 &&
         std::ranges::find(schema.one_of, Type::kString) != schema.one_of.end() &&
         std::ranges::find(schema.one_of, Type::kNumber) != schema.one_of.end();
}

// items: {}
bool SaysNothing(const Schema& schema) {
  return schema.type == Type::kNone && !schema.int_or_string && !schema.preserve_unknown &&
         !schema.nullable && !schema.embedded_resource && !schema.additional_allowed &&
         schema.format.empty() && schema.properties.empty() && schema.items == nullptr &&
         schema.one_of.empty() && schema.any_of.empty();
}

void AddProperty(cel::Schema& reading, std::string_view name, const cel::Schema* property) {
  std::string escaped = cel::EscapeProperty(name);
  if (escaped.empty()) escaped = name;
  reading.properties.push_back({std::string(name), std::move(escaped), property});
}

}  // namespace
}  // namespace kro::schema
