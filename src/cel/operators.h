// What the operators do to two values. Arguments are no errors.
#pragma once

#include "cel/value.h"

namespace kro::cel {

Value Add(Context& context, const Value& a, const Value& b);
Value Subtract(Context& context, const Value& a, const Value& b);
Value Multiply(Context& context, const Value& a, const Value& b);
Value Divide(Context& context, const Value& a, const Value& b);
Value Modulo(Context& context, const Value& a, const Value& b);
Value Negate(Context& context, const Value& a);
Value Not(const Value& a);
Value NotEqual(Context& context, const Value& a, const Value& b);

enum class Ordering { kLess, kLessEquals, kGreater, kGreaterEquals };
Value Order(Context& context, const Value& a, const Value& b, Ordering ordering);

// a in b
Value In(Context& context, const Value& a, const Value& b);

// a[b], a[?b]
Value Index(Context& context, const Value& a, const Value& b);
Value OptionalIndex(Context& context, const Value& a, const Value& b);

// What a lookup that may come to nothing gave: a value (which may be an error) or nothing.
using Lookup = std::optional<Value>;
// a[b] without making absence an error; optional values are looked through.
Lookup Find(Context& context, const Value& a, const Value& b);

// The name of upstream's class of a value, as some texts have it: "types.Int".
std::string_view ClassName(const Value& value);

}  // namespace kro::cel
