// Hostile input is refused with a clear error, within its budgets, and never ends the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "cel/cel.h"

namespace kro::cel {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kSteps = 1'000'000;
constexpr std::int64_t kMemory = std::int64_t{8} << 20;

// The value of an expression, and the memory it stands on.
struct Evaluated {
  std::unique_ptr<Arena> arena = std::make_unique<Arena>();
  std::shared_ptr<const Program> program;
  Value value;

  std::string error() const { return value.IsError() ? std::string(value.AsError()) : "no error"; }
};

std::string Repeat(std::string_view text, std::size_t times);
std::string Nested(std::string_view open, std::string_view inner, std::string_view close,
                   int depth);
std::string SyntaxError(std::string_view source);
Evaluated Evaluate(std::string_view source, std::int64_t steps = kSteps,
                   std::int64_t memory = kMemory);

TEST(Limits, NestingOfTenThousandIsRefusedByTheParser) {
  constexpr int kDepth = 10'000;
  EXPECT_THAT(SyntaxError(Nested("(", "1", ")", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Nested("[", "1", "]", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Nested("{1: ", "1", "}", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Nested("f(", "1", ")", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Nested("a[", "1", "]", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Nested("[1].map(x,", "1", ")", 8'000)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError(Repeat("true?1:", kDepth) + "1"), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError("a" + Repeat(".b", kDepth)), HasSubstr("recursion"));
  EXPECT_THAT(SyntaxError("1" + Repeat(" + 1", kDepth)), HasSubstr("recursion"));
}

TEST(Limits, BracketsThatNeverCloseAreRefused) {
  for (std::string_view open : {"(", "[", "{1:", "f(", "a["}) {
    EXPECT_NE(SyntaxError(Repeat(open, 10'000)), "") << open;
  }
}

TEST(Limits, MegabyteOfTextIsRefused) {
  constexpr std::size_t kSize = std::size_t{1} << 20;
  EXPECT_THAT(SyntaxError("'" + Repeat("x", kSize) + "'"), HasSubstr("size exceeds limit"));
  EXPECT_THAT(SyntaxError(Repeat(" ", kSize)), HasSubstr("size exceeds limit"));
}

TEST(Limits, LongListKeepsAllItsElements) {
  auto list = Evaluate("size([" + Repeat("1,", 49'000) + "1])");
  ASSERT_TRUE(list.value.Is(Kind::kInt)) << list.error();
  EXPECT_EQ(list.value.AsInt(), 49'001);
}

TEST(Limits, GrowthOfTextEndsAtTheMemoryBudget) {
  std::string source = "'0123456789abcdef'";
  for (int i = 0; i < 7; ++i) source = "[" + source + "].map(x, x.replace('', x + x))[0]";
  EXPECT_EQ(Evaluate(source, std::numeric_limits<std::int64_t>::max()).error(), kBudgetExceeded);
}

TEST(Limits, GrowthOfListsEndsAtTheMemoryBudget) {
  std::string source = "[1, 2, 3, 4, 5, 6, 7, 8]";
  for (int i = 0; i < 30; ++i) source = "cel.bind(x, " + source + ", x + x)";
  EXPECT_EQ(Evaluate(source, std::numeric_limits<std::int64_t>::max()).error(), kBudgetExceeded);
}

TEST(Limits, NestedComprehensionsEndAtTheStepBudget) {
  EXPECT_EQ(Evaluate("lists.range(10000).all(a, lists.range(10000).all(b, a + b >= 0))").error(),
            kBudgetExceeded);
  EXPECT_EQ(Evaluate("lists.range(10000).map(a, lists.range(10000).map(b, a + b)).size()").error(),
            kBudgetExceeded);
}

TEST(Limits, BudgetStaysUsedUpWhenItsErrorIsAbsorbed) {
  auto first = Evaluate(
      "lists.range(10000).all(a, lists.range(10000).all(b, a + b >= 0)) || "
      "lists.range(10).all(x, x >= 0)");
  EXPECT_TRUE(first.value.IsError());
}

TEST(Limits, BudgetThatEndsInsideAComparisonIsNoAnswer) {
  const std::string list = "lists.range(10000)";
  EXPECT_EQ(Evaluate("cel.bind(s, " + list + ", lists.range(1000).all(i, s == s))").error(),
            kBudgetExceeded);
  EXPECT_EQ(Evaluate("cel.bind(s, " + list + ", lists.range(1000).exists(i, s != s))").error(),
            kBudgetExceeded);
  EXPECT_EQ(Evaluate("cel.bind(s, " + list + ", lists.range(1000).exists(i, -1 in s))").error(),
            kBudgetExceeded);
}

TEST(Limits, PatternThatBacktracksElsewhereIsMatchedInLinearTime) {
  auto matched = Evaluate("'" + Repeat("a", 20'000) + "b'.matches('^(a+)+$')");
  EXPECT_TRUE(matched.value.IsFalse()) << matched.error();
}

TEST(Limits, PatternsThatGrowAreRefused) {
  EXPECT_THAT(Evaluate("'a'.matches('((a{1,100}){1,100}){1,100}')").error(),
              HasSubstr("error parsing regexp"));
  EXPECT_THAT(Evaluate("'a'.matches('a{1001}')").error(), HasSubstr("invalid repeat count"));
  EXPECT_THAT(Evaluate("'a'.matches('" + Repeat("(", 20'000) + "')").error(),
              HasSubstr("error parsing regexp"));
}

TEST(Limits, MatchesArePaidForByTheLengthOfTheText) {
  const std::string text = "('" + Repeat("a", 50'000) + "' + string(i))";
  EXPECT_EQ(Evaluate("lists.range(10000).all(i, !" + text + ".matches('b'))").error(),
            kBudgetExceeded);
  EXPECT_EQ(Evaluate("lists.range(10000).all(i, " + text + ".findAll('a*?b').size() == 0)").error(),
            kBudgetExceeded);
}

TEST(Limits, WorkOnLongTextsIsPaidForByTheirLength) {
  const char* const kWork[] = {
      "s.size() > 0",
      "size(s + 'a') > 0",
      "s <= t",
      "s == t",
      "s != t",
      "bytes(s) == bytes(t)",
      "bytes(s) >= bytes(t)",
      "[s] == [t]",
      "s in [t]",
      "[t].indexOf(s) == 0",
      "{t: 1}[s] == 1",
      "s in {t: 1}",
      "s.startsWith(t) && s.endsWith(t)",
      "s.contains(t)",
      "s.indexOf(t) == 0",
      "s.lastIndexOf(t) == 0",
      "s.charAt(99999) == 'a'",
      "s.substring(99999) == 'a'",
      "s.trim() == t",
      "s.split(',').size() == 1",
      "s.replace('b', 'c') == t",
      "strings.quote(s) != ''",
      "s.find('b') == ''",
      "!s.matches('b$')",
      "[s, t].max() == s",
      "[s, t].isSorted()",
      "[s, t].sort().size() == 2",
      "[s, t].distinct().size() == 1",
      "dyn(s) == dyn(t)",
      "!isIP(s)",
      "!isCIDR(s)",
      "!isURL(s)",
      "!isSemver(s)",
      "!isQuantity(s)",
      "hash.sha256(s) != b''",
      "base64.encode(bytes(s)) != ''",
      "random.seededInt(0, 5, s) >= 0",
      "json.marshal(s) != ''",
      "'%s'.format([s]) == t",
  };
  const std::string text = "lists.range(100000).map(i, 'a').join()";
  for (std::string_view work : kWork) {
    // Two texts, so that nothing sees that they are one.
    EXPECT_EQ(Evaluate("cel.bind(s, " + text + ", cel.bind(t, " + text +
                       ", lists.range(10000).all(i, " + std::string(work) + ")))")
                  .error(),
              kBudgetExceeded)
        << work;
  }
  // What is no value gives an error for every element; the last of them is the budget's.
  for (std::string_view parser : {"int", "uint", "double", "bool", "timestamp", "duration"}) {
    EXPECT_EQ(Evaluate("cel.bind(s, " + text + ", lists.range(10000).exists(i, " +
                       std::string(parser) + "(s) == i)) || false")
                  .value.kind(),
              Kind::kError)
        << parser;
  }
}

TEST(Limits, SearchesAreLinear) {
  // Compared at every place this would take 10^12 steps.
  const std::string text = "lists.range(1000000).map(i, 'a').join()";
  const std::string part = "lists.range(500000).map(i, 'a').join() + 'b'";
  const auto evaluate = [&](std::string_view call) {
    return Evaluate(
        "cel.bind(s, " + text + ", cel.bind(t, " + part + ", " + std::string(call) + "))",
        20 * kSteps, 16 * kMemory);
  };
  EXPECT_TRUE(evaluate("s.contains(t)").value.IsFalse());
  EXPECT_EQ(evaluate("s.indexOf(t)").value.AsInt(), -1);
  EXPECT_EQ(evaluate("s.split(t).size()").value.AsInt(), 1);
  EXPECT_TRUE(evaluate("s.replace(t, 'c') == s").value.IsTrue());
  EXPECT_EQ(evaluate("s.lastIndexOf(t)").error(), kBudgetExceeded);
}

TEST(Limits, PatternsThatChangeArePaidForByTheirSize) {
  EXPECT_EQ(
      Evaluate("lists.range(200000).map(i, 'a'.matches('x' + string(i) + '[a-z]{100}')).size()")
          .error(),
      kBudgetExceeded);
  EXPECT_EQ(Evaluate("lists.range(200000).map(i, 'a'.find('x' + string(i) + '[a-z]{100}')).size()")
                .error(),
            kBudgetExceeded);
  // States that no fast automaton holds.
  EXPECT_EQ(Evaluate("cel.bind(s, lists.range(50000).map(i, i % 3 == 0 ? 'a' : 'b').join(), "
                     "lists.range(100).all(i, !s.matches('[ab]*a[ab]{900}c')))")
                .error(),
            kBudgetExceeded);
}

TEST(Limits, LoneSurrogatesAreNoText) {
  EXPECT_THAT(SyntaxError("'\\ud83d'"), HasSubstr("invalid unicode code point"));
  EXPECT_THAT(SyntaxError("\"\\U0000dfff\""), HasSubstr("invalid unicode code point"));
  EXPECT_THAT(Evaluate("string(b'\\xed\\xa0\\x80')").error(), HasSubstr("invalid UTF-8"));
  EXPECT_TRUE(Evaluate(R"(json.unmarshal('"\\ud83d"') == '\ufffd')").value.IsTrue());
  // As bytes in the text itself they count one by one, as all malformed ones do.
  EXPECT_EQ(Evaluate("size('\xed\xa0\x80')").value.AsInt(), 3);
  EXPECT_TRUE(
      Evaluate("'\xed\xa0\x80' == '\xed\xa0\x80'.reverse().reverse()").value.Is(Kind::kBool));
}

TEST(Limits, DataThatNestsTenThousandDeepIsRefused) {
  const std::string deep = Repeat("[", 10'000) + Repeat("]", 10'000);
  EXPECT_THAT(Evaluate("json.unmarshal('" + deep + "')").error(),
              HasSubstr("json.unmarshal failed to parse JSON"));
  std::string source = "[1]";
  for (int i = 0; i < 9; ++i) source = "lists.range(1).map(i, [" + source + "])";
  EXPECT_TRUE(Evaluate(source + " == " + source).value.IsTrue());
}

TEST(Limits, AnotherThreadCanEndAnEvaluation) {
  Environment environment = Environment::Kro();
  auto program = Plan(*Parse("lists.range(10000).all(a, lists.range(10000).all(b, a + b >= 0))",
                             environment.dialect()),
                      environment);
  ASSERT_TRUE(program);
  std::atomic<bool> interrupted = true;
  Arena arena;
  Context context(arena);
  context.set_interrupt(&interrupted);
  EXPECT_EQ((*program)->Evaluate(context, {}).AsError(), kBudgetExceeded);
}

TEST(Limits, OverflowIsAnErrorOfTheLanguage) {
  EXPECT_THAT(Evaluate("9223372036854775807 + 1").error(), HasSubstr("integer overflow"));
  EXPECT_THAT(Evaluate("-9223372036854775808 - 1").error(), HasSubstr("integer overflow"));
  EXPECT_THAT(Evaluate("-9223372036854775808 / -1").error(), HasSubstr("integer overflow"));
  EXPECT_THAT(Evaluate("-(-9223372036854775808)").error(), HasSubstr("integer overflow"));
  EXPECT_THAT(Evaluate("9223372036854775807 * 2").error(), HasSubstr("integer overflow"));
  EXPECT_THAT(Evaluate("0u - 1u").error(), HasSubstr("overflow"));
  EXPECT_THAT(Evaluate("int(1e30)").error(), HasSubstr("overflow"));
  EXPECT_THAT(Evaluate("1 / 0").error(), HasSubstr("division by zero"));
}

TEST(Limits, NanIsUnequalAndUnordered) {
  EXPECT_TRUE(Evaluate("double('NaN') == double('NaN')").value.IsFalse());
  EXPECT_TRUE(Evaluate("double('NaN') < 1.0 || double('NaN') > 1.0").value.IsFalse());
  EXPECT_TRUE(Evaluate("int(double('NaN'))").value.IsError());
}

TEST(Limits, NulBytesAreContentOfTextsAndErrorsOutsideThem) {
  using namespace std::string_literals;
  EXPECT_EQ(Evaluate("size('a\0b')"s).value.AsInt(), 3);
  EXPECT_NE(SyntaxError("1 \0 + 2"s), "");
  EXPECT_NE(SyntaxError("\0"s), "");
}

std::string Repeat(std::string_view text, std::size_t times) {
  std::string result;
  result.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::string Nested(std::string_view open, std::string_view inner, std::string_view close,
                   int depth) {
  auto times = static_cast<std::size_t>(depth);
  return Repeat(open, times) + std::string(inner) + Repeat(close, times);
}

// The first message; empty if the text parses.
std::string SyntaxError(std::string_view source) {
  auto ast = Parse(source, Environment::Kro().dialect());
  return ast ? "" : ast.error().front().message;
}

Evaluated Evaluate(std::string_view source, std::int64_t steps, std::int64_t memory) {
  Evaluated evaluated;
  Environment environment = Environment::Kro();
  auto ast = Parse(source, environment.dialect());
  if (!ast) {
    ADD_FAILURE() << ast.error().front().message;
    return evaluated;
  }
  auto program = Plan(std::move(*ast), environment);
  if (!program) {
    ADD_FAILURE() << program.error().message();
    return evaluated;
  }
  evaluated.program = *program;
  Context context(*evaluated.arena, steps, memory);
  evaluated.value = evaluated.program->Evaluate(context, {});
  return evaluated;
}

}  // namespace
}  // namespace kro::cel
