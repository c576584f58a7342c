// ObjectHash: of a desired object, to know it again across passes and restarts.
#pragma once

#include <string>

#include "json/value.h"

namespace kro::runtime {

// Of the value in canonical form, 16 hexadecimal digits: neither the order of keys nor the writing
// of a number (1, 1.0) matters. The same in every process and build.
std::string ObjectHash(const json::Value& value);

}  // namespace kro::runtime
