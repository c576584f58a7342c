// Keys of computed maps.
#pragma once

#include "cel/value.h"

namespace kro::cel {

// Whether two keys are one: equal and of one type, so that 1 and 1u are two.
bool SameKey(const Value& a, const Value& b);

}  // namespace kro::cel
