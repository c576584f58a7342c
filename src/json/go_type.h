// What a JSON value that Kubernetes has decoded is to Go; upstream's messages name its type.
#pragma once

#include <string_view>

#include "json/value.h"

namespace kro::json {

// "map[string]interface {}", "[]interface {}", "int64"; an integer beyond int64 is a "float64".
std::string_view GoType(const Value& value);

// "number", "bool", "array": what Go's decoder calls a value that it cannot put where it stands.
std::string_view GoWord(const Value& value);

// Whether it is the zero value of its type in Go: "", false or 0.
bool IsGoZero(const Value& value);

}  // namespace kro::json
