// Parser: text to Ast, macros expanded (spec section 1).
#pragma once

#include <expected>
#include <string_view>

#include "base/diagnostic.h"
#include "cel/ast.h"
#include "cel/environment.h"

namespace kro::cel {

// Limits of upstream's parser (spec 1.5).
inline constexpr std::size_t kMaxCodePoints = 100'000;
inline constexpr int kMaxNesting = 250;
inline constexpr std::uint32_t kMaxNodes = 100'000;

// Parses one expression. Reports every syntax error that does not follow from another one, at most 30, and
// the other faults beside them, in the order of their places.
std::expected<Ast, Diagnostics> Parse(std::string_view source, const Dialect& dialect = {});

}  // namespace kro::cel
