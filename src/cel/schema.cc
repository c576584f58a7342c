#include "cel/schema.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace kro::cel {
namespace {

constexpr std::array<std::string_view, 21> kReserved = {
    "as",        "break", "const",  "continue", "else", "false", "for",
    "function",  "if",    "import", "in",       "let",  "loop",  "package",
    "namespace", "null",  "return", "true",     "var",  "void",  "while"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEscapes = {{
    {"__underscores__", "__"},
    {"__dot__", "."},
    {"__dash__", "-"},
    {"__slash__", "/"},
}};

bool IsReserved(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool Flag(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  return value && value->is_bool() && value->get_bool();
}

std::string_view Text(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  if (value && value->is_string()) return value->get_string();
  // Only the first entry of a list of types counts.
  if (value && value->is_array() && !value->get_array().empty() &&
      value->get_array()[0].is_string()) {
    return value->get_array()[0].get_string();
  }
  return {};
}

const json::Object* Child(const json::Object& object, std::string_view key) {
  const json::Value* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}

// oneOf exactly string and number, in any order: a quantity as older schemas write it.
bool IsStringOrNumber(const json::Object& schema) {
  const json::Value* one_of = schema.if_contains("oneOf");
  if (!one_of || !one_of->is_array() || one_of->get_array().size() != 2) return false;
  bool string = false, number = false;
  for (const json::Value& choice : one_of->get_array()) {
    if (!choice.is_object()) return false;
    string |= Text(choice.get_object(), "type") == "string";
    number |= Text(choice.get_object(), "type") == "number";
  }
  return string && number;
}

}  // namespace

class SchemaReader {
 public:
  explicit SchemaReader(SchemaTree& tree) : tree_(tree) {}

  Result<Schema*> Read(const json::Object& openapi, int depth) {
    if (depth > json::kMaxDepth) {
      return Fail(ErrorCode::kInvalid, "schema nests deeper than {} levels", json::kMaxDepth);
    }
    Schema* schema = Make();
    schema->nullable = Flag(openapi, "nullable");
    if (Flag(openapi, "x-kubernetes-int-or-string") || Text(openapi, "format") == "int-or-string") {
      schema->reading = Reading::kIntOrString;
      return schema;
    }
    std::string_view type = Text(openapi, "type");
    if (type == "object") return ReadObject(schema, openapi, depth);
    if (type == "array") return ReadArray(schema, openapi, depth);
    if (type == "string") {
      std::string_view format = Text(openapi, "format");
      schema->reading = format == "byte"        ? Reading::kBytes
                        : format == "duration"  ? Reading::kDuration
                        : format == "date"      ? Reading::kDate
                        : format == "date-time" ? Reading::kDateTime
                                                : Reading::kString;
    } else if (type == "number") {
      schema->reading = Reading::kNumber;
    } else if (type == "integer") {
      schema->reading = Reading::kInteger;
    } else if (type == "boolean") {
      schema->reading = Reading::kBoolean;
    } else if (type.empty() && (Flag(openapi, "x-kubernetes-preserve-unknown-fields") ||
                                IsStringOrNumber(openapi))) {
      schema->reading = Reading::kNative;
    } else {
      Break(
          schema,
          "invalid type, expected object, array, number, integer, boolean or string, or no type "
          "with x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got " +
              std::string(type));
    }
    return schema;
  }

  Schema* Make() {
    tree_.schemas_.push_back(std::make_unique<Schema>());
    return tree_.schemas_.back().get();
  }

 private:
  Result<Schema*> ReadObject(Schema* schema, const json::Object& openapi, int depth) {
    const json::Object* properties = Child(openapi, "properties");
    bool embedded = Flag(openapi, "x-kubernetes-embedded-resource");
    if (const json::Object* values = Child(openapi, "additionalProperties")) {
      auto element = Read(*values, depth + 1);
      if (!element) return element;
      schema->element = *element;
    }
    if (!properties && !embedded) {
      schema->reading = schema->element ? Reading::kMap : Reading::kNative;
      return schema;
    }
    schema->reading = Reading::kObject;
    if (properties) {
      for (const auto& [name, property] : *properties) {
        if (!property.is_object()) continue;
        auto read = Read(property.get_object(), depth + 1);
        if (!read) return read;
        AddProperty(schema, name, *read);
      }
    }
    if (embedded) AddEmbeddedProperties(schema);
    std::sort(schema->properties.begin(), schema->properties.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return schema;
  }

  Result<Schema*> ReadArray(Schema* schema, const json::Object& openapi, int depth) {
    const json::Object* items = Child(openapi, "items");
    if (!items || items->empty()) {
      Break(schema, "invalid array type, expected Items with a non-empty Schema");
      return schema;
    }
    schema->reading = Reading::kArray;
    auto element = Read(*items, depth + 1);
    if (!element) return element;
    schema->element = *element;
    std::string_view kind = Text(openapi, "x-kubernetes-list-type");
    if (kind == "set") {
      schema->list_kind = ListKind::kSet;
    } else if (kind == "map") {
      schema->list_kind = ListKind::kMap;
    } else if (!kind.empty() && kind != "atomic") {
      Break(schema, "invalid x-kubernetes-list-type, expected 'map', 'set' or 'atomic' but got " +
                        std::string(kind));
    }
    if (const json::Value* keys = openapi.if_contains("x-kubernetes-list-map-keys");
        keys && keys->is_array()) {
      for (const json::Value& key : keys->get_array()) {
        if (key.is_string()) schema->list_keys.emplace_back(key.get_string());
      }
    }
    return schema;
  }

  // What every embedded resource has, unless its schema says more.
  void AddEmbeddedProperties(Schema* schema) {
    Schema* text = Make();
    text->reading = Reading::kString;
    AddMissing(schema, "apiVersion", text);
    AddMissing(schema, "kind", text);
    const Schema* given = schema->FindProperty("metadata");
    Schema* metadata = Make();
    if (given) *metadata = *given;
    metadata->reading = Reading::kObject;
    AddMissing(metadata, "name", text);
    AddMissing(metadata, "generateName", text);
    std::erase_if(schema->properties, [](const auto& p) { return p.name == "metadata"; });
    AddProperty(schema, "metadata", metadata);
  }

  void AddMissing(Schema* schema, std::string_view name, const Schema* property) {
    if (!schema->FindProperty(name)) AddProperty(schema, name, property);
  }

  static void AddProperty(Schema* schema, std::string_view name, const Schema* property) {
    std::string escaped = EscapeProperty(name);
    if (escaped.empty()) escaped = name;
    schema->properties.push_back({std::string(name), std::move(escaped), property});
  }

  static void Break(Schema* schema, std::string problem) {
    schema->reading = Reading::kBroken;
    schema->problem = std::move(problem);
  }

  SchemaTree& tree_;
};

SchemaId::SchemaId() {
  static std::atomic<std::uint64_t> last = 0;
  value_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
}

const Schema* Schema::FindProperty(std::string_view name) const {
  // Linear: while a tree is read the properties are in no order, and objects have few.
  for (const Property& property : properties) {
    if (property.name == name) return property.schema;
  }
  return nullptr;
}

Result<std::shared_ptr<const SchemaTree>> SchemaTree::Read(const json::Value& openapi) {
  if (!openapi.is_object()) return Fail(ErrorCode::kInvalid, "schema is no object");
  auto tree = std::make_shared<SchemaTree>();
  SchemaReader reader(*tree);
  auto root = reader.Read(openapi.get_object(), 0);
  if (!root) return std::unexpected(root.error());
  tree->root_ = *root;
  Schema* list = reader.Make();
  list->reading = Reading::kArray;
  list->element = *root;
  tree->list_ = list;
  return std::shared_ptr<const SchemaTree>(std::move(tree));
}

std::string EscapeProperty(std::string_view name) {
  if (name.empty() || IsDigit(name[0])) return {};
  if (IsReserved(name)) return "__" + std::string(name) + "__";
  std::string escaped;
  for (std::size_t i = 0; i < name.size();) {
    if (name.substr(i, 2) == "__") {
      escaped += "__underscores__";
      i += 2;
      continue;
    }
    char c = name[i++];
    if (IsLetter(c) || IsDigit(c)) {
      escaped += c;
    } else if (c == '.') {
      escaped += "__dot__";
    } else if (c == '-') {
      escaped += "__dash__";
    } else if (c == '/') {
      escaped += "__slash__";
    } else {
      return {};
    }
  }
  return escaped;
}

std::string UnescapeProperty(std::string_view name) {
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__") &&
      IsReserved(name.substr(2, name.size() - 4))) {
    return std::string(name.substr(2, name.size() - 4));
  }
  std::string plain;
  for (std::size_t i = 0; i < name.size();) {
    bool replaced = false;
    for (const auto& [escape, text] : kEscapes) {
      if (name.substr(i).starts_with(escape)) {
        plain += text;
        i += escape.size();
        replaced = true;
        break;
      }
    }
    if (!replaced) plain += name[i++];
  }
  return plain;
}

}  // namespace kro::cel
