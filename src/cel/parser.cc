#include "cel/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "cel/lexer.h"
#include "cel/macros.h"
#include "cel/source.h"

namespace kro::cel {
namespace {

// A node with the height of its tree, which bounds the recursion of everything that walks it.
struct Parsed {
  Expr* expr = nullptr;
  int height = 0;
};

// After so many syntax errors the rest of the text is not read (spec 1.5).
constexpr int kMaxRecoveries = 30;

// Recursive descent, one function a level of the grammar.
//
// After a syntax error the parser goes on, to find the others: what is missing is taken as there
// (`f(1 +, 2)` lacks an operand), what is too much is skipped up to where the bracket around it
// goes on (`[1 2, 3]`). Example: `[1 +, (2 3), x.]` has three errors; `f(1 +` has one, as all that
// is missing is missing at the same place. Every function takes a token or leaves the error to its
// caller, so that the parse ends.
//
// Past a limit (`failed_`) every function returns at once. Results are never null.
class Parser {
 public:
  Parser(std::string_view source, const Dialect& dialect, Arena& arena, Issues& issues)
      : source_(source),
        dialect_(dialect),
        arena_(arena),
        issues_(issues),
        builder_(arena, issues) {}

  Expr* Run();
  std::uint32_t node_count() const { return builder_.count() + 1; }

 private:
  Parsed ParseExpr();
  Parsed ParseOr();
  Parsed ParseAnd();
  Parsed ParseLogical(TokenKind kind, std::string_view function, Parsed (Parser::*operand)());
  Expr* Balance(std::string_view function, std::size_t first, std::size_t last, std::size_t terms,
                std::size_t operators);
  Parsed ParseBinary(int level);
  Parsed ParseUnary();
  Parsed ParseMember();
  Parsed ParseSelect(Parsed operand);
  Parsed ParseIndex(Parsed operand);
  Parsed ParsePrimary();
  Parsed ParseName();
  Parsed ParseCall(std::string_view function, Parsed target, std::uint32_t begin);
  Parsed ParseList();
  Parsed ParseMap();
  Parsed ParseAfterColon();
  Parsed ParseStruct();
  Parsed ParseLiteral(bool negative);
  Parsed ParseInt(std::string_view text, Span span, bool negative);
  bool StartsStruct() const;
  std::string_view FieldName(const Token& token) const;

