// Assignability: may the value of an expression be written to a field of a certain type?
//
// Looser than CEL's own rule where what counts is the JSON that results: a map may become an object,
// an optional its content (graph spec section 11.3, CEL spec section 6).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "cel/type.h"

namespace kro::schema {

// Variables that are collections. Objects below them are called __type_<id>.@idx… and their structure
// is never compared.
using Collections = std::set<std::string, std::less<>>;

// Whether this is an object type whose fields a schema gives, not one of the language's own
// (kro.run.Condition) nor one below a collection.
bool HasKnownFields(cel::Type type, const Collections& collections = {});

// Why a value of type `output` may not be written to a field of type `expected`, in upstream's words:
// `type kind mismatch: got "int", expected "string"`. nullopt: it may.
std::optional<std::string> WhyNotAssignable(cel::Type output, cel::Type expected,
                                            const Collections& collections = {});

}  // namespace kro::schema
