// JSON for people to read.
#pragma once

#include <string>
#include <string_view>

namespace kro::json {

// `text`, which is compact JSON, with a member or item a line and two spaces a level, as Go's MarshalIndent
// writes it.
std::string Indent(std::string_view text);

}  // namespace kro::json
