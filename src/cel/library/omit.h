// The value of omit(): whoever assembles an object leaves out the field or element that holds it.
#pragma once

#include "cel/value.h"

namespace kro::cel {

Value OmitValue();

// Whether `value` itself is it; containers are not looked into.
bool IsOmit(const Value& value);

}  // namespace kro::cel
