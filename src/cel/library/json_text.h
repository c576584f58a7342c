// JSON text as Go's encoding/json reads and writes it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cel/value.h"
#include "json/value.h"

namespace kro::cel {

// Reads one JSON text into a computed value: numbers are doubles, of equal keys the last wins, lone
// surrogates become U+FFFD. kInvalid with the original's texts; at most json::kMaxDepth deep.
Result<Value> ReadJsonText(Context& context, std::string_view text);

// Appends `value` with keys in byte order. kInvalid for numbers that are not finite.
Result<void> AppendJson(std::string& out, const json::Value& value);
Result<void> AppendJson(std::string& out, const json::Object& object);

// Appends an object of members whose values are JSON text already.
void AppendMembers(std::string& out, const std::map<std::string, std::string>& members);

// "json: unsupported value: +Inf" for a number that JSON cannot hold.
std::string UnsupportedNumber(double value);

}  // namespace kro::cel
