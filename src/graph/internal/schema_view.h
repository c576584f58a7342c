// The questions that the template walk asks of a schema (graph spec section 6.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/openapi.h"

namespace kro::graph {

// Has something to check values against: a type, oneOf, anyOf or additionalProperties.
bool IsUsable(const schema::Schema& schema);

// The words for what is accepted, in order: "string", "integer", …; "any". Empty if nothing says it.
// oneOf and anyOf come before the type.
std::vector<std::string_view> ExpectedTypes(const schema::Schema& schema);

// For suggestions.
std::vector<std::string> PropertyNames(const schema::Schema& schema);

}  // namespace kro::graph
