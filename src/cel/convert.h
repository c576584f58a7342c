// Results of expressions as JSON, as they are written into resources: spec section 5.4.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "cel/value.h"
#include "json/value.h"

namespace kro::cel {

// The JSON of `value`; nothing for omit(), and without the entries and elements that are omit().
//
// Data read from JSON comes back as it was, byte for byte of every string. kInvalid with upstream's
// text for values that have no JSON form: "unsupported type: kubernetes.Quantity".
Result<std::optional<json::Value>> ToJson(Context& context, const Value& value);

// The value as an expression writes it, for people: `[1u, b"\xff", quantity("1Gi")]`.
std::string ToExpression(Context& context, const Value& value);

// The error of an evaluation as an Error of the engine: kPending if more data may mend it, else
// kInvalid (spec section 8). `error` is an error value.
Error ToError(const Value& error);

// The code that a text decides: kPending or kInvalid.
ErrorCode ClassOf(std::string_view error_text);

}  // namespace kro::cel
