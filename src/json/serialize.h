// Writing JSON into a text that is being put together.
#pragma once

#include <string>

#include "json/value.h"

namespace kro::json {

// Appends what Serialize gives.
void SerializeTo(const Value& value, std::string& out);

}  // namespace kro::json
