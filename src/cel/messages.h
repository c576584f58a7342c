// Messages that stand for values: google.protobuf.Int32Value{value: 1} and its kin.
//
// They are the only message types there are, and only where the dialect has them. Each is a
// function of the value of its field: the checker turns the message into a call of it.
#pragma once

#include <optional>
#include <string_view>

#include "cel/overload.h"
#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

struct Message {
  std::string_view name;      // "google.protobuf.Int32Value"
  std::string_view function;  // called with the value of `value`
  Value absent;               // what `value` is when it is not written
};

// The wrapper called `name`.
const Message* FindMessage(std::string_view name);

// google.protobuf.Value is dynamic: the type that its field `name` takes, or nothing.
inline constexpr std::string_view kDynamicMessage = "google.protobuf.Value";
std::optional<Type> FieldOfDynamicMessage(std::string_view name);

// The number called `name`: google.protobuf.NullValue.NULL_VALUE.
std::optional<std::int64_t> FindEnumValue(std::string_view name);

// The functions of the wrappers.
const Library& MessageFunctions();

}  // namespace kro::cel
