// Checker: gives every node of an expression its type and finds what the names mean (spec section 2).
//
// Types are inferred as upstream does it: type parameters by unification, `dyn` fits everything, no
// numeric promotion. Writes into the Ast: see ast.h for what.
#pragma once

#include <cstddef>
#include <expected>

#include "base/diagnostic.h"
#include "cel/ast.h"
#include "cel/environment.h"

namespace kro::cel {

// Checks `ast`, which was parsed with the environment's dialect. After a failure the Ast is not to be
// used. The Ast refers to the environment's overloads and to the schemas of its variables.
//
// At most `hints` misspelt names are compared with the known ones: that takes time.
std::expected<void, Diagnostics> Check(const Environment& environment, Ast& ast,
                                       std::size_t hints = 100);

}  // namespace kro::cel
