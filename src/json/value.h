// Object values: JSON-like data as Kubernetes means it.
//
// Values are Boost.JSON's: maps keep their order, int64, uint64 and double stay distinct. This
// header gives them our names and the conversions that everybody needs.
#pragma once

#include <boost/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;
using String = boost::json::string;

// How deep values may nest; deeper input is refused, never recursed into.
inline constexpr int kMaxDepth = 1000;

// Parses one JSON text (RFC 8259), strictly: no trailing text, no duplicate keys, no lone surrogates,
// no invalid UTF-8, no byte order mark, at most kMaxDepth deep. An integer is int64 if it fits, else
// uint64, else double; `-0` is the integer 0. kInvalid names line and column. The value and all in
// it live in `storage`.
Result<Value> Parse(std::string_view text, boost::json::storage_ptr storage = {});

// Compact JSON in the value's own order. A double without fraction keeps its ".0" form out, as Go
// prints it: 1.0 becomes 1, 1e21 becomes 1e+21. What JSON has no number for becomes null.
std::string Serialize(const Value& value);

// Compact JSON with keys in byte order: equal values give equal bytes.
std::string Canonical(const Value& value);

// Whether `value` nests more than kMaxDepth deep, as Parse counts: [[1]] is 2 deep.
bool IsTooDeep(const Value& value);

// The member at `key`, or nullptr if `value` is no object or has none.
const Value* Find(const Value& value, std::string_view key);
Value* Find(Value& value, std::string_view key);

// Follows keys: Find(object, {"metadata", "name"}).
const Value* Find(const Value& value, std::initializer_list<std::string_view> keys);

// The string at these keys, or "" if there is none.
std::string_view FindString(const Value& value, std::initializer_list<std::string_view> keys);

// The word for a value's type in messages: "object", "array", "string", "integer", "number",
// "boolean", "null".
std::string_view TypeName(const Value& value);

}  // namespace kro::json
