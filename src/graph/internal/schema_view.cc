#include "graph/internal/schema_view.h"

namespace kro::graph {
namespace {

using Types = std::vector<std::string_view>;

Types Words(const schema::TypeList& types) {
  Types words;
  for (const schema::Type type : types) {
    if (const std::string_view word = ToString(type); !word.empty()) words.push_back(word);
  }
  return words;
}

}  // namespace

bool IsUsable(const schema::Schema& schema) {
  return schema.type != schema::Type::kNone || schema.constrained;
}

Types ExpectedTypes(const schema::Schema& schema) {
  if (schema.preserve_unknown) return {"any"};
  // The format alone stands beside a oneOf, which says the same in its own order.
  if (schema.int_or_string && schema.format != "int-or-string") return {"string", "integer"};
  if (Types types = Words(schema.one_of); !types.empty()) return types;
  if (Types types = Words(schema.any_of); !types.empty()) return types;
  if (const std::string_view word = ToString(schema.type); !word.empty()) return {word};
  if (schema.additional_allowed) return {"any"};
  return {};
}

std::vector<std::string> PropertyNames(const schema::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& property : schema.properties) names.emplace_back(property.name);
  return names;
}

}  // namespace kro::graph
