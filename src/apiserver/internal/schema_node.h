// One node of a CRD's structural schema, read once: what is kept, filled in and checked there.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/rules.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

struct SchemaNode {
  struct Property {
    std::string name;
    std::unique_ptr<SchemaNode> node;
  };
  enum class Additional : std::uint8_t { kNone, kRefused, kAnything, kSchema };
  enum class List : std::uint8_t { kAtomic, kSet, kMap };

  std::string type;  // the word in the schema; empty: none
  // What a value may be: the type, or integer and string.
  std::vector<std::string> types;
  std::string format;  // one that is checked; empty: none
  bool nullable = false;
  bool preserve_unknown = false;
  bool embedded = false;

  std::optional<json::Value> default_value;
  std::vector<json::Value> enumeration;
  std::optional<double> minimum, maximum, multiple_of;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::optional<std::int64_t> min_length, max_length, min_items, max_items, min_properties,
      max_properties;
  std::string pattern;
  std::unique_ptr<re2::RE2> expression;

  std::vector<Property> properties;  // by name
  std::vector<std::string> required;
  Additional additional_kind = Additional::kNone;
  std::unique_ptr<SchemaNode> additional;
  std::unique_ptr<SchemaNode> items;
  List list = List::kAtomic;
  std::vector<std::string> list_keys;

  std::vector<std::unique_ptr<SchemaNode>> all_of, any_of, one_of;
  std::unique_ptr<SchemaNode> negated;

  std::unique_ptr<Rules> rules;  // x-kubernetes-validations; nullptr: none
  bool has_rules = false;        // here or below

  const SchemaNode* FindProperty(std::string_view name) const;
  // The schema of the member `name`: the property's, else that of additional ones; nullptr: none.
  const SchemaNode* Below(std::string_view name) const;

  // kInvalid for a pattern or a rule that does not compile, and for schemas that nest too deeply.
  static Result<std::unique_ptr<SchemaNode>> Read(const json::Value& schema, bool is_root);
};

}  // namespace kro::apiserver::internal
