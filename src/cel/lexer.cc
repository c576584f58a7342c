#include "cel/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace kro::cel {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsOctal(char c) { return c >= '0' && c <= '7'; }
bool IsIdentStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsIdent(char c) { return IsIdentStart(c) || IsDigit(c); }
std::uint32_t FromHex(std::string_view digits);
void AppendUtf8(std::string& out, std::uint32_t code_point);

class Lexer {
 public:
  Lexer(std::string_view source, Issues& issues) : source_(source), issues_(issues) {}

  std::vector<Token> Run();

 private:
  char At(std::size_t i) const { return i < source_.size() ? source_[i] : '\0'; }
  void SkipSpace();
  void Add(TokenKind kind, std::size_t end);
  void Next();
  void Number();
  void Word();
  bool Quoted(std::size_t quote, bool raw, TokenKind kind);
  std::size_t QuotedEnd(std::size_t content, std::string_view quote, bool raw) const;
  std::size_t EscapeEnd(std::size_t backslash) const;
  void QuotedIdent();
  void Operator();
  void Unknown(std::size_t end);

  std::string_view source_;
  Issues& issues_;
  std::size_t position_ = 0;
  std::size_t stopped_ = 0;  // how far the last quoted token could be read
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source, Issues& issues) {
  return Lexer(source, issues).Run();
}

std::optional<std::string_view> Unquote(std::string_view token, Arena& arena,
                                        std::string_view& problem) {
  bool bytes = false;
  bool raw = false;
  while (token[0] != '"' && token[0] != '\'') {
    if (token[0] == 'b' || token[0] == 'B') bytes = true;
    if (token[0] == 'r' || token[0] == 'R') raw = true;
    token.remove_prefix(1);
  }
  std::size_t width = token.size() >= 6 && token[1] == token[0] && token[2] == token[0] ? 3 : 1;
  token = token.substr(width, token.size() - 2 * width);
  if (token.find_first_of(raw ? std::string_view("\r") : std::string_view("\\\r")) ==
      std::string_view::npos) {
    return token;
  }

  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    char c = token[i];
    if (c == '\r') {
      out += '\n';
      if (i + 1 < token.size() && token[i + 1] == '\n') ++i;
      continue;
    }
    if (c != '\\' || raw) {
      out += c;
      continue;
    }
    c = token[++i];
    switch (c) {
      case 'a':
        out += '\a';
        continue;
      case 'b':
        out += '\b';
        continue;
      case 'f':
        out += '\f';
        continue;
      case 'n':
        out += '\n';
        continue;
      case 'r':
        out += '\r';
        continue;
      case 't':
        out += '\t';
        continue;
      case 'v':
        out += '\v';
        continue;
      case '\\':
      case '?':
      case '"':
      case '\'':
      case '`':
        out += c;
        continue;
      default:
        break;
    }
    std::uint32_t value = 0;
    if (c == 'x' || c == 'X') {
      value = FromHex(token.substr(i + 1, 2));
      i += 2;
    } else if (c == 'u' || c == 'U') {
      std::size_t digits = c == 'u' ? 4 : 8;
      if (bytes) {
        problem = "unable to unescape string";
        return std::nullopt;
      }
      value = FromHex(token.substr(i + 1, digits));
      i += digits;
      if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        problem = "invalid unicode code point";
        return std::nullopt;
      }
    } else {  // three octal digits
      for (int digit = 0; digit < 3; ++digit) {
        value = value * 8 +
                static_cast<std::uint32_t>(token[i + static_cast<std::size_t>(digit)] - '0');
      }
      i += 2;
    }
    if (bytes) {
      out += static_cast<char>(value);
    } else {
      AppendUtf8(out, value);
    }
  }
  return arena.Copy(out);
}

bool IsReserved(std::string_view name) {
  switch (name.size()) {
    case 2:
      return name == "as" || name == "if" || name == "in";
    case 3:
      return name == "for" || name == "let" || name == "var";
    case 4:
      return name == "else" || name == "loop" || name == "null" || name == "true" || name == "void";
    case 5:
      return name == "break" || name == "const" || name == "false" || name == "while";
    case 6:
      return name == "import" || name == "return";
    case 7:
      return name == "package";
    case 8:
      return name == "continue" || name == "function";
    case 9:
      return name == "namespace";
    default:
      return false;
  }
}

