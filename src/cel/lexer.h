// Tokens of an expression: spec sections 1.1 to 1.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cel/arena.h"
#include "cel/source.h"

namespace kro::cel {

enum class TokenKind : std::uint8_t {
  kEnd,
  kIdent,
  kQuotedIdent,  // with its backticks
  kInt,
  kUint,
  kDouble,
  kString,  // with prefix and quotes
  kBytes,
  kTrue,
  kFalse,
  kNull,
  kIn,
  kEquals,
  kNotEquals,
  kLessEquals,
  kGreaterEquals,
  kLess,
  kGreater,
  kAnd,
  kOr,
  kNot,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kQuestion,
  kColon,
  kDot,
  kComma,
  kLeftBracket,
  kRightBracket,
  kLeftBrace,
  kRightBrace,
  kLeftParen,
  kRightParen,
};

struct Token {
  TokenKind kind;
  std::uint32_t begin;  // bytes
  std::uint32_t end;
};

// All tokens, the last one kEnd. Text that is no token is reported and skipped.
std::vector<Token> Tokenize(std::string_view source, Issues& issues);

// The content of a string or bytes token. Borrowed from the token if it needs no change, else made in
// the arena. On failure nothing, and `problem` says why.
std::optional<std::string_view> Unquote(std::string_view token, Arena& arena,
                                        std::string_view& problem);

// Whether an expression may not use `name` as a variable or global function.
bool IsReserved(std::string_view name);

}  // namespace kro::cel
