// Ast: an expression as a tree, after parsing and, if it was checked, after checking.
//
// Nodes live in one arena. Macros are already expanded. The checker writes into the tree: it sets the
// type of every node, turns `a.b.c` into one identifier where that is a variable's name and `a.f(x)`
// into a global call where `a.f` is a function's, and notes which variable or overloads are meant.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/diagnostic.h"
#include "cel/arena.h"
#include "cel/type.h"
#include "cel/value.h"

namespace kro::cel {

struct Expr;
struct Overload;

// The order is that of the alternatives of Expr::node.
enum class ExprKind : std::uint8_t {
  kLiteral,
  kIdent,
  kSelect,
  kCall,
  kList,
  kMap,
  kStruct,
  kComprehension,
};

// null, bool, int, uint, double, string, bytes; after checking also a type (`int`).
struct Literal {
  Value value;
};

struct Ident {
  std::string_view name;  // without the leading dot; after checking the variable's whole name
  bool absolute = false;  // `.name`: never a comprehension's variable
  // Set by the checker: the index of the environment's variable, or -1 for a comprehension's.
  std::int32_t slot = -1;
};

// operand.field, or has(operand.field). Optional selection `a.?b` is a call of kOptSelect.
struct Select {
  Expr* operand;
  std::string_view field;  // unquoted
  bool test_only = false;
  bool quoted = false;  // was written in backticks
  // Set by the checker where the operand is an object with a schema: the JSON key and its slot.
  std::string_view key = {};
  std::int32_t slot = -1;
};

struct Call {
  std::string_view function;  // "size", "_+_", "_&&_", "lists.range"
  Expr* target = nullptr;     // the receiver; nullptr: global
  std::span<Expr*> args = {};
  // Set by the checker: the overloads that may be meant, in order of declaration. Empty for
  // operators that have none (&& || ?: and optional selection).
  std::span<const Overload* const> overloads = {};
};

struct ListElement {
  Expr* value;
  bool optional = false;  // [?value]
};

struct List {
  std::span<ListElement> elements;
};

struct MapEntry {
  Expr* key;
  Expr* value;
  bool optional = false;     // {?key: value}
  std::uint32_t offset = 0;  // of the ':'
};

struct MapLiteral {
  std::span<MapEntry> entries;
};

struct StructField {
  std::string_view name;
  Expr* value;
  bool optional = false;
  std::uint32_t offset = 0;
};

struct Struct {
  std::string_view type_name;
  std::span<StructField> fields;
};

// accu := init; for (var, var2 in range) { if (!condition) break; accu := step; } result
//
// Hidden variables have names that no source can spell: "@result", "#unused", "@target:1".
struct Comprehension {
  std::string_view var;
  std::string_view var2;  // empty: one variable
  std::string_view accu_var;
  Expr* range;
  Expr* init;
  Expr* condition;
  Expr* step;
  Expr* result;
  // What the macro was, so that it can be run without building its tree.
  std::string_view macro;
};

struct Expr {
  std::uint32_t id = 0;      // 1, 2, 3 … in one Ast
  std::uint32_t offset = 0;  // where messages point: bytes from the start of the source
  Span span;                 // the text of the whole node
  Type type;                 // set by the checker; dyn before
  std::variant<Literal, Ident, Select, Call, List, MapLiteral, Struct, Comprehension> node;

  ExprKind kind() const { return static_cast<ExprKind>(node.index()); }
  template <typename T>
  T& As() {
    return *std::get_if<T>(&node);
  }
  template <typename T>
  const T& As() const {
    return *std::get_if<T>(&node);
  }
  template <typename T>
  const T* If() const {
    return std::get_if<T>(&node);
  }
};

static_assert(std::is_trivially_destructible_v<Expr>);

// Function names of operators.
namespace op {
inline constexpr std::string_view kAdd = "_+_";
inline constexpr std::string_view kSubtract = "_-_";
inline constexpr std::string_view kMultiply = "_*_";
inline constexpr std::string_view kDivide = "_/_";
inline constexpr std::string_view kModulo = "_%_";
inline constexpr std::string_view kEquals = "_==_";
inline constexpr std::string_view kNotEquals = "_!=_";
inline constexpr std::string_view kLess = "_<_";
inline constexpr std::string_view kLessEquals = "_<=_";
inline constexpr std::string_view kGreater = "_>_";
inline constexpr std::string_view kGreaterEquals = "_>=_";
inline constexpr std::string_view kIn = "@in";
inline constexpr std::string_view kNot = "!_";
inline constexpr std::string_view kNegate = "-_";
inline constexpr std::string_view kIndex = "_[_]";
inline constexpr std::string_view kOptIndex = "_[?_]";
inline constexpr std::string_view kOptSelect = "_?._";  // args: operand, string literal
inline constexpr std::string_view kConditional = "_?_:_";
inline constexpr std::string_view kAnd = "_&&_";
inline constexpr std::string_view kOr = "_||_";
inline constexpr std::string_view kNotStrictlyFalse = "@not_strictly_false";
}  // namespace op

// A parsed expression. Owns its text and its nodes; moves, never copies.
struct Ast {
  std::unique_ptr<Arena> arena;  // nodes, names, constants, inferred types
  std::string_view source;       // copied into the arena
  Expr* root = nullptr;
  std::uint32_t node_count = 0;  // ids are below this
  bool checked = false;

  // The result of the expression: root->type, without unbound variables.
  Type type() const { return root->type; }
};

}  // namespace kro::cel
