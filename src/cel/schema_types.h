// Types of the data that a schema describes: spec section 5.1.
//
//   SchemaTypes types;
//   Type schema = types.Declare("schema", openapi);    // __type_schema
//   environment.AddVariable("schema", schema);
//
// A schema is read as far as expressions look into it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cel/arena.h"
#include "cel/type.h"
#include "json/value.h"

namespace kro::cel {

class SchemaObject;

// Makes types from OpenAPI v3 schemas and owns what they need. Not thread-safe: types of one
// SchemaTypes are used by one thread at a time.
class SchemaTypes {
 public:
  SchemaTypes();
  ~SchemaTypes();
  SchemaTypes(const SchemaTypes&) = delete;
  SchemaTypes& operator=(const SchemaTypes&) = delete;

  // The type of a value with this schema; dyn if it cannot be expressed. Object types are called
  // __type_<name>.<path>. `openapi` is borrowed for as long as the types are used.
  Type Declare(std::string_view name, const json::Value& openapi);

  // The list type of a collection of such values.
  Type DeclareList(std::string_view name, const json::Value& openapi);

 private:
  friend class SchemaObject;

  // nullopt: a field with this schema is not declared.
  std::optional<Type> Read(const json::Object& schema, const std::string& path, int depth);
  Type ReadObject(const json::Object& schema, std::string path, int depth);

  Arena arena_{512};
  TypeArena types_{arena_};
  std::vector<std::unique_ptr<SchemaObject>> objects_;
};

}  // namespace kro::cel
