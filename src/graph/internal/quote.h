// Quoting, as Go's %q does it.
#pragma once

#include <string>
#include <string_view>

namespace kro::graph {

// `text` in double quotes with Go's escapes. They are legal CEL too, so the result is also a CEL
// string literal.
std::string Quote(std::string_view text);

}  // namespace kro::graph
