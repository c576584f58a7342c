// Walking a template: finds the expressions in it and checks everything else against the schema.
//
// Reads graph spec section 6. What the schema says about values beyond their type (required, enum,
// pattern, bounds) is not looked at: the API server does that when the object is applied.
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "graph/template_string.h"
#include "json/path.h"
#include "json/value.h"
#include "schema/openapi.h"

namespace kro::graph {

// A string of a template that holds expressions.
struct FieldExpression {
  json::FieldPath path;
  TemplateString text;
};

struct Walked {
  std::vector<FieldExpression> fields;  // keys in byte order, elements in list order
  std::vector<json::FieldPath> plain;   // strings without expression and other scalars, likewise
  Diagnostics faults;  // paths begin at the value; what is faulty is not in the lists
};

// Without types: externalRefs, templates of CRDs, status blocks. The only faults are expressions
// within expressions.
Walked WalkUntyped(const json::Value& value);

// Against `schema`. Every fault: unknown fields
// (KRO602) with the name that may have been meant, values of another type (KRO604). Where the schema
// preserves unknown fields, nothing is checked.
Walked WalkTyped(const json::Value& value, const schema::Schema& schema);

}  // namespace kro::graph
