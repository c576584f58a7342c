// What a plain YAML scalar means to kubectl.
#pragma once

#include <optional>
#include <string_view>

#include "json/value.h"

namespace kro::json {

// The value of an unquoted scalar by the rules of sigs.k8s.io/yaml, which are those of go-yaml 2:
// YAML 1.1 booleans, octals with a leading 0, `_` between digits, timestamps as strings. A double
// that JSON would print as an integer becomes one, since kubectl goes through JSON. nullopt: a
// value without a JSON form (.inf, .nan).
std::optional<Value> ResolvePlain(std::string_view text);

// Whether a reader of YAML 1.1 may take the unquoted text for something other than a string.
bool NeedsQuotes(std::string_view text);

}  // namespace kro::json
