// Seen: the values that an expression read, for the person who asks why it is not satisfied.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "runtime/outcome.h"

namespace kro::runtime {

// The object that a variable stands for; nullptr if there is none.
using ObjectOf = std::function<const json::Value*(std::string_view variable)>;

// One value for each path below the variables in `ids`, in order of appearance. Parses the
// expression, so it is for what is shown, not for what is decided.
std::vector<SeenValue> ValuesSeen(std::string_view expression, std::span<const std::string> ids,
                                  const ObjectOf& object_of);

}  // namespace kro::runtime
