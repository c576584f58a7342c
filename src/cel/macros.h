// Macros: calls that the parser replaces by other trees (spec section 2.5).
//
// A macro is known by its name, its number of arguments and what it is called on. Arguments are moved
// into the expansion, not copied.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cel/arena.h"
#include "cel/ast.h"
#include "cel/environment.h"
#include "cel/overload.h"
#include "cel/source.h"

namespace kro::cel {

// Makes nodes, numbering them.
class ExprBuilder {
 public:
  ExprBuilder(Arena& arena, Issues& issues) : arena_(arena), issues_(issues) {}

  template <typename Node>
  Expr* New(std::uint32_t offset, Span span, Node node) {
    Expr* expr = arena_.New<Expr>();
    expr->id = ++count_;
    expr->offset = offset;
    expr->span = span;
    expr->node = node;
    return expr;
  }
  Expr* NewCall(std::uint32_t offset, Span span, std::string_view function,
                std::initializer_list<Expr*> args, Expr* target = nullptr);

  void Report(const Expr* where, std::string message);

  Arena& arena() { return arena_; }
  // Nodes ever made.
  std::uint32_t count() const { return count_; }

 private:
  Arena& arena_;
  Issues& issues_;
  std::uint32_t count_ = 0;
};

// A call as written.
struct MacroCall {
  std::string_view function;
  Expr* target;  // nullptr: global
  std::span<Expr*> args;
  std::uint32_t offset;  // of the '('
  Span span;
};

// What a macro is called on.
enum class MacroTarget : std::uint8_t {
  kNothing,    // has(e.f)
  kContainer,  // e.all(x, p): a list or map
  kOptional,   // o.optMap(x, t)
  kCel,        // cel.bind(x, e, t): the word itself
  kRuntime,    // runtime.newCondition({…}): the same
};

class MacroExpander;  // macros.cc

// One form of a macro, declared once: how it is called, its documentation, its examples (which run as
// tests) and its expansion.
struct Macro {
  std::string_view name;
  std::size_t arguments;
  MacroTarget target;
  bool Dialect::* needs;  // in a dialect without it the call is an ordinary one
  std::string_view form;  // "e.all(x, p)"
  std::string_view doc;
  std::vector<Example> examples;
  Expr* (MacroExpander::*expand)();
};

std::span<const Macro> Macros();

// What the call stands for; nullptr if it is no macro of the dialect. A macro that is used wrongly is
// reported and gives a null literal.
Expr* ExpandMacro(ExprBuilder& builder, const Dialect& dialect, const MacroCall& call);

// What cel.block(list, body) expands to: a call with these two arguments. In the list and the body
// `@index0`, `@index1` … are the elements before.
inline constexpr std::string_view kBlockFunction = "cel.@block";

// The functions that only expansions call; part of every environment. The planner knows them, they
// have no body.
const Library& MacroFunctions();

}  // namespace kro::cel
