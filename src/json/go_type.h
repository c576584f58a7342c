// What Go calls the type of a JSON value that Kubernetes has decoded; upstream's messages name it.
#pragma once

#include <string_view>

#include "json/value.h"

namespace kro::json {

// "map[string]interface {}", "[]interface {}", "int64"; an integer beyond int64 is a "float64".
std::string_view GoType(const Value& value);

}  // namespace kro::json
