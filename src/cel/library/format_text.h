// The format strings of `'%d of %s'.format([n, name])`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cel/value.h"

namespace kro::cel {

// One clause of a format string: %s, %.2f.
struct FormatClause {
  char verb = 's';  // one of s d f e b o x X
  int precision = 6;
};

// Takes a format string apart from left to right.
//
//   FormatReader reader("%d of %s");
//   while (auto step = reader.Next()) …   // a clause, " of ", a clause
class FormatReader {
 public:
  explicit FormatReader(std::string_view format) : rest_(format) {}

  // Literal text up to the next clause ("%%" is "%"), which it moves past; `at_clause` tells whether
  // one follows.
  std::string ReadLiteral();
  bool at_clause() const { return !rest_.empty(); }

  // Reads the clause at the current place. kInvalid with the original's texts.
  Result<FormatClause> ReadClause();

 private:
  std::string_view rest_;
};

// Why a value of the type named `type` does not fit the clause: "decimal clause can only be used on
// ints, uints, and doubles, was given string".
std::string FormatMismatch(char verb, std::string_view type);

// Whether a clause takes values whose run-time type has this name ("int", "list").
bool FormatAccepts(char verb, std::string_view type);

// `format.format(arguments)`. Errors as the original words them.
Value FormatText(Context& context, std::string_view format, const Value& arguments);

}  // namespace kro::cel
