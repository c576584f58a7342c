// The expression language: where to start.
//
//   Environment environment = Environment::Kro();
//   SchemaTypes types;
//   environment.AddVariable("schema", types.Declare("schema", openapi));
//
//   auto ast = Compile(environment, "schema.spec.replicas * 2");
//   if (!ast) return Report(ast.error());            // Diagnostics, with places and hints
//   ast->type();                                     // int
//
//   auto program = Plan(std::move(*ast), environment);
//   Arena arena;
//   Context context(arena);
//   Value result = (*program)->Evaluate(context, {{"schema", instance}});
//
// An expression passes these stages, each with its own header:
//
//   Parse (parser.h)       text to tree, macros expanded
//   Inspect (inspect.h)    which names it mentions; for dependencies
//   Check (checker.h)      types and the meaning of names, by an Environment (environment.h)
//   Plan (planner.h)       tree to Program; once
//   Evaluate (program.h)   Program and data to Value (value.h); often, by any thread
//
// Functions are declared in libraries (overload.h, library.h). Types of data come from schemas
// (schema_types.h), its values too (schema.h).
#pragma once

#include <expected>
#include <string_view>

#include "cel/ast.h"
#include "cel/checker.h"
#include "cel/environment.h"
#include "cel/inspect.h"
#include "cel/parser.h"
#include "cel/planner.h"
#include "cel/program.h"
#include "cel/schema.h"
#include "cel/schema_types.h"
#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

// Parses and checks.
inline std::expected<Ast, Diagnostics> Compile(const Environment& environment,
                                               std::string_view source) {
  auto ast = Parse(source, environment.dialect());
  if (!ast) return ast;
  if (auto checked = Check(environment, *ast); !checked) return std::unexpected(checked.error());
  return ast;
}

}  // namespace kro::cel
