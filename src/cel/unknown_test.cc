// Unknown values: what an expression comes to when an input is not known yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cel/cel.h"
#include "cel/convert.h"

namespace kro::cel {
namespace {

struct Case {
  std::string expression;  // u and v are unknown
  std::string expected;    // "?u,v": unknown, standing on these; else as an expression; "error: …"
};

class Unknowns : public testing::TestWithParam<Case> {};

TEST_P(Unknowns, GoThroughWhatDependsOnThem) {
  Environment environment = Environment::Kro();
  environment.AddVariable("u", Dyn());
  environment.AddVariable("v", Dyn());
  auto ast = Compile(environment, GetParam().expression);
  ASSERT_TRUE(ast) << ast.error()[0].message;
  auto program = Plan(std::move(*ast), environment);
  ASSERT_TRUE(program);
  Arena arena;
  Context context(arena);
  const Value value = (*program)->Evaluate(
      context, {{"u", MakeUnknown(context, "u")}, {"v", MakeUnknown(context, "v")}});
  std::string shown;
  if (value.IsUnknown()) {
    for (std::string_view name : value.UnknownNames())
      shown += (shown.empty() ? "?" : ",") + std::string(name);
  } else {
    shown =
        value.IsError() ? "error: " + std::string(value.AsError()) : ToExpression(context, value);
  }
  EXPECT_EQ(shown, GetParam().expected);
}

const Case kCases[] = {
    // strict: the first of errors and unknown values
    {"u", "?u"},
    {"u.a.b[0]", "?u"},
    {"has(u.a)", "?u"},
    {"u.?a", "?u"},
    {"u + v", "?u"},
    {"v == u", "?v"},
    {"1 / 0 + u", "error: division by zero"},
    {"u + 1 / 0", "?u"},
    {"size(u)", "?u"},
    {"[1, u, v]", "?u"},
    {"{'a': u}", "?u"},
    {"1 in [u]", "?u"},
    {"'a' + string(u)", "?u"},
    // && and || look through them
    {"u && false", "false"},
    {"false && u", "false"},
    {"u || true", "true"},
    {"u && true", "?u"},
    {"u || false", "?u"},
    {"u && v", "?u,v"},
    {"v || u || v", "?u,v"},
    // an unknown value wins over an error
    {"1 / 0 == 1 || u", "?u"},
    {"u || 1 / 0 == 1", "?u"},
    {"1 / 0 == 1 && u && false", "false"},
    // the branch taken decides
    {"u ? 1 : 2", "?u"},
    {"true ? 1 : u", "1"},
    {"false ? 1 : u", "?u"},
    // macros
    {"u.map(x, x)", "?u"},
    {"u.all(x, true)", "?u"},
    {"[1, 2].all(x, x == u)", "?u"},
    {"[1, 2].exists(x, x == 2 || u)", "true"},
    {"[1, 2].all(x, x == 1 ? u : v)", "?u,v"},
    {"[1, 2].exists(x, x == 1 ? 1 / 0 == 1 : u)", "?u"},
    {"[1, 2].exists_one(x, u)", "?u"},
    {"[1].filter(x, u)", "?u"},
    {"[1].transformMap(i, x, u)", "?u"},
    {"[].map(x, u)", "[]"},
    {"cel.bind(x, u, 1)", "1"},
    {"cel.bind(x, u, x)", "?u"},
    // optionals
    {"optional.of(u)", "?u"},
    {"optional.of(1).or(u).value()", "1"},
    {"optional.none().orValue(u)", "?u"},
};

INSTANTIATE_TEST_SUITE_P(Values, Unknowns, testing::ValuesIn(kCases));

TEST(UnknownValues, ArePendingErrorsOutsideTheLanguage) {
  Arena arena;
  Context context(arena);
  const Value both = MergeUnknowns(context, MakeUnknown(context, "b"), MakeUnknown(context, "a"));
  EXPECT_THAT(both.UnknownNames(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(ToError(both).code(), ErrorCode::kPending);
  EXPECT_EQ(ToError(both).message(), "not known yet: a, b");
  EXPECT_FALSE(ToJson(context, both));
}

}  // namespace
}  // namespace kro::cel
