// A second evaluator, for tests: walks the parsed tree and does what the specification says, with values
// of its own that own everything. It knows nothing of the checker, the planner and the operators that it
// is compared with, folds comprehensions as they are written, and is as slow as that sounds.
//
// Knows null, bool, int, uint, double, string, list, map and optional values, all operators, the macros,
// and the functions dyn, size, int, uint, double, string, bool, contains, startsWith, endsWith,
// optional.of, optional.none, hasValue, value, or, orValue.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cel/ast.h"

namespace kro::cel {

struct NaiveEntry;

struct Naive {
  enum class Kind { kNull, kBool, kInt, kUint, kDouble, kString, kList, kMap, kOptional, kError };

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double number = 0;
  std::string text;               // of a string; of an error: its class, empty for any
  std::vector<Naive> items;       // of a list; of an optional: none or one
  bool typed = false;             // a list or map that a schema describes
  std::set<std::string> unknown;  // names of inputs that are not known: an error that is none
  std::vector<NaiveEntry> entries;

  bool Is(Kind k) const { return kind == k; }
  bool IsError() const { return kind == Kind::kError; }
  bool IsUnknown() const { return IsError() && !unknown.empty(); }
};

struct NaiveEntry {
  Naive first;  // the key
  Naive second;
};

using NaiveVariables = std::map<std::string, Naive, std::less<>>;

// JSON as it is; null members of objects are left out if `typed`, as of objects with properties.
Naive NaiveFromJson(const json::Value& json, bool typed);

// What is not known yet, standing on one input.
Naive NaiveUnknown(std::string name);

// Nothing where it does not know: a schema reads again what is added to a list of it.
std::optional<Naive> NaiveEvaluate(const Expr& expr, const NaiveVariables& variables);

// Whether the engine's value is the same: kind and content; of errors the class, which is the text
// before the first colon.
bool Agree(Context& context, const Value& value, const Naive& naive);

std::string Show(const Naive& naive);

}  // namespace kro::cel
