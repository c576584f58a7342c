// Where the three environments differ: each row of the table in docs/cel.md, in all of them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "cel/cel.h"
#include "cel/convert.h"

namespace kro::cel {
namespace {

struct Case {
  std::string expression;
  // The value as an expression writes it, or the beginning of "error: …" or "refused: …".
  std::string kro;
  std::string kubernetes;
  std::string specification;
};

std::string ResultOf(const Environment& environment, std::string_view expression) {
  auto ast = Compile(environment, expression);
  if (!ast) return "refused: " + ast.error()[0].message;
  auto program = Plan(std::move(*ast), environment);
  if (!program) return "refused: " + program.error().message();
  Arena arena;
  Context context(arena);
  const Value value = (*program)->Evaluate(context, {});
  return value.IsError() ? "error: " + std::string(value.AsError()) : ToExpression(context, value);
}

class Dialects : public testing::TestWithParam<Case> {};

TEST_P(Dialects, DifferHere) {
  const Case& test = GetParam();
  const std::pair<Environment, std::string> expectations[] = {
      {Environment::Kro(), test.kro},
      {Environment::Kubernetes(), test.kubernetes},
      {Environment::Standard(), test.specification}};
  for (const auto& [environment, expected] : expectations) {
    const std::string actual = ResultOf(environment, test.expression);
    const bool prefix = expected.starts_with("error") || expected.starts_with("refused");
    EXPECT_EQ(prefix ? actual.substr(0, expected.size()) : actual, expected);
  }
}

const Case kCases[] = {
    // numbers of different types
    {"1 < 2.0", "refused", "true", "true"},
    {"1 == 1.0", "refused", "refused", "refused"},
    // keys of maps
    {"{'a': 1, 'a': 2}['a']", "2", "2", "error: Failed with repeated key"},
    {"{1: 'a', 1u: 'b'}.size()", "2", "2", "error: Failed with repeated key"},
    {"{0u: 'a', 0: 'b'}.size()", "2", "2", "error: Failed with repeated key"},
    {"{1.5: 'a'}.size()", "1", "1", "error: unsupported key type"},
    {"{null: 'a'}.size()", "1", "1", "error: unsupported key type"},
    // texts, durations, addresses
    {"'abc'.indexOf('a', 4)", "-1", "-1", "error: index out of range: 4"},
    {"'abc'.indexOf('', 3)", "3", "3", "3"},
    {"'abc'.lastIndexOf('a', 4)", "-1", "-1", "error: index out of range: 4"},
    {"duration('1.5s').getMilliseconds()", "1500", "1500", "500"},
    {"duration('-1.5s').getMilliseconds()", "-1500", "-1500", "-500"},
    {"string(ip('::ffff:c0a8:1'))", "error: IPv4-mapped", "error: IPv4-mapped", "\"192.168.0.1\""},
    {"string(ip('::ffff:192.168.0.1'))", "error: IPv4-mapped", "error: IPv4-mapped",
     "error: IPv4-mapped"},
    // messages
    {"google.protobuf.Int32Value{value: 1} == 1", "refused", "refused", "true"},
    {"google.protobuf.Int32Value{value: 2147483648}", "refused", "refused",
     "error: integer overflow"},
    {"google.protobuf.UInt32Value{value: 4294967296u}", "refused", "refused",
     "error: unsigned integer overflow"},
    {"google.protobuf.FloatValue{value: 0.1} == 0.1", "refused", "refused", "false"},
    {"google.protobuf.StringValue{}", "refused", "refused", "\"\""},
    {"google.protobuf.BoolValue{nope: true}", "refused", "refused",
     "refused: undefined field 'nope'"},
    {"google.protobuf.Value{list_value: [1, 'a']}", "refused", "refused", "[1, \"a\"]"},
    {"google.protobuf.Value{null_value: google.protobuf.NullValue.NULL_VALUE}", "refused",
     "refused", "null"},
    {"google.protobuf.Value{number_value: 'a'}", "refused", "refused",
     "refused: expected type 'double' but found"},
    // blocks
    {"cel.block([1, cel.index(0) + 1], cel.index(1) * 10)", "refused", "refused", "20"},
    {"cel.block([1 / 0], true || cel.index(0) == 1)", "refused", "refused", "true"},
    {"cel.block([1], cel.index(1))", "refused", "refused",
     "refused: undeclared reference to '@index1'"},
    {"cel.block(1, 2)", "refused", "refused",
     "refused: cel.block requires the first arg to be a list literal"},
    {"[1, 2].map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1)", "refused", "refused", "[2, 3]"},
    // what only Kubernetes offers
    {"sets.equivalent([1, 2], [2, 1, 1])", "refused", "true", "refused"},
    {"semver('v1.0', true) == semver('1.0.0')", "refused", "true", "refused"},
    {"[1].includes(1)", "refused", "true", "refused"},
    {"format.dns1123Label().validate('A').hasValue()", "refused", "true", "refused"},
    {"jsonpatch.escapeKey('a/b')", "refused", "\"a~1b\"", "refused"},
    // what only kro has
    {"lists.setAtIndex([1], 0, 2)", "[2]", "refused", "refused"},
    {"{'a': 1}.merge({'a': 2})", "{\"a\": 2}", "refused", "refused"},
    {"hash.md5('a').size()", "16", "refused", "refused"},
};

INSTANTIATE_TEST_SUITE_P(Dialect, Dialects, testing::ValuesIn(kCases));

TEST(Dialect, NullJoinsWhatMayBeNullOnlyInTheSpecification) {
  const auto type = [](const Environment& environment) {
    return Compile(environment, "[optional.of(1), null]")->type().ToString();
  };
  EXPECT_EQ(type(Environment::Kro()), "list(null_type)");
  EXPECT_EQ(type(Environment::Kubernetes()), "list(null_type)");
  EXPECT_EQ(type(Environment::Standard()), "list(optional_type(int))");
}

// What a format says about texts that do not have it.
struct FormatCase {
  const char* format;
  const char* good;
  const char* bad;
};

class NamedFormats : public testing::TestWithParam<FormatCase> {};

TEST_P(NamedFormats, AcceptTheGoodAndExplainTheBad) {
  const auto& [format, good, bad] = GetParam();
  const auto problems = [&](const char* text) {
    return ResultOf(Environment::Kubernetes(),
                    fmt::format("format.named('{}').value().validate('{}').orValue([]).size() > 0",
                                format, text));
  };
  EXPECT_EQ(problems(good), "false");
  EXPECT_EQ(problems(bad), "true");
  EXPECT_EQ(ResultOf(Environment::Kubernetes(),
                     fmt::format("format.{}() == format.named('{}').value()", format, format)),
            "true");
}

const FormatCase kFormats[] = {
    {"dns1123Label", "my-name", "My-name"},
    {"dns1123Subdomain", "a.b-c", "a..b"},
    {"dns1035Label", "a1", "1a"},
    {"qualifiedName", "example.com/My.Name", "example.com/a/b"},
    {"dns1123LabelPrefix", "my-name-", "-my"},
    {"dns1123SubdomainPrefix", "a.b-", "a._"},
    {"dns1035LabelPrefix", "a-", "1-"},
    {"labelValue", "", "a b"},
    {"uri", "http://h/p", "relative"},
    {"uuid", "123e4567-e89b-12d3-a456-426614174000", "123"},
    {"byte", "aGVsbG8=", "a-b"},
    {"date", "2024-02-29", "2023-02-29"},
    {"datetime", "2024-02-29T12:00:00Z", "2024-02-29"},
};

INSTANTIATE_TEST_SUITE_P(Kubernetes, NamedFormats, testing::ValuesIn(kFormats));

}  // namespace
}  // namespace kro::cel
