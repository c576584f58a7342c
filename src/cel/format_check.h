// What can be said before evaluation about "...".format([...]) with literal arguments (spec 4.6).
#pragma once

#include "cel/ast.h"
#include "cel/source.h"

namespace kro::cel {

// Reports clauses that cannot be parsed, and arguments that are missing, left over or of a type their
// clause refuses. For checked expressions.
void CheckFormats(const Ast& ast, Issues& issues);

}  // namespace kro::cel
