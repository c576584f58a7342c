// What expressions see of a compact schema: types for the checker, readings for the evaluator.
//
//   CelTypes types;
//   environment.AddVariable("schema", types.Declare("schema", *schema));   // __type_schema
//   CelReadings readings;
//   Value value = cel::FromJson(context, object, readings.Of(*schema));
//
// The same as cel::SchemaTypes and cel::SchemaTree make of the OpenAPI text: graph spec section 8,
// CEL spec sections 5.1 and 5.3.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cel/arena.h"
#include "cel/schema.h"
#include "cel/type.h"
#include "json/path.h"
#include "schema/openapi.h"

namespace kro::schema {

class CelObject;

// Makes types and owns them. A schema is read as far as expressions look into it. Not thread-safe:
// types of one CelTypes are used by one thread at a time. The schemas outlive it.
class CelTypes {
 public:
  CelTypes();
  ~CelTypes();
  CelTypes(const CelTypes&) = delete;
  CelTypes& operator=(const CelTypes&) = delete;

  // The type of a value with this schema; dyn if it cannot be expressed. Object types are called
  // __type_<name>, their parts append .<field>, .@idx (items) and .@elem (values of a map).
  cel::Type Declare(std::string_view name, const Schema& schema);

  // The list type of a collection of such values.
  cel::Type DeclareList(std::string_view name, const Schema& schema);

 private:
  friend class CelObject;

  // nullopt: a field with this schema is not declared.
  std::optional<cel::Type> Read(const Schema& schema, const std::string& path, int depth);

  cel::Arena arena_{512};  // most graphs need little
  cel::TypeArena types_{arena_};
  std::vector<std::unique_ptr<CelObject>> objects_;
};

// The schema that an object type stands on; nullptr for other types.
const Schema* SchemaOf(cel::Type type);

// Makes readings and owns them, one for a schema however often it is used. Once all that is needed
// has been asked for, any number of threads may use the readings.
class CelReadings {
 public:
  const cel::Schema* Of(const Schema& schema);

  // For values of which only what lies at and below `paths` (sorted) is looked at: of large schemas it
  // costs little. Other properties read as absent.
  const cel::Schema* Of(const Schema& schema, std::span<const json::FieldPath> paths);

  // For a variable that is a list of values that are read like this.
  const cel::Schema* ListOf(const cel::Schema* element);

 private:
  cel::Schema* Read(const Schema& schema, int depth);
  const cel::Schema* Prune(const Schema& schema, std::span<const json::FieldPath> paths,
                           std::size_t depth);
  void ReadObject(cel::Schema& reading, const Schema& schema, int depth);
  void ReadArray(cel::Schema& reading, const Schema& schema, int depth);
  void CompleteEmbedded(cel::Schema& reading);

  std::deque<cel::Schema> readings_;
  std::unordered_map<const Schema*, cel::Schema*> known_;
  std::unordered_map<const cel::Schema*, const cel::Schema*> lists_;
};

}  // namespace kro::schema
