// Schema: how JSON values are to be read, made from an OpenAPI schema.
//
// The checker sees types; the evaluator sees this. It knows what a type does not: formats, null, lists
// that are sets or keyed by fields (spec 5.3). Immutable once made, shared by programs and values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::cel {

enum class Reading : std::uint8_t {
  kNative,  // as it is
  kObject,  // properties, each by its schema; null means absent
  kMap,     // every value by one schema
  kArray,
  kString,
  kBytes,
  kDuration,
  kDate,
  kDateTime,
  kNumber,
  kInteger,
  kBoolean,
  kIntOrString,
  kBroken,  // every value is the error `problem`
};

// How == and + treat a list.
enum class ListKind : std::uint8_t { kAtomic, kSet, kMap };

// Tells a schema from all others of the process, also from those at the same address later. A copy is
// another schema.
class SchemaId {
 public:
  SchemaId();
  SchemaId(const SchemaId&) : SchemaId() {}
  SchemaId& operator=(const SchemaId&) { return *this; }

  std::uint64_t value() const { return value_; }  // less than 2^48, never 0

 private:
  std::uint64_t value_;
};

struct Schema {
  struct Property {
    std::string name;     // as in JSON
    std::string escaped;  // as in expressions; the name itself where it cannot be escaped
    const Schema* schema;
  };

  Reading reading = Reading::kNative;
  SchemaId id;
  bool nullable = false;
  ListKind list_kind = ListKind::kAtomic;
  std::vector<std::string> list_keys;  // of a list of kind map
  std::vector<Property> properties;    // of an object, by name
  const Schema* element = nullptr;     // of an array's items, a map's values
  std::string problem;

  const Schema* FindProperty(std::string_view name) const;
};

// Owns a tree of schemas.
class SchemaTree {
 public:
  // Reads an OpenAPI v3 schema (an object with "type", "properties", …). kInvalid if it nests too
  // deeply. What cannot be read gives error values when it is used, as upstream has it.
  static Result<std::shared_ptr<const SchemaTree>> Read(const json::Value& openapi);

  const Schema* root() const { return root_; }
  // For a variable that is a list of objects of this schema.
  const Schema* list_of_root() const { return list_; }

 private:
  friend class SchemaReader;
  std::vector<std::unique_ptr<Schema>> schemas_;
  const Schema* root_ = nullptr;
  const Schema* list_ = nullptr;
};

// The name by which an expression selects the property `name`: `a-b` is `a__dash__b`, `if` is
// `__if__`. Empty if it cannot be selected.
std::string EscapeProperty(std::string_view name);
// The reverse; the name itself if it is no escaped name.
std::string UnescapeProperty(std::string_view name);

}  // namespace kro::cel
