// Planner: from a checked expression to a program.
//
// Names become slots, chains of selections become paths, macros become loops, what is constant is
// computed once, constant patterns are compiled. An expression that was not checked can be planned
// too: its functions and names are then resolved here.
#pragma once

#include <memory>

#include "base/error.h"
#include "cel/ast.h"
#include "cel/environment.h"
#include "cel/program.h"

namespace kro::cel {

// Whether `int` is a value. In kro's environment it is not (spec 2.1).
enum class TypeNames { kDefined, kUndefined };

// `environment` is the one the expression was checked in; it resolves what was not checked, and its
// libraries outlive the program. kInvalid with upstream's text: a constant pattern or index that can
// never work, a name that means nothing.
Result<std::shared_ptr<const Program>> Plan(Ast ast, const Environment& environment,
                                            TypeNames type_names = TypeNames::kDefined);

}  // namespace kro::cel