  const Token& Peek(std::size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  bool At(TokenKind kind) const { return Peek().kind == kind; }
  const Token& Take() {
    const Token& token = Peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    last_end_ = token.end;
    return token;
  }
  bool TakeIf(TokenKind kind) {
    if (!At(kind)) return false;
    Take();
    return true;
  }
  // Takes the token, also when others stand before it.
  void Expect(TokenKind kind, std::string_view what) {
    if (failed_ || TakeIf(kind)) return;
    SyntaxError(Peek(), what);
    if (SkipTo(kind, kind)) Take();
  }
  // Whether another element of a bracketed list follows; `what` is the bracket at its end.
  bool TakeComma(TokenKind closing, std::string_view what);
  bool SkipTo(TokenKind wanted, TokenKind or_this);
  void SkipToOperator();
  bool IsSwallowed(const Token& token) const;
  std::string_view Text(const Token& token) const {
    return source_.substr(token.begin, token.end - token.begin);
  }
  Span From(std::uint32_t begin) const { return {begin, std::max(begin, last_end_)}; }

  Parsed SyntaxError(const Token& token, std::string_view expected);
  Parsed Fail(Span span, std::string_view message);
  Parsed TooDeep(std::string_view message);
  Parsed Nothing() {
    return {builder_.New(Peek().begin, {Peek().begin, Peek().end}, Literal{}), 0};
  }
  template <typename Node>
  Parsed Make(std::uint32_t offset, std::uint32_t begin, int height, Node node) {
    if (height > kMaxNesting) return TooDeep("max recursion depth exceeded");
    return {builder_.New(offset, From(begin), node), height};
  }
  Parsed MakeCall(std::uint32_t offset, std::uint32_t begin, int height, std::string_view function,
                  std::initializer_list<Expr*> args) {
    if (height > kMaxNesting) return TooDeep("max recursion depth exceeded");
    return {builder_.NewCall(offset, From(begin), function, args), height};
  }

  std::string_view source_;
  const Dialect& dialect_;
  Arena& arena_;
  Issues& issues_;
  ExprBuilder builder_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::uint32_t last_end_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  int faults_ = 0;                       // syntax errors so far
  std::uint32_t fault_at_ = UINT32_MAX;  // where the last one stands
  std::vector<Span> swallowed_;          // text that is no token
  // Stacks shared by the levels, so that short lists need no allocation of their own.
  std::vector<Parsed> terms_;
  std::vector<std::uint32_t> operators_;
};

// Enough for most expressions.
constexpr std::size_t kFirstBlock = 2048;

std::size_t CodePointCount(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::expected<Ast, Diagnostics> Parse(std::string_view source, const Dialect& dialect) {
  Issues issues;
  if (source.size() > kMaxCodePoints) {
    if (std::size_t size = CodePointCount(source); size > kMaxCodePoints) {
      issues.push_back(
          {.span = {},
           .message = fmt::format("expression code point size exceeds limit: size: {}, "
                                  "limit {}",
                                  size, kMaxCodePoints),
           .code = "KRO401"});
      return std::unexpected(ToDiagnostics({}, std::move(issues)));
    }
  }
  Ast ast;
  ast.arena = std::make_unique<Arena>(kFirstBlock);
  ast.source = ast.arena->Copy(source);
  Parser parser(ast.source, dialect, *ast.arena, issues);
  ast.root = parser.Run();
  ast.node_count = parser.node_count();
  if (!issues.empty()) return std::unexpected(ToDiagnostics(source, std::move(issues)));
  return ast;
}

namespace {

Expr* Parser::Run() {
  tokens_ = Tokenize(source_, issues_);
  for (const Issue& issue : issues_) swallowed_.push_back(*issue.span);
  Parsed result = ParseExpr();
  while (!failed_ && !At(TokenKind::kEnd)) {
    SyntaxError(Peek(), "the end");
    SkipToOperator();
    Take();
    if (!At(TokenKind::kEnd)) ParseExpr();
  }
  return result.expr;
}

// or [ "?" or ":" expr ]
Parsed Parser::ParseExpr() {
  if (depth_ >= kMaxNesting) return TooDeep("expression recursion limit exceeded: 250");
  ++depth_;
  std::uint32_t begin = Peek().begin;
  Parsed condition = ParseOr();
  if (!failed_ && At(TokenKind::kQuestion)) {
    std::uint32_t question = Take().begin;
    Parsed then = ParseOr();
    Expect(TokenKind::kColon, "':'");
    if (!failed_) {
      Parsed otherwise = fault_at_ == Peek().begin ? Nothing() : ParseExpr();
      if (!failed_) {
        int height = 1 + std::max({condition.height, then.height, otherwise.height});
        condition = MakeCall(question, begin, height, op::kConditional,
                             {condition.expr, then.expr, otherwise.expr});
      }
    }
  }
  --depth_;
  return failed_ ? Nothing() : condition;
}

Parsed Parser::ParseOr() { return ParseLogical(TokenKind::kOr, op::kOr, &Parser::ParseAnd); }
Parsed Parser::ParseAnd() { return ParseLogical(TokenKind::kAnd, op::kAnd, nullptr); }

// A chain a && b && c && d becomes (a && b) && (c && d), so that its depth is that of its logarithm.
Parsed Parser::ParseLogical(TokenKind kind, std::string_view function,
                            Parsed (Parser::*operand)()) {
  auto parse = [&] { return operand ? (this->*operand)() : ParseBinary(0); };
  Parsed first = parse();
  if (failed_ || !At(kind)) return first;
  std::size_t terms = terms_.size();
  std::size_t operators = operators_.size();
  int height = first.height;
  terms_.push_back(first);
  while (!failed_ && At(kind)) {
    operators_.push_back(Take().begin);
    terms_.push_back(parse());
    height = std::max(height, terms_.back().height);
  }
  if (!failed_) {
    std::size_t count = operators_.size() - operators;
    for (std::size_t width = 1; width <= count; width *= 2) ++height;
    if (height > kMaxNesting + 20) {
      TooDeep("max recursion depth exceeded");
    } else {
      first = {Balance(function, 0, count - 1, terms, operators), height};
    }
  }
  terms_.resize(terms);
  operators_.resize(operators);
  return failed_ ? Nothing() : first;
}

Expr* Parser::Balance(std::string_view function, std::size_t first, std::size_t last,
                      std::size_t terms, std::size_t operators) {
  std::size_t middle = (first + last + 1) / 2;
  Expr* left = middle == first ? terms_[terms + middle].expr
                               : Balance(function, first, middle - 1, terms, operators);
  Expr* right = middle == last ? terms_[terms + middle + 1].expr
                               : Balance(function, middle + 1, last, terms, operators);
  return builder_.NewCall(operators_[operators + middle], {left->span.begin, right->span.end},
                          function, {left, right});
}

// Level 0: relations, 1: sums, 2: products. All left associative.
Parsed Parser::ParseBinary(int level) {
  if (level == 3) return ParseUnary();
  std::uint32_t begin = Peek().begin;
  Parsed left = ParseBinary(level + 1);
  while (!failed_) {
    std::string_view function;
    switch (Peek().kind) {
      case TokenKind::kEquals:
        function = level == 0 ? op::kEquals : "";
        break;
      case TokenKind::kNotEquals:
        function = level == 0 ? op::kNotEquals : "";
        break;
      case TokenKind::kLess:
        function = level == 0 ? op::kLess : "";
        break;
      case TokenKind::kLessEquals:
        function = level == 0 ? op::kLessEquals : "";
        break;
      case TokenKind::kGreater:
        function = level == 0 ? op::kGreater : "";
        break;
      case TokenKind::kGreaterEquals:
        function = level == 0 ? op::kGreaterEquals : "";
        break;
      case TokenKind::kIn:
        function = level == 0 ? op::kIn : "";
        break;
      case TokenKind::kPlus:
        function = level == 1 ? op::kAdd : "";
        break;
      case TokenKind::kMinus:
        function = level == 1 ? op::kSubtract : "";
        break;
      case TokenKind::kStar:
        function = level == 2 ? op::kMultiply : "";
        break;
      case TokenKind::kSlash:
        function = level == 2 ? op::kDivide : "";
        break;
      case TokenKind::kPercent:
        function = level == 2 ? op::kModulo : "";
        break;
      default:
        break;
    }
    if (function.empty()) return left;
    std::uint32_t offset = Take().begin;
    Parsed right = ParseBinary(level + 1);
    if (failed_) break;
    left = MakeCall(offset, begin, 1 + std::max(left.height, right.height), function,
                    {left.expr, right.expr});
  }
  return left;
}

// A minus directly before a number belongs to it. Pairs of prefix operators cancel.
Parsed Parser::ParseUnary() {
  TokenKind kind = Peek().kind;
  if (kind != TokenKind::kNot && kind != TokenKind::kMinus) return ParseMember();
  auto is_number = [](TokenKind k) { return k == TokenKind::kInt || k == TokenKind::kDouble; };
  if (kind == TokenKind::kMinus && is_number(Peek(1).kind)) return ParseMember();
  std::uint32_t begin = Peek().begin;
  std::size_t count = 0;
  while (At(kind)) {
    Take();
    ++count;
  }
  auto at_prefix = [&] {
    return At(TokenKind::kNot) || (At(TokenKind::kMinus) && !is_number(Peek(1).kind));
  };
  if (at_prefix()) {
    SyntaxError(Peek(kind == TokenKind::kNot ? 1 : 0), "an operand");
    while (at_prefix()) Take();
  }
  Parsed operand = ParseMember();
  if (failed_ || count % 2 == 0) return operand;
  return MakeCall(begin, begin, operand.height + 1,
                  kind == TokenKind::kNot ? op::kNot : op::kNegate, {operand.expr});
}

Parsed Parser::ParseMember() {
  Parsed operand = ParsePrimary();
  while (!failed_) {
    if (At(TokenKind::kDot)) {
      operand = ParseSelect(operand);
    } else if (At(TokenKind::kLeftBracket)) {
      operand = ParseIndex(operand);
    } else {
      break;
    }
  }
  return operand;
}

// "." [ "?" ] field  or  "." IDENT "(" args ")"
Parsed Parser::ParseSelect(Parsed operand) {
  std::uint32_t begin = operand.expr->span.begin;
  std::uint32_t dot = Take().begin;
  bool optional = dialect_.optional_syntax && TakeIf(TokenKind::kQuestion);
  if (!At(TokenKind::kIdent) && !At(TokenKind::kQuotedIdent)) {
    SyntaxError(Peek(), "a field name");
    if (At(TokenKind::kIn) || At(TokenKind::kTrue) || At(TokenKind::kFalse) || At(TokenKind::kNull))
      Take();
    return operand;
  }
  Token name = Take();
  if (name.kind == TokenKind::kIdent && !optional && At(TokenKind::kLeftParen)) {
    return ParseCall(Text(name), operand, begin);
  }
  bool quoted = name.kind == TokenKind::kQuotedIdent;
  std::string_view field = FieldName(name);
  if (optional) {
    Parsed text = Make(name.begin, name.begin, 0, Literal{Value::String(field)});
    return MakeCall(dot, begin, operand.height + 1, op::kOptSelect, {operand.expr, text.expr});
  }
  return Make(dot, begin, operand.height + 1,
              Select{.operand = operand.expr, .field = field, .quoted = quoted});
}

Parsed Parser::ParseIndex(Parsed operand) {
  std::uint32_t begin = operand.expr->span.begin;
  std::uint32_t bracket = Take().begin;
  bool optional = dialect_.optional_syntax && TakeIf(TokenKind::kQuestion);
  Parsed index = ParseExpr();
  Expect(TokenKind::kRightBracket, "']'");
  if (failed_) return Nothing();
  return MakeCall(bracket, begin, 1 + std::max(operand.height, index.height),
                  optional ? op::kOptIndex : op::kIndex, {operand.expr, index.expr});
}

Parsed Parser::ParsePrimary() {
  switch (Peek().kind) {
    case TokenKind::kDot:
    case TokenKind::kIdent:
      return ParseName();
    case TokenKind::kLeftBracket:
      return ParseList();
    case TokenKind::kLeftBrace:
      return ParseMap();
    case TokenKind::kLeftParen: {
      std::uint32_t begin = Take().begin;
      Parsed inner = ParseExpr();
      Expect(TokenKind::kRightParen, "')'");
      if (!failed_) inner.expr->span = From(begin);
      return inner;
    }
    case TokenKind::kMinus:
      Take();
      return ParseLiteral(true);
    default:
      return ParseLiteral(false);
  }
}

// [ "." ] IDENT [ "(" args ")" ], or a struct: [ "." ] IDENT { "." IDENT } "{" … "}"
Parsed Parser::ParseName() {
  std::uint32_t begin = Peek().begin;
  if (StartsStruct()) return ParseStruct();
  bool absolute = TakeIf(TokenKind::kDot);
  if (!At(TokenKind::kIdent)) return SyntaxError(Peek(), "a name");
  std::string_view name = Text(Take());
  if (IsReserved(name)) return Fail(From(begin), fmt::format("reserved identifier: {}", name));
  if (At(TokenKind::kLeftParen)) {
    if (absolute) name = source_.substr(begin, last_end_ - begin);
    return ParseCall(name, {}, begin);
  }
  return Make(begin, begin, 0, Ident{.name = name, .absolute = absolute});
}

bool Parser::StartsStruct() const {
  std::size_t i = At(TokenKind::kDot) ? 1 : 0;
  while (Peek(i).kind == TokenKind::kIdent && Peek(i + 1).kind == TokenKind::kDot) i += 2;
  return Peek(i).kind == TokenKind::kIdent && Peek(i + 1).kind == TokenKind::kLeftBrace;
}

Parsed Parser::ParseCall(std::string_view function, Parsed target, std::uint32_t begin) {
  std::uint32_t paren = Take().begin;
  const int faults = faults_;
  std::size_t first = terms_.size();
  int height = target.height;
  if (!TakeIf(TokenKind::kRightParen)) {
    do {
      terms_.push_back(ParseExpr());
      height = std::max(height, terms_.back().height);
    } while (TakeComma(TokenKind::kRightParen, "')'"));
  }
  std::span<Expr*> args = arena_.NewArray<Expr*>(terms_.size() - first);
  for (std::size_t i = 0; i < args.size(); ++i) args[i] = terms_[first + i].expr;
  terms_.resize(first);
  if (failed_) return Nothing();
  if (height + 1 > kMaxNesting) return TooDeep("max recursion depth exceeded");

  // What a macro would say about a broken argument follows from the error in it.
  if (dialect_.macros && faults == faults_) {
    MacroCall macro{function, target.expr, args, paren, From(begin)};
    if (Expr* expansion = ExpandMacro(builder_, dialect_, macro)) {
      if (builder_.count() > kMaxNodes) {
        issues_.push_back({.span = Span{paren, paren + 1},
                           .message = fmt::format(
                               "expression count exceeds limit of {} while expanding macro '{}'",
                               kMaxNodes, function),
                           .code = "KRO401"});
      }
      return {expansion, height + 1};
    }
  }
  return Make(paren, begin, height + 1, Call{function, target.expr, args});
}

Parsed Parser::ParseList() {
  std::uint32_t begin = Take().begin;
  std::vector<ListElement> elements;
  int height = 0;
  if (At(TokenKind::kComma) && Peek(1).kind == TokenKind::kRightBracket)
    Take();  // [,] is an empty list
  while (!failed_ && !TakeIf(TokenKind::kRightBracket)) {
    bool optional = dialect_.optional_syntax && TakeIf(TokenKind::kQuestion);
    Parsed element = ParseExpr();
    elements.push_back({element.expr, optional});
    height = std::max(height, element.height);
    if (!TakeComma(TokenKind::kRightBracket, "']'")) break;
  }
  if (failed_) return Nothing();
  std::span<ListElement> copy = arena_.NewArray<ListElement>(elements.size());
  std::copy(elements.begin(), elements.end(), copy.begin());
  return Make(begin, begin, height + 1, List{copy});
}

Parsed Parser::ParseMap() {
  std::uint32_t begin = Take().begin;
  std::vector<MapEntry> entries;
  int height = 0;
  if (At(TokenKind::kComma) && Peek(1).kind == TokenKind::kRightBrace) Take();
  while (!failed_ && !TakeIf(TokenKind::kRightBrace)) {
    bool optional = dialect_.optional_syntax && TakeIf(TokenKind::kQuestion);
    Parsed key = ParseExpr();
    std::uint32_t colon = Peek().begin;
    Parsed value = ParseAfterColon();
    entries.push_back({key.expr, value.expr, optional, colon});
    height = std::max({height, key.height, value.height});
    if (!TakeComma(TokenKind::kRightBrace, "'}'")) break;
  }
  if (failed_) return Nothing();
  std::span<MapEntry> copy = arena_.NewArray<MapEntry>(entries.size());
  std::copy(entries.begin(), entries.end(), copy.begin());
  return Make(begin, begin, height + 1, MapLiteral{copy});
}

// ":" expr
Parsed Parser::ParseAfterColon() {
  if (TakeIf(TokenKind::kColon)) return ParseExpr();
  // `{1, 2: 3}`: the next entry begins at its comma.
  SyntaxError(Peek(), "':'");
  if (!SkipTo(TokenKind::kColon, TokenKind::kComma) || At(TokenKind::kComma)) return Nothing();
  Take();
  return ParseExpr();
}

Parsed Parser::ParseStruct() {
  std::uint32_t begin = Peek().begin;
  std::string name;
  while (!At(TokenKind::kLeftBrace)) name += Text(Take());
  std::uint32_t brace = Take().begin;
  std::vector<StructField> fields;
  int height = 0;
  if (At(TokenKind::kComma) && Peek(1).kind == TokenKind::kRightBrace) Take();
  while (!failed_ && !TakeIf(TokenKind::kRightBrace)) {
    bool optional = dialect_.optional_syntax && TakeIf(TokenKind::kQuestion);
    std::string_view field;
    if (At(TokenKind::kIdent) || At(TokenKind::kQuotedIdent)) {
      field = FieldName(Take());
    } else {
      SyntaxError(Peek(), "a field name");
    }
    std::uint32_t colon = Peek().begin;
    Parsed value = ParseAfterColon();
    fields.push_back({field, value.expr, optional, colon});
    height = std::max(height, value.height);
    if (!TakeComma(TokenKind::kRightBrace, "'}'")) break;
  }
  if (failed_) return Nothing();
  std::span<StructField> copy = arena_.NewArray<StructField>(fields.size());
  std::copy(fields.begin(), fields.end(), copy.begin());
  return Make(brace, begin, height + 1, Struct{arena_.Copy(name), copy});
}

Parsed Parser::ParseLiteral(bool negative) {
  const Token& token = Peek();
  std::uint32_t begin = negative ? tokens_[next_ - 1].begin : token.begin;
  std::string_view text = Text(token);
  Value value;
  switch (token.kind) {
    case TokenKind::kInt:
      Take();
      return ParseInt(text, From(begin), negative);
    case TokenKind::kUint: {
      Take();
      std::uint64_t number = 0;
      text.remove_suffix(1);
      int base = text.starts_with("0x") ? 16 : 10;
      if (base == 16) text.remove_prefix(2);
      if (std::from_chars(text.data(), text.data() + text.size(), number, base).ec != std::errc()) {
        return Fail(From(begin), "invalid uint literal");
      }
      value = Value::Uint(number);
      break;
    }
    case TokenKind::kDouble: {
      Take();
      double number = 0;
      auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      if (read.ec != std::errc()) {
        // Too large or too small; only the first is an error.
        number = std::strtod(std::string(text).c_str(), nullptr);
        if (std::isinf(number)) return Fail(From(begin), "invalid double literal");
      }
      value = Value::Double(negative ? -number : number);
      break;
    }
    case TokenKind::kString:
    case TokenKind::kBytes: {
      bool bytes = token.kind == TokenKind::kBytes;
      Take();
      std::string_view problem;
      auto content = Unquote(text, arena_, problem);
      if (!content) return Fail(From(begin), problem);
      value = bytes ? Value::Bytes(*content) : Value::String(*content);
      break;
    }
    case TokenKind::kTrue:
      Take();
      value = Value::Bool(true);
      break;
    case TokenKind::kFalse:
      Take();
      value = Value::Bool(false);
      break;
    case TokenKind::kNull:
      Take();
      break;
    default:
      SyntaxError(token, "an operand");
      if (token.kind == TokenKind::kQuotedIdent) Take();
      return Nothing();
  }
  return Make(begin, begin, 0, Literal{value});
}

Parsed Parser::ParseInt(std::string_view text, Span span, bool negative) {
  std::uint64_t number = 0;
  int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  std::uint64_t limit = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
  if (read.ec != std::errc() || number > limit) return Fail(span, "invalid int literal");
  auto value = static_cast<std::int64_t>(negative ? std::uint64_t{0} - number : number);
  return Make(span.begin, span.begin, 0, Literal{Value::Int(value)});
}

std::string_view Parser::FieldName(const Token& token) const {
  std::string_view name = Text(token);
  return token.kind == TokenKind::kQuotedIdent ? name.substr(1, name.size() - 2) : name;
}

// Reports that `expected` is missing where `token` stands; once a place, and not where the lexer
// has reported something already.
Parsed Parser::SyntaxError(const Token& token, std::string_view expected) {
  const bool follows = token.begin == fault_at_ || IsSwallowed(token);
  fault_at_ = token.begin;
  if (failed_ || follows) return Nothing();
  if (++faults_ > kMaxRecoveries) {
    issues_.push_back(
        {.span = Span{token.begin, token.end},
         .message = fmt::format("error recovery attempt limit exceeded: {}", kMaxRecoveries),
         .code = "KRO401"});
    failed_ = true;
    return Nothing();
  }
  std::string found = token.kind == TokenKind::kEnd ? "the end" : fmt::format("'{}'", Text(token));
  std::string shown = token.kind == TokenKind::kEnd ? "'<EOF>'" : found;
  issues_.push_back(
      {.span = Span{token.begin, token.end},
       .message = fmt::format("Syntax error: mismatched input {} expecting {}", shown, expected),
       .code = "KRO401",
       .expected = std::string(expected),
       .found = found,
       .author = token.kind == TokenKind::kEnd ? "the expression ends too early"
                                               : fmt::format("unexpected {}", found)});
  return Nothing();
}

// Whether text that is no token stands right before `token`.
bool Parser::IsSwallowed(const Token& token) const {
  return std::any_of(swallowed_.begin(), swallowed_.end(), [&](const Span& span) {
    return span.begin >= last_end_ && span.end <= token.begin;
  });
}

bool Parser::TakeComma(TokenKind closing, std::string_view what) {
  if (failed_) return false;
  if (TakeIf(TokenKind::kComma)) return true;
  if (TakeIf(closing)) return false;
  SyntaxError(Peek(), At(TokenKind::kEnd) ? std::string(what) : fmt::format("',' or {}", what));
  if (failed_ || !SkipTo(closing, TokenKind::kComma)) return false;
  return Take().kind == TokenKind::kComma;
}

// Skips to one of the two in the bracket that is open here; false if the bracket, or the text, ends
// before.
bool Parser::SkipTo(TokenKind wanted, TokenKind or_this) {
  for (std::size_t open = 0; !At(TokenKind::kEnd); Take()) {
    const TokenKind kind = Peek().kind;
    if (open == 0 && (kind == wanted || kind == or_this)) return true;
    switch (kind) {
      case TokenKind::kLeftParen:
      case TokenKind::kLeftBracket:
      case TokenKind::kLeftBrace:
        ++open;
        break;
      case TokenKind::kRightParen:
      case TokenKind::kRightBracket:
      case TokenKind::kRightBrace:
        if (open == 0) return false;
        --open;
        break;
      default:
        break;
    }
  }
  return false;
}

// Skips what stands behind a whole expression, up to an operator that could go on with one.
void Parser::SkipToOperator() {
  for (; !At(TokenKind::kEnd); Take()) {
    const TokenKind kind = Peek().kind;
    if (kind >= TokenKind::kIn && kind <= TokenKind::kOr) return;
    if (kind >= TokenKind::kPlus && kind <= TokenKind::kPercent) return;
  }
}

// Reports a fault that does not confuse the rest.
Parsed Parser::Fail(Span span, std::string_view message) {
  issues_.push_back({.span = span, .message = std::string(message), .code = "KRO401"});
  return {builder_.New(span.begin, span, Literal{}), 0};
}

Parsed Parser::TooDeep(std::string_view message) {
  if (!failed_) {
    issues_.clear();
    issues_.push_back({.span = {}, .message = std::string(message), .code = "KRO401"});
  }
  failed_ = true;
  return Nothing();
}

}  // namespace
}  // namespace kro::cel
