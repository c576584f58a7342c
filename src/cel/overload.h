// Overload: one signature of a CEL function, declared once: its type, its documentation, its examples
// (which run as tests) and its body.
//
//   const Overload kOverloads[] = {
//       {.function = "lists.setAtIndex",
//        .id = "lists.setAtIndex_list_int_T",
//        .params = {ListOf(T()), Int(), T()},
//        .result = ListOf(T()),
//        .doc = "Copy of the list with one element replaced. Index is in [0, size).",
//        .examples = {{"lists.setAtIndex([1, 2], 0, 9)", "[9, 2]"}},
//        .eval = SetAtIndex},
//   };
//
// A Library is a named set of them; library.h lists the libraries.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

// The body. Arguments are in order, the receiver first. They have the kinds of the parameters (for
// lists and maps the first element's too, as upstream looks at it; other elements may be anything)
// and are no errors, unless the overload is lazy. Gives a value in the arena, or an error value.
using EvalFunction = Value (*)(Context& context, std::span<const Value> args);

enum class Style : std::uint8_t {
  kGlobal,    // f(a, b)
  kReceiver,  // a.f(b)
};

// What the error says when no overload fits the arguments at run time.
enum class Mismatch : std::uint8_t {
  kTypes,  // no such overload: charAt(int, int)
  kName,   // no such overload: size
  kPlain,  // no such overload
};

enum class Strictness : std::uint8_t {
  kStrict,  // the first error among the arguments is the result; the body never sees one
  kLazy,    // the body sees error values
};

// Whether the arguments are matched with the parameters before the body runs.
enum class Guard : std::uint8_t {
  kParameters,  // a mismatch is an error as `Mismatch` says
  kNone,        // the body is called whatever they are, and checks them itself
};

// Work that a function can do once for constant arguments, such as compiling a pattern.
//
// `prepare` runs when the program is planned. Its arguments are the constant ones; the others are
// nullptr. Nothing prepared (a null pointer): `eval` is used. An error fails the planning, with its
// text.
struct Preparation {
  using Prepared = std::shared_ptr<const void>;
  Result<Prepared> (*prepare)(std::span<const Value* const> constants) = nullptr;
  Value (*eval)(Context& context, const void* prepared, std::span<const Value> args) = nullptr;
};

struct Example {
  std::string expression;
  std::string result;  // another expression, or "error: text"
};

struct Overload {
  std::string function;  // "charAt", "lists.range", "_+_"
  std::string id;        // unique
  Style style = Style::kGlobal;
  std::vector<Type> params;  // the receiver first
  Type result;
  std::string doc;
  std::vector<Example> examples = {};
  EvalFunction eval = nullptr;
  Mismatch mismatch = Mismatch::kTypes;
  Strictness strictness = Strictness::kStrict;
  Guard guard = Guard::kParameters;
  Preparation preparation = {};
};

// A named, versioned set of overloads. Macros are the parser's (macros.h).
struct Library {
  std::string name;  // "strings"
  int version = 0;
  std::string doc;
  std::vector<Overload> overloads;
};

}  // namespace kro::cel
