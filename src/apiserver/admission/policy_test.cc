#include "apiserver/admission/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cel/cel.h"

namespace kro::apiserver {
namespace {

using testing::ElementsAre;
using Verdict = Policy::Verdict;

// A policy with this spec, asked about an object; "passes", "skips", or the message of its refusal.
std::string Ask(std::string_view spec, std::string_view object) {
  auto parsed = json::Parse(spec);
  auto value = json::Parse(object);
  EXPECT_TRUE(parsed && value) << spec << object;
  if (!parsed || !value) return "";
  const Policy policy(
      json::Object{{"metadata", json::Object{{"name", "p"}}}, {"spec", *std::move(parsed)}});
  cel::Arena arena;
  cel::Context context(arena);
  const cel::Binding bindings[] = {{"object", cel::FromJson(context, *value)},
                                   {"oldObject", cel::Value::Null()}};
  const Policy::Outcome outcome = policy.Evaluate(context, bindings);
  if (outcome.verdict == Verdict::kPasses) return "passes";
  if (outcome.verdict == Verdict::kSkipped) return "skips";
  return outcome.message + (outcome.reason.empty() ? "" : " (" + outcome.reason + ")");
}

TEST(Policy, TheFirstValidationThatFailsDecides) {
  constexpr std::string_view kSpec = R"json({"validations": [
      {"expression": "object.a > 0", "message": "a must be positive"},
      {"expression": "object.b == 'x'", "reason": "Forbidden"},
      {"expression": "has(object.c)", "messageExpression": "'no c in ' + object.b"}]})json";
  EXPECT_EQ(Ask(kSpec, R"({"a": 0, "b": "y"})"), "a must be positive");
  EXPECT_EQ(Ask(kSpec, R"({"a": 1, "b": "y"})"), "failed expression: object.b == 'x' (Forbidden)");
  EXPECT_EQ(Ask(kSpec, R"({"a": 1, "b": "x"})"), "no c in x");
  EXPECT_EQ(Ask(kSpec, R"({"a": 1, "b": "x", "c": 1})"), "passes");
}

TEST(Policy, AnErrorRefusesUnlessFailuresAreIgnored) {
  EXPECT_EQ(Ask(R"({"validations": [{"expression": " object.z == 1"}]})", "{}"),
            "expression 'object.z == 1' resulted in error: no such key: z");
  EXPECT_EQ(
      Ask(R"({"failurePolicy": "Ignore", "validations": [{"expression": "object.z == 1"}]})", "{}"),
      "passes");
}

TEST(Policy, ConditionsDecideWhetherItApplies) {
  constexpr std::string_view kSpec = R"({
      "matchConditions": [{"name": "c", "expression": "object.kind == 'A'"}],
      "validations": [{"expression": "false", "message": "no"}]})";
  EXPECT_EQ(Ask(kSpec, R"({"kind": "A"})"), "no");
  EXPECT_EQ(Ask(kSpec, R"({"kind": "B"})"), "skips");
  EXPECT_EQ(Ask(kSpec, "{}"),
            "expression 'object.kind == 'A'' resulted in error: no such key: kind");
}

TEST(Policy, VariablesSeeThoseBeforeThemAndFailWhereTheyAreUsed) {
  constexpr std::string_view kSpec = R"json({
      "variables": [{"name": "n", "expression": "size(object.l)"},
                    {"name": "twice", "expression": "variables.n * 2"}],
      "validations": [{"expression": "object.free || variables.twice == 4", "message": "no"}]})json";
  EXPECT_EQ(Ask(kSpec, R"({"free": false, "l": [1, 2]})"), "passes");
  EXPECT_EQ(Ask(kSpec, R"({"free": false, "l": [1]})"), "no");
  EXPECT_EQ(Ask(kSpec, R"({"free": true})"), "passes");
}

TEST(Policy, FaultsOfExpressionsAreFoundWhenItIsWritten) {
  auto object = json::Parse(R"({"metadata": {"name": "p"}, "spec": {
      "variables": [{"name": "q", "expression": "1"}],
      "validations": [{"expression": "variables.q"}, {"expression": ""},
                      {"expression": "true", "reason": "Foo"},
                      {"expression": "true", "messageExpression": "1"}]}})");
  ASSERT_TRUE(object);
  FieldErrors errors;
  Policy::FindFaults(*object, errors);
  std::vector<std::string> texts;
  for (const FieldError& error : errors) texts.push_back(error.Text());
  EXPECT_THAT(
      texts,
      ElementsAre(
          R"(spec.validations[0].expression: Invalid value: "variables.q": must evaluate to bool but got int)",
          "spec.validations[1].expression: Required value: expression is not specified",
          R"(spec.validations[2].reason: Unsupported value: "Foo": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge")",
          R"(spec.validations[3].messageExpression: Invalid value: "1": must evaluate to string but got int)"));
}

}  // namespace
}  // namespace kro::apiserver
