// Places in the text of an expression, and what is wrong there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace kro::cel {

// One fault found by the lexer, parser or checker.
struct Issue {
  std::optional<Span> span;  // none: the expression as a whole
  std::string message;       // upstream's words
  std::string code;
  std::string expected = {};
  std::string found = {};
  std::string hint = {};
  std::string author = {};  // the message in an author's words, where upstream's would puzzle
};

using Issues = std::vector<Issue>;

// Line and column of a byte of `source`; the column of the end is one past the last.
Position PositionOf(std::string_view source, std::uint32_t offset);

// Orders by place and turns issues into diagnostics whose `compatible` is upstream's text:
//
//   ERROR: <input>:1:7: undeclared reference to 'x' (in container '')
//    | 1 + 2*x
//    | ......^
Diagnostics ToDiagnostics(std::string_view source, Issues issues);

}  // namespace kro::cel
