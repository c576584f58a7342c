// Regular expressions of the language: RE2, with errors worded as Go's regexp words them.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "cel/value.h"

namespace re2 {
class RE2;
}

namespace kro::cel {

// kInvalid: "error parsing regexp: missing closing ): `(`".
Result<std::shared_ptr<const re2::RE2>> CompilePattern(std::string_view pattern);

// Takes the price of making a pattern for one evaluation, and that of one search in a text of `size` bytes.
// RE2 is linear, but a byte may cost it a step of every state that the pattern has.
bool ChargeCompilation(Context& context, const re2::RE2& pattern);
bool ChargeSearch(Context& context, const re2::RE2& pattern, std::size_t size);

}  // namespace kro::cel
