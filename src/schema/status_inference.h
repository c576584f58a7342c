// The OpenAPI schema of the status, inferred from the types of the author's expressions (graph spec
// section 13.3).
#pragma once

#include <span>

#include "cel/type.h"
#include "json/path.h"
#include "json/value.h"
#include "schema/assignability.h"

namespace kro::schema {

// The schema of a status field whose expression has this type.
json::Value InferFieldSchema(cel::Type type, const Collections& collections = {});

struct StatusField {
  json::FieldPath path;  // below `status`; its parents are objects, or arrays where it has an index
  cel::Type type;
};

// The object schema that holds all fields, for StatusSchema (crd_synthesis.h). Elements of one array
// share its items: where their types differ the last one stands, where some are objects and some are
// not, anything goes. kInvalid for an empty path, and one that leads through a field of another kind.
Result<json::Value> InferStatusSchema(std::span<const StatusField> fields,
                                      const Collections& collections = {});

}  // namespace kro::schema
