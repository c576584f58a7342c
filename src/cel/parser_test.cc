#include "cel/parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kro::cel {
namespace {

using testing::HasSubstr;

// The tree as text: operators and calls as f(a, b), receivers as first argument behind a dot.
std::string Show(const Expr* expr) {
  switch (expr->kind()) {
    case ExprKind::kLiteral: {
      const Value& value = expr->As<Literal>().value;
      switch (value.kind()) {
        case Kind::kBool:
          return value.AsBool() ? "true" : "false";
        case Kind::kInt:
          return fmt::format("{}", value.AsInt());
        case Kind::kUint:
          return fmt::format("{}u", value.AsUint());
        case Kind::kDouble:
          return fmt::format("{}d", value.AsDouble());
        case Kind::kString:
          return fmt::format("'{}'", value.AsString());
        case Kind::kBytes:
          return fmt::format("b'{}'", value.AsBytes());
        default:
          return "null";
      }
    }
    case ExprKind::kIdent:
      return (expr->As<Ident>().absolute ? "." : "") + std::string(expr->As<Ident>().name);
    case ExprKind::kSelect: {
      const Select& select = expr->As<Select>();
      std::string text = fmt::format("{}.{}", Show(select.operand), select.field);
      return select.test_only ? fmt::format("has({})", text) : text;
    }
    case ExprKind::kCall: {
      const Call& call = expr->As<Call>();
      std::string args;
      for (const Expr* arg : call.args) args += (args.empty() ? "" : ", ") + Show(arg);
      std::string target = call.target ? Show(call.target) + "." : "";
      return fmt::format("{}{}({})", target, call.function, args);
    }
    case ExprKind::kList: {
      std::string elements;
      for (const ListElement& e : expr->As<List>().elements) {
        elements +=
            (elements.empty() ? "" : ", ") + std::string(e.optional ? "?" : "") + Show(e.value);
      }
      return fmt::format("[{}]", elements);
    }
    case ExprKind::kMap: {
      std::string entries;
      for (const MapEntry& e : expr->As<MapLiteral>().entries) {
        entries += (entries.empty() ? "" : ", ") + std::string(e.optional ? "?" : "") +
                   Show(e.key) + ": " + Show(e.value);
      }
      return fmt::format("{{{}}}", entries);
    }
    case ExprKind::kStruct:
      return fmt::format("{}{{}}", expr->As<Struct>().type_name);
    case ExprKind::kComprehension: {
      const Comprehension& fold = expr->As<Comprehension>();
      return fmt::format("fold({} in {}, {})", fold.var, Show(fold.range), Show(fold.step));
    }
  }
  return "";
}

struct ParseCase {
  std::string source;
  std::string tree;
};

class ParserTrees : public testing::TestWithParam<ParseCase> {};

TEST_P(ParserTrees, HaveTheShapeOfTheGrammar) {
  auto ast = Parse(GetParam().source);
  ASSERT_TRUE(ast) << ast.error()[0].compatible;
  EXPECT_EQ(Show(ast->root), GetParam().tree);
}

const ParseCase kTrees[] = {
    // precedence and associativity
    {"1 + 2 * 3", "_+_(1, _*_(2, 3))"},
    {"1 - 2 - 3", "_-_(_-_(1, 2), 3)"},
    {"a < b == c", "_==_(_<_(a, b), c)"},
    {"a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"},
    {"a || b && c", "_||_(a, _&&_(b, c))"},
    // long chains are balanced
    {"a && b && c && d", "_&&_(_&&_(a, b), _&&_(c, d))"},
    // a minus before a number is part of it; pairs of prefix operators vanish
    {"-9223372036854775808", "-9223372036854775808"},
    {"!!a", "a"},
    {"!!!a", "!_(a)"},
    {"--a", "a"},
    {"!-1", "!_(-1)"},
    {"1 -1", "_-_(1, 1)"},
    // members
    {"a.b.c[0]", "_[_](a.b.c, 0)"},
    {".a.b", ".a.b"},
    {"a.`b-c/d`", "a.b-c/d"},
    {"a.namespace", "a.namespace"},
    {"a.?b[?c]", "_[?_](_?._(a, 'b'), c)"},
    {"a.f(1, b)", "a.f(1, b)"},
    {"1.e3", "1.e3"},
    // literals
    {"0x1F", "31"},
    {"00012", "12"},
    {"0xFFu", "255u"},
    {"'\\x41\\u00e9\\101'", "'A\u00e9A'"},
    {"r'a\\'", "'a\\'"},
    {"'''a'b'''", "'a'b'"},
    {"b'\\x41'", "b'A'"},
    {"'a' + // comment\n 'b'", "_+_('a', 'b')"},
    {"[1, ?a, 2,]", "[1, ?a, 2]"},
    {"{'a': 1, ?b: c}", "{'a': 1, ?b: c}"},
    {"a.B{c: 1}", "a.B{}"},
    // macros
    {"has(a.b)", "has(a.b)"},
    {"l.map(x, x)", "fold(x in l, _+_(@result, [x]))"},
    {"l.all(x, x)", "fold(x in l, _&&_(@result, x))"},
    {"l.map(x)", "l.map(x)"},
};

INSTANTIATE_TEST_SUITE_P(Parser, ParserTrees, testing::ValuesIn(kTrees));

struct FaultCase {
  std::string source;
  std::string compatible;  // the beginning
};

class ParserFaults : public testing::TestWithParam<FaultCase> {};

TEST_P(ParserFaults, StandAtTheirPlace) {
  auto ast = Parse(GetParam().source);
  ASSERT_FALSE(ast);
  EXPECT_THAT(ast.error()[0].compatible, testing::StartsWith(GetParam().compatible));
}

const FaultCase kFaults[] = {
    {"1 +", "ERROR: <input>:1:4: Syntax error"},
    {"-!x", "ERROR: <input>:1:2: Syntax error"},
    {"x.in", "ERROR: <input>:1:3: Syntax error"},
    {"'abc", "ERROR: <input>:1:1: Syntax error: token recognition error"},
    {"if", "ERROR: <input>:1:1: reserved identifier: if"},
    {"9223372036854775808", "ERROR: <input>:1:1: invalid int literal"},
    {"'\\ud83d'", "ERROR: <input>:1:1: invalid unicode code point"},
    {"[1].map(1, 2)", "ERROR: <input>:1:9: argument is not an identifier"},
    {"has(a)", "ERROR: <input>:1:5: invalid argument to has() macro"},
};

INSTANTIATE_TEST_SUITE_P(Parser, ParserFaults, testing::ValuesIn(kFaults));

struct SeveralCase {
  std::string source;
  std::string places;  // "line:column" of each, or the message where it is no syntax error
};

class ParserRecovery : public testing::TestWithParam<SeveralCase> {};

TEST_P(ParserRecovery, ReportsEveryErrorInOnePass) {
  auto ast = Parse(GetParam().source);
  ASSERT_FALSE(ast);
  std::string places;
  for (const Diagnostic& diagnostic : ast.error()) {
    std::string_view text = diagnostic.compatible;
    text.remove_prefix(std::string_view("ERROR: <input>:").size());
    text = text.substr(0, text.find("\n | "));
    if (std::size_t syntax = text.find(": Syntax error"); syntax != text.npos)
      text = text.substr(0, syntax);
    places += (places.empty() ? "" : ", ") + std::string(text);
  }
  EXPECT_EQ(places, GetParam().places);
}

const SeveralCase kSeveral[] = {
    // what is missing is taken as there
    {"[1 +, 2 *, 3]", "1:5, 1:10"},
    {"f(1 +, x.) && y.", "1:6, 1:10, 1:17"},
    {"{1: , 2: *}", "1:5, 1:10, 1:11"},
    {"{'a' 1, 'b': + 2}", "1:6, 1:14"},
    {"Foo{1: 2, b: }", "1:5, 1:14"},
    {"a ? b && : c ||", "1:10, 1:16"},
    {"x.true + y.in", "1:3, 1:12"},
    {"-!x + !-y", "1:2, 1:9"},
    // what is too much is skipped
    {"[1 2, 3 4, 5]", "1:4, 1:9"},
    {"f(a b, c d)", "1:5, 1:10"},
    {"(1 2) + (3 4)", "1:4, 1:12"},
    {"x[1 2] + y[3 4]", "1:5, 1:14"},
    {"1 2 + * 3", "1:3, 1:7"},
    {"1 ) + (2", "1:3, 1:9"},
    // one error an end, however much is missing there
    {"f([(1 +", "1:8"},
    {"[1, 2)", "1:6"},
    {"", "1:0"},
    // text that is no token is not reported again by the grammar
    {"1 + # ", "1:5"},
    {"# + $", "1:1, 1:5"},
    // lines count
    {"[\n 1 +,\n  'é' 'é',\n 3]", "2:5, 3:7"},
    // other faults stand among them
    {"if + 1 2", "1:1: reserved identifier: if, 1:8"},
    {"[9223372036854775808, 1 +]", "1:2: invalid int literal, 1:26"},
    {"[1].map(1, x +, y)", "1:15"},
    {"[has(a), 1 +]", "1:6: invalid argument to has() macro, 1:13"},
};

INSTANTIATE_TEST_SUITE_P(Parser, ParserRecovery, testing::ValuesIn(kSeveral));

TEST(Parser, GivesUpAfterThirtyErrors) {
  std::string source;
  for (int i = 0; i < 100; ++i) source += "+,";
  auto ast = Parse("[" + source + "1]");
  ASSERT_FALSE(ast);
  EXPECT_EQ(ast.error().size(), 31u);
  EXPECT_EQ(ast.error().back().message, "error recovery attempt limit exceeded: 30");
}

TEST(Parser, ReportsAHundredErrorsAndCountsTheRest) {
  auto ast = Parse(std::string(250, '#'));
  ASSERT_FALSE(ast);
  EXPECT_EQ(ast.error().size(), 100u);
  EXPECT_THAT(ast.error().back().compatible, HasSubstr("\n150 more errors were truncated"));
}

TEST(Parser, ShowsTheLineWithACaret) {
  auto ast = Parse("'é' +\n  )");
  ASSERT_FALSE(ast);
  EXPECT_THAT(ast.error()[0].compatible, HasSubstr("\n |   )\n | ..^"));
  EXPECT_EQ(ast.error()[0].where.span, (Span{9, 10}));
}

std::string Repeat(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Parser, RefusesWhatNestsTooDeep) {
  EXPECT_TRUE(Parse(Repeat("(", 249) + "1" + Repeat(")", 249)));
  EXPECT_FALSE(Parse(Repeat("(", 250) + "1" + Repeat(")", 250)));
  EXPECT_TRUE(Parse("1" + Repeat("+1", 250)));
  EXPECT_FALSE(Parse("1" + Repeat("+1", 251)));
  EXPECT_TRUE(Parse("a" + Repeat("&&a", 5000)));
  EXPECT_TRUE(Parse(Repeat("!", 5000) + "a"));
  EXPECT_FALSE(Parse(Repeat("[", 60000)));
}

TEST(Parser, RefusesMacrosThatExpandToTooMuch) {
  const auto few = Parse("[" + Repeat("[].sortBy(x,x),", 3000) + "1]");
  EXPECT_TRUE(few);
  const auto many = Parse("[" + Repeat("[].sortBy(x,x),", 6600) + "1]");
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error()[0].compatible,
              HasSubstr("expression count exceeds limit of 100000 while expanding macro 'sortBy'"));
}

TEST(Parser, RefusesTextThatIsTooLong) {
  auto ast = Parse("'" + std::string(100'000, 'x') + "'");
  ASSERT_FALSE(ast);
  EXPECT_EQ(ast.error()[0].compatible,
            "ERROR: <input>:-1:0: expression code point size exceeds limit: size: 100002, limit "
            "100000");
}

}  // namespace
}  // namespace kro::cel
