// Seen: the values that an expression read, for the person who asks why it is not satisfied.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "json/value.h"
#include "runtime/outcome.h"

namespace kro::runtime {

// The object that a variable stands for, and the node that it is of; nullptr where there is none.
struct SeenObject {
  const json::Value* object = nullptr;
  const graph::Node* node = nullptr;
};
using ObjectOf = std::function<SeenObject(std::string_view variable)>;

// One value for each path below the variables in `ids`, in order of appearance. Parses the
// expression, so it is for what is shown, not for what is decided. What comes from a Secret is not shown: who may
// read an instance's status need not be allowed to read that.
std::vector<SeenValue> ValuesSeen(std::string_view expression, std::span<const std::string> ids,
                                  const ObjectOf& object_of);

}  // namespace kro::runtime