namespace {

std::vector<Token> Lexer::Run() {
  tokens_.reserve(source_.size() / 3 + 8);
  for (;;) {
    SkipSpace();
    if (position_ >= source_.size()) break;
    Next();
  }
  Add(TokenKind::kEnd, source_.size());
  return std::move(tokens_);
}

void Lexer::SkipSpace() {
  while (position_ < source_.size()) {
    char c = source_[position_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      ++position_;
    } else if (c == '/' && At(position_ + 1) == '/') {
      while (position_ < source_.size() && source_[position_] != '\n') ++position_;
    } else {
      return;
    }
  }
}

void Lexer::Add(TokenKind kind, std::size_t end) {
  tokens_.push_back({kind, static_cast<std::uint32_t>(position_), static_cast<std::uint32_t>(end)});
  position_ = end;
}

void Lexer::Next() {
  char c = source_[position_];
  if (IsIdentStart(c)) return Word();
  if (IsDigit(c) || (c == '.' && IsDigit(At(position_ + 1)))) return Number();
  if (c == '"' || c == '\'') {
    if (!Quoted(position_, false, TokenKind::kString)) Unknown(stopped_);
    return;
  }
  if (c == '`') return QuotedIdent();
  Operator();
}

void Lexer::Word() {
  // A prefix of a string, or else a name.
  char first = source_[position_] | 0x20;
  char second = At(position_ + 1);
  auto is_quote = [](char c) { return c == '"' || c == '\''; };
  if (first == 'r' && is_quote(second) && Quoted(position_ + 1, true, TokenKind::kString)) return;
  if (first == 'b' && is_quote(second) && Quoted(position_ + 1, false, TokenKind::kBytes)) return;
  if (first == 'b' && (second | 0x20) == 'r' && is_quote(At(position_ + 2)) &&
      Quoted(position_ + 2, true, TokenKind::kBytes)) {
    return;
  }
  std::size_t end = position_ + 1;
  while (end < source_.size() && IsIdent(source_[end])) ++end;
  std::string_view word = source_.substr(position_, end - position_);
  TokenKind kind = TokenKind::kIdent;
  if (word == "in") kind = TokenKind::kIn;
  if (word == "true") kind = TokenKind::kTrue;
  if (word == "false") kind = TokenKind::kFalse;
  if (word == "null") kind = TokenKind::kNull;
  Add(kind, end);
}

void Lexer::Number() {
  std::size_t end = position_;
  if (At(end) == '0' && At(end + 1) == 'x' && IsHex(At(end + 2))) {
    end += 2;
    while (IsHex(At(end))) ++end;
    bool is_unsigned = (At(end) | 0x20) == 'u';
    return Add(is_unsigned ? TokenKind::kUint : TokenKind::kInt, end + is_unsigned);
  }
  while (IsDigit(At(end))) ++end;
  bool real = false;
  if (At(end) == '.' && IsDigit(At(end + 1))) {
    real = true;
    ++end;
    while (IsDigit(At(end))) ++end;
  }
  if ((At(end) | 0x20) == 'e') {
    std::size_t digits = end + 1;
    if (At(digits) == '+' || At(digits) == '-') ++digits;
    if (IsDigit(At(digits))) {
      real = true;
      end = digits;
      while (IsDigit(At(end))) ++end;
    }
  }
  if (real) return Add(TokenKind::kDouble, end);
  bool is_unsigned = (At(end) | 0x20) == 'u';
  Add(is_unsigned ? TokenKind::kUint : TokenKind::kInt, end + is_unsigned);
}

// Reads the literal whose first quote is at `quote`; false if it has no end.
bool Lexer::Quoted(std::size_t quote, bool raw, TokenKind kind) {
  std::string_view rest = source_.substr(quote);
  for (std::string_view triple : {"\"\"\"", "'''"}) {
    if (!rest.starts_with(triple)) continue;
    if (std::size_t end = QuotedEnd(quote + 3, triple, raw)) {
      Add(kind, end);
      return true;
    }
  }
  if (std::size_t end = QuotedEnd(quote + 1, rest.substr(0, 1), raw)) {
    Add(kind, end);
    return true;
  }
  // Where reading stopped, for the length of what is skipped.
  stopped_ = quote + 1;
  while (stopped_ < source_.size() && source_[stopped_] != '\n' && source_[stopped_] != '\\') {
    ++stopped_;
  }
  return false;
}

// The position behind the closing `quote`, 0 if there is none.
std::size_t Lexer::QuotedEnd(std::size_t content, std::string_view quote, bool raw) const {
  std::size_t i = content;
  while (i < source_.size()) {
    if (source_.substr(i).starts_with(quote)) return i + quote.size();
    char c = source_[i];
    if (quote.size() == 1 && (c == '\n' || c == '\r')) return 0;
    if (c == '\\' && !raw) {
      i = EscapeEnd(i);
      if (i == 0) return 0;
    } else {
      ++i;
    }
  }
  return 0;
}

// The position behind the escape, 0 if it is none.
std::size_t Lexer::EscapeEnd(std::size_t backslash) const {
  char c = At(backslash + 1);
  if (c != '\0' && std::string_view("abfnrtv\\?\"'`").find(c) != std::string_view::npos) {
    return backslash + 2;
  }
  std::size_t digits = 0;
  if (c == 'x' || c == 'X') digits = 2;
  if (c == 'u') digits = 4;
  if (c == 'U') digits = 8;
  if (digits > 0) {
    for (std::size_t i = 0; i < digits; ++i) {
      if (!IsHex(At(backslash + 2 + i))) return 0;
    }
    return backslash + 2 + digits;
  }
  bool octal = c >= '0' && c <= '3' && IsOctal(At(backslash + 2)) && IsOctal(At(backslash + 3));
  return octal ? backslash + 4 : 0;
}

void Lexer::QuotedIdent() {
  std::size_t end = position_ + 1;
  auto allowed = [](char c) { return IsIdent(c) || c == '.' || c == '/' || c == '-' || c == ' '; };
  while (end < source_.size() && allowed(source_[end])) ++end;
  if (At(end) == '`' && end > position_ + 1) return Add(TokenKind::kQuotedIdent, end + 1);
  Unknown(end + 1);
}

void Lexer::Operator() {
  char c = source_[position_];
  char next = At(position_ + 1);
  auto two = [&](TokenKind kind) { Add(kind, position_ + 2); };
  auto one = [&](TokenKind kind) { Add(kind, position_ + 1); };
  switch (c) {
    case '=':
      return next == '=' ? two(TokenKind::kEquals) : Unknown(position_ + 1);
    case '!':
      return next == '=' ? two(TokenKind::kNotEquals) : one(TokenKind::kNot);
    case '<':
      return next == '=' ? two(TokenKind::kLessEquals) : one(TokenKind::kLess);
    case '>':
      return next == '=' ? two(TokenKind::kGreaterEquals) : one(TokenKind::kGreater);
    case '&':
      return next == '&' ? two(TokenKind::kAnd) : Unknown(position_ + 1);
    case '|':
      return next == '|' ? two(TokenKind::kOr) : Unknown(position_ + 1);
    case '+':
      return one(TokenKind::kPlus);
    case '-':
      return one(TokenKind::kMinus);
    case '*':
      return one(TokenKind::kStar);
    case '/':
      return one(TokenKind::kSlash);
    case '%':
      return one(TokenKind::kPercent);
    case '?':
      return one(TokenKind::kQuestion);
    case ':':
      return one(TokenKind::kColon);
    case '.':
      return one(TokenKind::kDot);
    case ',':
      return one(TokenKind::kComma);
    case '[':
      return one(TokenKind::kLeftBracket);
    case ']':
      return one(TokenKind::kRightBracket);
    case '{':
      return one(TokenKind::kLeftBrace);
    case '}':
      return one(TokenKind::kRightBrace);
    case '(':
      return one(TokenKind::kLeftParen);
    case ')':
      return one(TokenKind::kRightParen);
    default:
      break;
  }
  std::size_t end = position_ + 1;
  while (end < source_.size() && (static_cast<unsigned char>(source_[end]) & 0xC0) == 0x80) ++end;
  Unknown(end);
}

void Lexer::Unknown(std::size_t end) {
  end = std::min(end, source_.size());
  Span span{static_cast<std::uint32_t>(position_), static_cast<std::uint32_t>(end)};
  issues_.push_back({.span = span,
                     .message = fmt::format("Syntax error: token recognition error at: '{}'",
                                            source_.substr(position_, end - position_)),
                     .code = "KRO401"});
  position_ = end;
}

std::uint32_t FromHex(std::string_view digits) {
  std::uint32_t value = 0;
  for (char c : digits) {
    std::uint32_t digit = IsDigit(c) ? static_cast<std::uint32_t>(c - '0')
                                     : static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
    value = value << 4 | digit;
  }
  return value;
}

void AppendUtf8(std::string& out, std::uint32_t code_point) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    out += static_cast<char>(0x80 | (code_point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    out += static_cast<char>(0x80 | (code_point >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code_point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code_point & 0x3F));
  }
}

}  // namespace
}  // namespace kro::cel
