// The variable `runtime` and the conditions that it makes and reads (spec section 4.15).
#pragma once

#include <string_view>

#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

// A condition of an instance's status. The texts are borrowed.
struct Condition : OpaqueBase {
  std::string_view type;
  std::string_view status;  // "True", "False", "Unknown"; empty for one that was not found
  std::string_view reason;
  std::string_view message;
};

Type RuntimeType();    // kro.run.Runtime
Type ConditionType();  // kro.run.Condition, a struct of four strings

// What the variable `runtime` is bound to.
Value RuntimeValue();

// The condition that `value` is, or nullptr.
const Condition* AsCondition(const Value& value);

}  // namespace kro::cel
