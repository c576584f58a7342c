// What differs between two objects, for people: "spec.replicas 2 -> 4".
#pragma once

#include <string>
#include <vector>

#include "json/value.h"

namespace kro::dev {

// A line for each field that was added, removed or changed, in the order of `after`; list items are
// compared by place, or by name where all of them have one. What the server keeps for itself
// (managedFields, resourceVersion, generation, uid, times) and the status are left out. Long values are
// cut.
std::vector<std::string> DiffObjects(const json::Value& before, const json::Value& after);

}  // namespace kro::dev
