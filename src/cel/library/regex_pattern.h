// Regular expressions of the language: RE2, with errors worded as Go's regexp words them.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace kro::cel {

// kInvalid: "error parsing regexp: missing closing ): `(`".
Result<std::shared_ptr<const re2::RE2>> CompilePattern(std::string_view pattern);

}  // namespace kro::cel
