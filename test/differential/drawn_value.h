// Values drawn at random that mostly fit a schema.
#pragma once

#include <cstdint>
#include <string_view>

#include "apiserver/ids.h"
#include "json/value.h"

namespace kro::differential {

using Draws = apiserver::IdSource;

bool Chance(Draws& draws, std::uint64_t percent);

// An OpenAPI schema in YAML that says besides, in `good`, which values fit a place, in `bad` which do not,
// and in `always` which members are there.
json::Value ParsePooledSchema(std::string_view yaml);
// The same without the pools, as a definition has it.
json::Value WithoutPools(json::Value schema);

// What is wrong with a value now and then: several bad values, or one field that is unknown. A server that finds
// such a field may stop there, before or after it found what else is wrong.
enum class Faults { kBadValues, kUnknownField };

// Places that have a pool get a value of it; of the others each member and each item is there or not.
json::Value DrawValue(Draws& draws, const json::Value& schema, Faults faults);

// A strategic merge patch of such a value: deletions and replacements of list items among it. Lists
// with `x-kubernetes-list-type: map` are merged by their first key, those of sort `set` by value.
json::Value DrawStrategicPatch(Draws& draws, const json::Value& schema, Faults faults);

}  // namespace kro::differential
