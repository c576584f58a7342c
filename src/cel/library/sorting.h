// Order of the elements of a list, as sort, sortBy, min and isSorted have it.
#pragma once

#include <array>
#include <string_view>

#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

// A type whose values have an order, with the names that ids of overloads give it.
struct OrderedType {
  std::string_view name;       // "duration"
  std::string_view long_name;  // "google.protobuf.Duration"
  Type type;
};

const std::array<OrderedType, 8>& OrderedTypes();

// The elements of `list` in the order of `keys`, stable, NaN first. Keys are of one ordered type;
// errors as the language words them. Both lists are of one size.
Value SortByKeys(Context& context, const Value& list, const Value& keys);

}  // namespace kro::cel
