// The worked examples of the engine's specification, its tables and its traps, section by section,
// in kro's environment. What was recorded from the real engine is in test/data/cel-spec/kro.json;
// the list here is for people who look up what a rule means. spec_coverage.txt has the rows of the
// specification with the cases of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "cel/cel.h"
#include "cel/convert.h"
#include "cel/library/runtime.h"

namespace kro::cel {
namespace {

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "metadata": {"type": "object", "properties": {"name": {"type": "string"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "spec": {"type": "object", "properties": {
    "name": {"type": "string"}, "replicas": {"type": "integer"}, "my-field": {"type": "string"},
    "namespace": {"type": "string"}, "x": {"type": "string"}, "on": {"type": "boolean"},
    "missing": {"type": "integer"}, "empty": {"type": "string", "nullable": true},
    "tags": {"type": "array", "items": {"type": "string"}},
    "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
      "items": {"type": "object", "properties": {"port": {"type": "integer"}, "name": {"type": "string"}}}},
    "nested": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}},
    "values": {"type": "object", "additionalProperties": {"type": "integer"}},
    "broken": {"type": "object", "additionalProperties": {"type": "integer"}},
    "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    "any": {"x-kubernetes-preserve-unknown-fields": true},
    "port": {"x-kubernetes-int-or-string": true},
    "data": {"type": "string", "format": "byte"}, "plus": {"type": "string", "format": "byte"},
    "since": {"type": "string", "format": "date-time"}, "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "duration"}, "iso": {"type": "string", "format": "duration"},
    "never": {"type": "string", "format": "date-time"},
    "ratio": {"type": "number"}, "wrong": {"type": "integer"}, "half": {"type": "integer"}}}}})";
constexpr const char* kData = R"({"metadata": {"name": "foo", "labels": {"a/b": "c"}},
  "spec": {"name": "foo", "replicas": 3, "my-field": "m", "namespace": "n", "x": "y", "on": true,
    "empty": null, "tags": ["p", "q"], "set": ["x", "y"],
    "ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}], "nested": {"a": "s", "n": 1},
    "values": {"a": 1}, "broken": {"a": null}, "raw": {"my-field": 1, "deep": {"x": [1, 2.5]}},
    "port": "http", "data": "aGVsbG8=", "plus": "+/8=", "since": "2024-01-15T10:30:45.678Z",
    "date": "2024-01-15", "time": "1d", "iso": "PT1H", "never": "", "ratio": 2, "wrong": "text", "half": 1.5}})";

struct Case {
  std::string expression;
  // Another expression with the same value, or "error: text", "check: text", "parse: text", "plan:
  // text" (the beginning of the first message), "type: int", "json: …".
  std::string expected;
};

struct Fixture {
  json::Value openapi = *json::Parse(kSchema);
  json::Value data = *json::Parse(kData);
  std::shared_ptr<const SchemaTree> tree = *SchemaTree::Read(openapi);
  SchemaTypes types;
  Environment environment = Environment::Kro();
  Arena arena;
  Context context{arena};
  std::vector<std::shared_ptr<const Program>> programs;

  Fixture() { environment.AddVariable("schema", types.Declare("schema", openapi)); }

  // What an expression comes to, in the words of Case::expected; `value` is its value.
  std::string Run(std::string_view expression, Value& value) {
    auto ast = Parse(expression, environment.dialect());
    if (!ast) return "parse: " + Reason(ast.error()[0]);
    if (auto checked = Check(environment, *ast); !checked)
      return "check: " + Reason(checked.error()[0]);
    type = ast->type().ToString();
    auto program = Plan(std::move(*ast), environment, TypeNames::kUndefined);
    if (!program) return "plan: " + program.error().message();
    programs.push_back(*program);
    value = (*program)->Evaluate(
        context, {{"schema", FromJson(context, data, tree->root())}, {"runtime", RuntimeValue()}});
    return value.IsError() ? "error: " + std::string(value.AsError()) : "";
  }

  std::string type;

 private:
  // Upstream's words without the place.
  static std::string Reason(const Diagnostic& diagnostic) {
    std::string_view text = diagnostic.compatible;
    text.remove_prefix(std::string_view("ERROR: <input>:").size());
    text = text.substr(text.find(": ") + 2);
    return std::string(text.substr(0, text.find("\n | ")));
  }
};

bool Begins(std::string_view text, std::string_view kind) { return text.starts_with(kind); }

class Spec : public testing::TestWithParam<Case> {};

TEST_P(Spec, SaysSo) {
  Fixture fixture;
  const auto& [expression, expected] = GetParam();
  Value value;
  const std::string problem = fixture.Run(expression, value);
  for (std::string_view kind : {"error: ", "check: ", "parse: ", "plan: "}) {
    if (Begins(expected, kind)) {
      EXPECT_THAT(problem, testing::StartsWith(expected)) << ToExpression(fixture.context, value);
      return;
    }
  }
  if (Begins(expected, "type: ")) {
    EXPECT_EQ("type: " + fixture.type, expected);
    return;
  }
  ASSERT_EQ(problem, "");
  if (Begins(expected, "json: ")) {
    auto json = ToJson(fixture.context, value);
    if (!json) {
      EXPECT_EQ("json: error: " + json.error().message(), expected);
    } else {
      EXPECT_EQ("json: " + (*json ? json::Serialize(**json) : "omitted"), expected);
    }
    return;
  }
  Value wanted;
  ASSERT_EQ(fixture.Run(expected, wanted), "");
  EXPECT_EQ(value.kind(), wanted.kind());
  EXPECT_TRUE(Equals(fixture.context, value, wanted)) << ToExpression(fixture.context, value);
}

// ---- 1. Lexis and grammar --------------------------------------------------------------------

const Case kGrammar[] = {
    {"1 + // c\n 2", "3"},
    {"// nothing", "parse: Syntax error"},
    {"  ", "parse: Syntax error"},
    // 1.2 tokens
    {"00012", "12"},
    {"0x1F", "31"},
    {"0X1F", "parse: Syntax error"},
    {"0xFFu", "255u"},
    {"1U", "1u"},
    {"1.5e3", "1500.0"},
    {"1e3", "1000.0"},
    {".5", "0.5"},
    {"1.", "parse: Syntax error"},
    {"1.5u", "parse: Syntax error"},
    {"1_000", "parse: Syntax error"},
    {"b'a'", "b\"a\""},
    {"B'a'", "b'a'"},
    {"bR\"\\\"", "b'\\\\'"},
    {"rb'a'", "parse: Syntax error"},
    {"dyn({}).true", "parse: Syntax error"},
    {"dyn({}).in", "parse: Syntax error"},
    {"1 = 1", "parse: Syntax error"},
    {"true & true", "parse: Syntax error"},
    {"true | true", "parse: Syntax error"},
    {"-9223372036854775808", "-9223372036854775807 - 1"},
    {"- 9223372036854775808", "-9223372036854775807 - 1"},
    {"9223372036854775808", "parse: invalid int literal"},
    {"18446744073709551616u", "parse: invalid uint literal"},
    {"1.5e400", "parse: invalid double literal"},
    {"if", "parse: reserved identifier: if"},
    {"while(1)", "parse: reserved identifier: while"},
    {"{'for': 1}.for", "1"},
    {"schema.spec.namespace", "'n'"},
    {"schema.metadata.labels.`a/b`", "'c'"},
    {"`a`", "parse: Syntax error"},
    {"schema.spec.`my-field`", "check: undefined field 'my-field'"},
    {"schema.spec.raw.`my-field`", "dyn(1)"},
    // 1.3 strings
    {"\"a\"", "'a'"},
    {"\"\"\"a\nb\"\"\"", "'a\\nb'"},
    {"'''a\"b'''", "'a\"b'"},
    {"'a\nb'", "parse: Syntax error"},
    {"size('\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`')", "12"},
    {"\"\\xff\"", "'ÿ'"},
    {"'\\X41\\u00e9\\U0001F600\\101'", "'Aé😀A'"},
    {"b'\\xff\\377'.size()", "2"},
    {"b'\\u0041'", "parse: unable to unescape string"},
    {"'\\q'", "parse: Syntax error: token recognition error"},
    {"'\\400'", "parse: Syntax error: token recognition error"},
    {"'\\ud800'", "parse: invalid unicode code point"},
    {"'\\U00110000'", "parse: invalid unicode code point"},
    {"r'a\\'", "'a\\\\'"},
    {"R\"\\n\"", "'\\\\n'"},
    {"'''a\r\nb\rc'''", "'a\\nb\\nc'"},
    {"b'é'.size()", "2"},
    // 1.4 grammar
    {"1 + 2 * 3", "7"},
    {"1 < 2 == true", "true"},
    {"false && true || true", "true"},
    {"!!1", "1"},
    {"--'a'", "'a'"},
    {"-!true", "parse: Syntax error"},
    {"!-1", "check: found no matching overload for '!_' applied to '(int)'"},
    {"true ? true ? 1 : 2 : 3", "parse: Syntax error"},
    {"true ? 1 : false ? 2 : 3", "1"},
    {"[1].map(schema, .schema.spec.name)", "['foo']"},
    {"Foo{a: 1}", "check: undeclared reference to 'Foo' (in container '')"},
    {"[1, 2,]", "[1, 2]"},
    {"{'a': 1,}", "{'a': 1}"},
    {"size([1],)", "parse: Syntax error"},
    {"[?optional.of(1), ?optional.none()]", "[1]"},
    {"{?'a': optional.of(1), ?'b': optional.none()}", "{'a': 1}"},
    {"{'a': 1}.?a", "optional.of(1)"},
    {"{'a': 1}[?'b']", "optional.none()"},
};
INSTANTIATE_TEST_SUITE_P(Grammar, Spec, testing::ValuesIn(kGrammar));

// ---- 2. Types and the checker ----------------------------------------------------------------

const Case kChecker[] = {
    // 2.1, 2.2 types and what accepts what
    {"'a' == null", "check: found no matching overload for '_==_' applied to '(string, null)'"},
    {"schema.spec.tags == null", "check: found no matching overload"},
    {"duration('1s') == null", "false"},
    {"schema.metadata == null", "false"},
    {"optional.of(1) == null", "false"},
    {"quantity('1') == null", "false"},
    {"int", "plan: reference to undefined type: int"},
    {"type(1) == type(2)", "true"},
    // 2.3 typing
    {"cel.bind(hash, 1, hash.md5('x'))", "hash.md5('x')"},
    {"{'a': 1}.anything", "error: no such key: anything"},
    {"schema.spec.nope", "check: undefined field 'nope'"},
    {"dyn(1).x", "error: no such key: x"},
    {"schema.?spec.name", "type: optional_type(string)"},
    {"url('http://a').x", "check: unexpected failed resolution of 'kubernetes.URL'"},
    {"ip('::1').x", "check: type 'net.IP' does not support field selection"},
    {"'a'.x", "check: type 'string' does not support field selection"},
    {"schema.?spec.?name", "type: optional_type(string)"},
    {"schema['spec']", "check: found no matching overload for '_[_]'"},
    {"[]", "type: list(dyn)"},
    {"{}", "type: map(dyn, dyn)"},
    {"true && 1", "check: expected type 'bool' but found 'int'"},
    {"1.map(x, x)", "check: expression of type 'int' cannot be range of a comprehension"},
    {"schema.map(x, x)",
     "check: expression of type '__type_schema' cannot be range of a comprehension"},
    {"[5].map(x, x)", "type: list(int)"},
    {"{'a': 1.5}.map(x, x)", "type: list(string)"},
    {"[5u].transformList(i, v, [dyn(i), v])", "type: list(list(dyn))"},
    {"{'a': 1.5}.transformList(k, v, v)", "type: list(double)"},
    // joins
    {"[null, duration('1s')]", "type: list(google.protobuf.Duration)"},
    {"[duration('1s'), null]", "type: list(null_type)"},
    {"[1, 2.0]", "type: list(dyn)"},
    {"[[1], ['a']]", "type: list(dyn)"},
    {"[{}, {'a': 1}]", "type: list(map(string, int))"},
    {"{1: 'a', 1u: 'b'}", "type: map(dyn, string)"},
    {"true ? 1 : 'a'",
     "check: found no matching overload for '_?_:_' applied to '(bool, int, string)'"},
    {"true ? 1 : dyn('a')", "type: dyn"},
    {"true ? {} : schema.metadata.labels", "type: map(string, string)"},
    {"true ? null : duration('1s')", "type: null_type"},
    {"true ? duration('1s') : null", "type: google.protobuf.Duration"},
    // overloads
    {"1 + 'a'", "check: found no matching overload for '_+_' applied to '(int, string)'"},
    {"'a'.charAt('b')",
     "check: found no matching overload for 'charAt' applied to 'string.(string)'"},
    {"dyn(1) + 2", "type: int"},
    {"dyn(1) + dyn(1)", "type: dyn"},
    // cross-type ordering
    {"1 < 2.0", "check: found no matching overload for '_<_'"},
    {"[1].exists(x, true) || 1 < 2.0", "true"},
    {"1 < 2.0 || [1].exists(x, true)", "check: found no matching overload for '_<_'"},
    {"1 == 1.0", "check: found no matching overload for '_==_'"},
    {"dyn(1) < 2.0", "true"},
    // 2.4 messages
    {"x", "check: undeclared reference to 'x' (in container '')"},
    {"f(x)", "check: undeclared reference to 'f' (in container '')"},
    {"has(schema.spec.nope)", "check: undefined field 'nope'"},
    {"schema.spec.?nope", "check: undefined field 'nope'"},
    {"[?1]", "check: expected type 'optional_type(int)' but found 'int'"},
    {"[1].map(x)", "check: undeclared reference to 'map' (in container '')"},
};
INSTANTIATE_TEST_SUITE_P(Checker, Spec, testing::ValuesIn(kChecker));

const Case kMacros[] = {
    // 2.5
    {"has({'a': null}.a)", "true"},
    {"has(1)", "parse: invalid argument to has() macro"},
    {"has(schema['spec'])", "parse: invalid argument to has() macro"},
    {"has(schema.?spec)", "parse: invalid argument to has() macro"},
    {"[0, 2].all(x, 1 / x > 5)", "false"},
    {"[1, 0].all(x, 1 / x == 1)", "error: division by zero"},
    {"[0, 1].exists(x, 1 / x == 1)", "true"},
    {"[0, 1].exists_one(x, 1 / x == 1)", "error: division by zero"},
    {"[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]"},
    {"[1, 2].map(x, x * 2)", "[2, 4]"},
    {"{'a': 1, 'b': 2}.filter(k, k == 'a')", "['a']"},
    {"[5, 6].transformMap(i, v, v * 2)", "{0: 10, 1: 12}"},
    {"[5, 6].transformMap(i, v, v * 2)", "json: error: map key must be string, got int64"},
    {"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)", "{'b': 20}"},
    {"['x', 'y'].transformMapEntry(i, v, {v: i})", "{'x': 0, 'y': 1}"},
    {"['x', 'x'].transformMapEntry(i, v, {v: i})", "error: insert failed: key x already exists"},
    {"{'a': 1}.transformMapEntry(k, v, {})", "{}"},
    {"['x', 'y'].transformMapEntry(i, v, i > 0, {v: i})", "{'y': 1}"},
    {"{'a': 1, 'b': 2}.transformList(k, v, v).sum()", "3"},
    {"cel.bind(x, 1 / 0, 5)", "5"},
    {"cel.bind(x, 1 / 0, x)", "error: division by zero"},
    {"optional.of(2).optMap(x, x * 2)", "optional.of(4)"},
    {"optional.none().optMap(x, 1)", "optional.none()"},
    {"optional.of([1, 2]).optFlatMap(x, x[?0])", "optional.of(1)"},
    {"optional.of(1).optFlatMap(x, x)", "check: found no matching overload for '_?_:_'"},
    {"[1].all(i, v, i == 0 && v == 1)", "true"},
    {"{'a': 1}.exists(k, v, v == 2)", "false"},
    {"[5, 6].existsOne(i, v, v == 6)", "true"},
    {"[5, 6].exists_one(i, v, v == 6)", "true"},
    {"[1, 2, 3].transformList(i, v, i > 0, v)", "[2, 3]"},
    {"{'a': 1, 'b': 2}.map(k, k).sort()", "['a', 'b']"},
    {"[1].map(1, 2)", "parse: argument is not an identifier"},
    {"[1].all(1, 2, true)", "parse: argument must be a simple name"},
    {"[1].all(i, i, true)", "parse: duplicate variable name: i"},
    {"[1].map(__result__, 1)", "parse: iteration variable overwrites accumulator variable"},
    {"cel.bind(1, 2, 3)", "parse: cel.bind() variable names must be simple identifiers"},
    {"optional.of(1).optMap(1, 2)", "parse: optMap() variable name must be a simple identifier"},
    {"optional.of(1).optFlatMap(1, 2)",
     "parse: optFlatMap() variable name must be a simple identifier"},
    {"[1].existsOne(x, true)", "check: undeclared reference to 'existsOne'"},
    {"[2].map(schema, schema)", "[2]"},
};
INSTANTIATE_TEST_SUITE_P(Macros, Spec, testing::ValuesIn(kMacros));

// ---- 3. Standard library ---------------------------------------------------------------------

const Case kStandard[] = {
    // 3.1 errors
    {"(1 / 0) == (dyn('a') + 1)", "error: division by zero"},
    {"1 in [1 / 0, 1]", "error: division by zero"},
    {"1 / 0 == 1 || true", "true"},
    {"1 / 0 == 1 && false", "false"},
    {"1 / 0 == 1 || false", "error: division by zero"},
    {"1 % 0 == 1 || 1 / 0 == 1", "error: modulus by zero"},
    {"dyn('x') || true", "true"},
    {"true && dyn(1)", "error: no such overload"},
    {"false ? 1 / 0 : 3", "3"},
    {"dyn(1) ? 2 : 3", "error: no such overload"},
    {"has({}.a.b)", "error: no such key: a"},
    {"optional.of(1).or(optional.of(1 / 0)).value()", "1"},
    {"optional.of(1).orValue(1 / 0)", "1"},
    // 3.2 dispatch
    {"size(dyn(1))", "error: no such overload: size"},
    {"dyn({}) + dyn({})", "error: no such overload: _+_"},
    {"dyn(1).charAt(0)", "error: no such overload: charAt(int, int)"},
    {"string(dyn(null))", "error: no such overload: string(null_type)"},
    {"dyn(1).map(x, x)", "error: got 'types.Int', expected iterable type"},
    {"[dyn(1)].join()", "error: no such overload: join(list)"},
    {"dyn([1]).join()", "error: no such overload: join(list)"},
    {"['x', 1].join()", "error: join: invalid input: 1"},
    // 3.3 arithmetic
    {"-7 / 2", "-3"},
    {"-7 % 2", "-1"},
    {"7.5 / 2.0", "3.75"},
    {"[1] + [2]", "[1, 2]"},
    {"b'a' + b'b'", "b'ab'"},
    {"9223372036854775807 + 1", "error: integer overflow"},
    {"-9223372036854775808 - 1", "error: integer overflow"},
    {"9223372036854775807 * 2", "error: integer overflow"},
    {"-9223372036854775808 / -1", "error: integer overflow"},
    {"-9223372036854775808 % -1", "error: integer overflow"},
    {"-(-9223372036854775808)", "error: integer overflow"},
    {"1u - 2u", "error: unsigned integer overflow"},
    {"1 / 0", "error: division by zero"},
    {"1 % 0", "error: modulus by zero"},
    {"1u / 0u", "error: division by zero"},
    {"string(1.0 / 0.0)", "'+Inf'"},
    {"string(0.0 / 0.0)", "'NaN'"},
    {"1.0 % 2.0", "check: found no matching overload for '_%_'"},
    {"-duration('1s')", "check: found no matching overload for '-_'"},
    {"duration('1h') - duration('15m')", "duration('45m')"},
    {"duration('9223372036s') + duration('9223372036s')", "error: integer overflow"},
    {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: timestamp overflow"},
    {"timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')",
     "error: integer overflow"},
    // 3.4 equality
    {"dyn(ip('::1')) == '::1'", "error: no such overload"},
    {"dyn(ip('::1')) != '::1'", "true"},
    {"dyn('::1') == ip('::1')", "false"},
    {"dyn(schema.spec) == 1", "error: no such overload"},
    {"dyn(quantity('1')) != 1", "true"},
    {"omit() == 1", "error: omit() is a field-removal sentinel and cannot be compared"},
    {"omit() != 1", "true"},
    {"dyn(1) == 1.0", "true"},
    {"dyn(1) == 1u", "true"},
    {"dyn(9007199254740993) == 9007199254740992.0", "true"},
    {"dyn(9007199254740993) > 9007199254740992.0", "false"},
    {"dyn(9223372036854775807) == 9223372036854775808.0", "true"},
    {"dyn(9223372036854775807) < 9223372036854775808.0", "false"},
    {"[double('NaN')] == [double('NaN')]", "false"},
    {"dyn({1: 'a'}) == dyn({1u: 'a'})", "true"},
    {"dyn({1: 'a'}) == dyn({1.0: 'a'})", "false"},
    {"dyn({1.0: 'a'}) == dyn({1: 'a'})", "true"},
    {"[dyn(quantity('1'))] == [1]", "false"},
    {"[omit()] == [1]", "false"},
    {"timestamp('2020-01-01T02:00:00+02:00') == timestamp('2020-01-01T00:00:00Z')", "true"},
    {"dyn(null) == null", "true"},
    {"optional.none() == optional.none()", "true"},
    // 3.5 ordering
    {"false < true", "true"},
    {"'Z' < 'a'", "true"},
    {"'é' < 'z'", "false"},
    {"'\\uFFFF' < '\\U00010000'", "true"},
    {"0.0 / 0.0 < 1.0", "false"},
    {"dyn(0.0 / 0.0) < dyn('a')", "false"},
    {"dyn([1]) < dyn([2])", "error: no such overload: _<_"},
    {"1 < 2 < 3", "check: found no matching overload for '_<_' applied to '(bool, int)'"},
    // 3.6 membership, indexing, selection
    {"dyn(1.0) in [1, 2]", "true"},
    {"double('NaN') in [double('NaN')]", "false"},
    {"dyn(1.0) in {1: 'a'}", "true"},
    {"[1][5]", "error: index out of bounds: 5"},
    {"[1][-1]", "error: index out of bounds: -1"},
    {"[1, 2][dyn(1u)]", "2"},
    {"[1, 2][dyn(1.0)]", "2"},
    {"[1][dyn(1.5)]", "error: unsupported index value 1.5 in list"},
    {"[1][dyn('a')]", "error: unsupported index type 'string' in list"},
    {"{'a': 1}['k']", "error: no such key: k"},
    {"{1: 'a'}[dyn(1.0)]", "'a'"},
    {"{1.0: 'a'}[dyn(1)]", "error: no such key: 1"},
    {"dyn(null).foo", "error: no such key: foo"},
    {"dyn('a').foo", "error: no such key: foo"},
    {"dyn(omit()).foo", "error: no such key: foo"},
    {"dyn([1]).foo", "error: unsupported index type 'string' in list"},
    {"{null: 1}[null]", "plan: invalid qualifier type: types.Null"},
    {"{'a': 1}[dyn([1])]", "error: invalid qualifier type"},
    {"null in {null: 1}", "true"},
    {"has({'a': null}.a)", "true"},
    {"has(dyn(1).foo)", "false"},
    {"has(dyn([1]).foo)", "error: unsupported index type 'string' in list"},
    {"{'a': null}.?a", "optional.of(null)"},
    {"dyn(1).?a", "optional.none()"},
    {"dyn([1]).?a", "error: unsupported index type 'string' in list"},
    {"'a' in 'abc'", "check: found no matching overload for '@in'"},
    {"{'a': 1, 'a': 2}", "{'a': 2}"},
    {"{1: 'a', 1u: 'b', 1.0: 'c'}.size()", "3"},
    {"{b'a': 1}.size()", "1"},  // upstream has no such keys
    // 3.7 conversions
    {"int(18446744073709551615u)", "error: integer overflow"},
    {"int(-3.99)", "-3"},
    {"int(9223372036854774784.0)", "9223372036854774784"},
    {"int(-9223372036854775808.0)", "error: integer overflow"},
    {"int(9223372036854775808.0)", "error: integer overflow"},
    {"int(double('NaN'))", "error: integer overflow"},
    {"int('+12')", "12"},
    {"int(' 12')", "error: type conversion error from 'string' to 'int'"},
    {"int('0x1F')", "error: type conversion error from 'string' to 'int'"},
    {"int('1_000')", "error: type conversion error from 'string' to 'int'"},
    {"int(duration('1s'))", "1000000000"},
    {"int(timestamp('2020-01-01T00:00:00.9Z'))", "1577836800"},
    {"uint(3.7)", "3u"},
    {"uint(-0.5)", "error: unsigned integer overflow"},
    {"uint('12')", "12u"},
    {"uint('-1')", "error: type conversion error from 'string' to 'uint'"},
    {"double('1e3')", "1000.0"},
    {"double('-inf') < 0.0", "true"},
    {"double('0x1p4')", "16.0"},
    {"double('1_000')", "1000.0"},
    {"double('1_0.5')", "10.5"},
    {"double('1e400')", "error: type conversion error from 'string' to 'double'"},
    {"double('1e-400')", "0.0"},
    {"double(' 1')", "error: type conversion error from 'string' to 'double'"},
    {"double(9007199254740993)", "9007199254740992.0"},
    {"string(1.0)", "'1'"},
    {"string(100000.0)", "'100000'"},
    {"string(1000000.0)", "'1e+06'"},
    {"string(123456789.0)", "'1.23456789e+08'"},
    {"string(0.0001)", "'0.0001'"},
    {"string(1e-5)", "'1e-05'"},
    {"string(-0.0)", "'-0'"},
    {"string(duration('1h30m'))", "'5400s'"},
    {"string(duration('-1500ms'))", "'-1.5s'"},
    {"string(timestamp('2020-01-01T00:00:00+02:00'))", "'2020-01-01T00:00:00+02:00'"},
    {"string(timestamp('2020-01-01T00:00:00.120Z'))", "'2020-01-01T00:00:00.12Z'"},
    {"string(b'\\xff')", "error: invalid UTF-8 in bytes, cannot convert to string"},
    {"string(true)", "'true'"},
    {"string([1])", "check: found no matching overload for 'string'"},
    {"bytes('é').size()", "2"},
    {"bool('t') && bool('1') && bool('True')", "true"},
    {"bool('F') || bool('0') || bool('false')", "false"},
    {"bool('yes')", "error: type conversion error from 'string' to 'bool'"},
    {"duration('1.5h')", "duration('5400s')"},
    {"duration('x')", "error: type conversion error from 'string' to 'google.protobuf.Duration'"},
    {"string(timestamp(0))", "'1970-01-01T00:00:00Z'"},
    {"timestamp(253402300800)", "error: timestamp overflow"},
    {"type([]) == type([1])", "true"},
    {"type(schema) == type({})", "true"},
    {"'%s'.format([type(omit())])", "'kro.omit'"},
    {"type(type(1)) == type(type('a'))", "true"},
    {"type(dyn(1)) == type(2)", "true"},
    // 3.8 texts
    {"size('héllo')", "5"},
    {"'😀'.size()", "1"},
    {"size(b'\\xff\\xfe')", "2"},
    {"size({'a': 1})", "1"},
    {"'héllo'.contains('é')", "true"},
    {"'abc'.endsWith('bc')", "true"},
    {"'abc'.startsWith('')", "true"},
    {"'abc'.matches('^b')", "false"},
    {"matches('abc', 'b')", "true"},
    {"'abc'.matches('(')", "error: error parsing regexp: missing closing ): `(`"},
    {"'a\\nb'.matches('a.b')", "false"},
    {"'a\\nb'.matches('(?s)a.b')", "true"},
    {"'a'.matches('(?=a)')", "error: error parsing regexp"},
};
INSTANTIATE_TEST_SUITE_P(Standard, Spec, testing::ValuesIn(kStandard));

const Case kTime[] = {
    // 3.9
    {"duration('1h1h')", "duration('2h')"},
    {"duration('9223372036s') > duration('0')", "true"},
    {"duration('9223372037s')",
     "error: type conversion error from 'string' to 'google.protobuf.Duration'"},
    {"duration('1d')", "error: type conversion error"},
    {"duration('-1.5s') == duration('-1500ms')", "true"},
    {"duration('1µs') == duration('1us') && duration('1μs') == duration('1000ns')", "true"},
    {"timestamp('2024-1-15T10:30:00Z')",
     "error: invalid RFC 3339 timestamp \"2024-1-15T10:30:00Z\""},
    {"timestamp('2024-01-15T10:30:00,5Z')", "error: invalid RFC 3339 timestamp"},
    {"timestamp('2024-01-15t10:30:00z')",
     "error: type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp('2024-02-30T10:30:00Z')", "error: type conversion error"},
    {"timestamp('2024-01-15T10:30:60Z')", "error: type conversion error"},
    {"timestamp('0000-01-01T00:00:00Z')", "error: timestamp overflow"},
    {"timestamp('2024-01-15T10:30:45.1234567899Z') == timestamp('2024-01-15T10:30:45.123456789Z')",
     "true"},
    {"schema.spec.since.getFullYear()", "2024"},
    {"schema.spec.since.getMonth()", "0"},
    {"schema.spec.since.getDayOfYear()", "14"},
    {"schema.spec.since.getDayOfMonth()", "14"},
    {"schema.spec.since.getDate()", "15"},
    {"schema.spec.since.getDayOfWeek()", "1"},
    {"schema.spec.since.getHours()", "10"},
    {"schema.spec.since.getMinutes()", "30"},
    {"schema.spec.since.getSeconds()", "45"},
    {"schema.spec.since.getMilliseconds()", "678"},
    {"timestamp('2020-01-01T02:00:00+02:00').getHours()", "0"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('+05:30')", "16"},
    {"timestamp('2024-01-15T10:30:45Z').getMinutes('-05:30')", "0"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('05:30')", "16"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('-5:0')", "5"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('America/New_York')", "5"},
    {"timestamp('2024-12-31T23:00:00Z').getFullYear('+02:00')", "2025"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('UTC')", "10"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('Local')", "10"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('+24:00')",
     "error: timezone offset hours out of range [-23, 23]: +24:00"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('+05:60')",
     "error: timezone offset minutes out of range [0, 59]: +05:60"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('Nope/Zone')",
     "error: unknown time zone Nope/Zone"},
    {R"(timestamp(0).getHours('UTC\x00x'))", "error: unknown time zone UTC"},
    {"timestamp(0).getHours('/etc/localtime')", "error: time: invalid location name"},
    {"timestamp(0).getHours('../zoneinfo/UTC')", "error: time: invalid location name"},
    {"timestamp(0).getHours('America')", "error: unknown time zone America"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('+0530')", "error: unknown time zone +0530"},
    {"timestamp('2024-01-15T10:30:45Z').getHours('a:00')",
     "error: strconv.Atoi: parsing \"a\": invalid syntax"},
    {"timestamp('2024-03-01T00:00:00Z') - duration('24h')", "timestamp('2024-02-29T00:00:00Z')"},
    {"duration('1h') + timestamp('2024-01-15T10:30:00Z')", "timestamp('2024-01-15T11:30:00Z')"},
    {"duration('3723.5s').getHours()", "1"},
    {"duration('3723.5s').getMinutes()", "62"},
    {"duration('3723.5s').getSeconds()", "3723"},
    {"duration('3723.5s').getMilliseconds()", "3723500"},
};
INSTANTIATE_TEST_SUITE_P(Time, Spec, testing::ValuesIn(kTime));

// ---- 4. Extension libraries ------------------------------------------------------------------

const Case kNotThere[] = {
    // 4.1: names that Kubernetes' documentation mentions and kro's environment has not
    {"math.greatest(1, 2)", "check: undeclared reference to 'math'"},
    {"sets.contains([1], [1])", "check: undeclared reference to 'sets'"},
    {"regex.replace('a', 'a', 'b')", "check: undeclared reference to 'regex'"},
    {"format.named('uri')", "check: undeclared reference to 'format'"},
    {"jsonpatch.escapeKey('a')", "check: undeclared reference to 'jsonpatch'"},
    {"[1].includes(1)", "check: undeclared reference to 'includes'"},
    {"semver('v1.0', true)",
     "check: found no matching overload for 'semver' applied to '(string, bool)'"},
    {"isSemver('v1.0', true)", "check: found no matching overload for 'isSemver'"},
    {"authorizer.path('/')", "check: undeclared reference to 'authorizer'"},
};
INSTANTIATE_TEST_SUITE_P(NotThere, Spec, testing::ValuesIn(kNotThere));

const Case kLibraries[] = {
    // 4.5 optionals
    {"optional.of(null).hasValue()", "true"},
    {"optional.none()", "type: optional_type(dyn)"},
    {"[optional.ofNonZeroValue(0), optional.ofNonZeroValue(0u), optional.ofNonZeroValue(0.0), "
     "optional.ofNonZeroValue(''), optional.ofNonZeroValue(b''), optional.ofNonZeroValue(false), "
     "optional.ofNonZeroValue(null), optional.ofNonZeroValue([]), optional.ofNonZeroValue({}), "
     "optional.ofNonZeroValue(duration('0')), "
     "optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z'))]"
     ".exists(o, dyn(o).hasValue())",
     "false"},
    {"optional.ofNonZeroValue(timestamp(0)).hasValue()", "true"},
    {"optional.none().value()", "error: optional.none() dereference"},
    {"optional.of(1).value()", "1"},
    {"optional.none().or(optional.of(2)).value()", "2"},
    {"optional.none().orValue(3)", "3"},
    {"optional.of(1).orValue('a')", "check: found no matching overload for 'orValue'"},
    {"[].last().orValue(0)", "0"},
    {"[1, 2].first()", "optional.of(1)"},
    {"[1, 2].last()", "optional.of(2)"},
    {"[optional.of(1), optional.none()].unwrapOpt()", "[1]"},
    {"optional.unwrap([optional.of(1), optional.none()])", "[1]"},
    {"optional.unwrap([optional.of(dyn(1)), dyn(1)])", "error: value 1 is not optional"},
    {"{'a': [1, 2]}.?a[?5].orValue(9)", "9"},
    {"schema.?spec.tags[9]", "optional.none()"},
    {"[1, ?optional.none(), ?optional.of(3)]", "[1, 3]"},
    {"[?dyn(1)]", "error: cannot initialize optional list element from non-optional value 1"},
    {"{?'a': dyn(1)}", "error: cannot initialize optional entry 'a' from non-optional value 1"},
    {"{'a': 1, ?'a': optional.none()}", "{}"},
    {"schema.spec.?name == 'foo'", "check: found no matching overload for '_==_'"},
    {"dyn(1).or(optional.of(2))", "error: no such overload"},
    {"dyn(1).orValue(2)", "error: no such overload"},
    // 4.6 strings
    {"'tacocat'.charAt(3)", "'o'"},
    {"'tacocat'.charAt(7)", "''"},
    {"'tacocat'.charAt(8)", "error: index out of range: 8"},
    {"'tacocat'.indexOf('a', 3)", "5"},
    {"'tacocat'.indexOf('', 99)", "7"},
    {"'tacocat'.indexOf('x')", "-1"},
    {"'tacocat'.indexOf('a', -1)", "error: index out of range: -1"},
    {"'tacocat'.indexOf('a', 9)", "-1"},
    {"'tacocat'.lastIndexOf('at')", "5"},
    {"'tacocat'.lastIndexOf('a', 4)", "1"},
    {"'tacocat'.lastIndexOf('a', 7)", "-1"},
    {"'tacocat'.lastIndexOf('', 3)", "3"},
    {"'tacocat'.lastIndexOf('a', -1)", "error: index out of range: -1"},
    {"['x', 'y'].join('-')", "'x-y'"},
    {"['x', 'y'].join()", "'xy'"},
    {"[].join('-')", "''"},
    {"'TacoCÆt'.lowerAscii()", "'tacocÆt'"},
    {"'tacocæt'.upperAscii()", "'TACOCæT'"},
    {"'banana'.replace('', '_')", "'_b_a_n_a_n_a_'"},
    {"'banana'.replace('', '_', 2)", "'_b_anana'"},
    {"'banana'.replace('a', 'x', 0)", "'banana'"},
    {"'banana'.replace('a', 'x', -1)", "'bxnxnx'"},
    {"'a,b,c'.split(',', 2)", "['a', 'b,c']"},
    {"'a,b'.split(',', 0)", "[]"},
    {"'a,b'.split(',', 1)", "['a,b']"},
    {"''.split(',')", "['']"},
    {"''.split('')", "[]"},
    {"'ab'.split('')", "['a', 'b']"},
    {"'tacocat'.substring(0, 4)", "'taco'"},
    {"'tacocat'.substring(4)", "'cat'"},
    {"'tacocat'.substring(40)", "error: index out of range: 40"},
    {"'tacocat'.substring(5, 4)", "error: invalid substring range. start: 5, end: 4"},
    {"' x\\u00a0'.trim()", "'x'"},
    {"'\\u200bx'.trim().size()", "2"},
    {"'aé😀'.reverse()", "'😀éa'"},
    {"strings.quote('a\"b')", R"('"a\\"b"')"},
    // format
    {"'%%'.format([])", "'%'"},
    {"'%s'.format([1.5e20])", "'150000000000000000000'"},
    {"'%s %s'.format([double('NaN'), double('-inf')])", "'NaN -Infinity'"},
    {"'%s'.format([duration('1h30m')])", "'5400s'"},
    {"'%s'.format([timestamp('2020-01-01T00:00:00+02:00')])", "'2019-12-31T22:00:00Z'"},
    {"'%s'.format([[1, 'a', dyn(2), [true]]])", "'[1, a, 2, [true]]'"},
    {"'%s'.format([{10: 'b', 9: 'a'}])", "'{10: b, 9: a}'"},
    {"'%s %s'.format([null, true])", "'null true'"},
    {"'%d'.format([1.5])", "'1.5'"},
    {"'%.2f'.format([1.005])", "'1.00'"},
    {"'%.0f'.format([2.5])", "'2'"},
    {"'%f'.format([1])", "'1.000000'"},
    {"'%.3e'.format([1052.032911275])", "'1.052e+03'"},
    {"'%b %b'.format([-5, true])", "'-101 1'"},
    {"'%o'.format([8])", "'10'"},
    {"'%x %x %X %x'.format([-255, 'Hello', 255u, b'\\x01\\xff'])", "'-ff 48656c6c6f FF 01ff'"},
    {"'%d'.format(['a'])",
     "check: error during formatting: decimal clause can only be used on ints, uints, and doubles"},
    {"'%d'.format([dyn('a')])",
     "error: error during formatting: decimal clause can only be used on"},
    {"'%f'.format([dyn('a')])",
     "error: error during formatting: fixed-point clause can only be used on"},
    {"'%e'.format([dyn('a')])",
     "error: error during formatting: scientific clause can only be used on"},
    {"'%b'.format([dyn('a')])",
     "error: error during formatting: only ints, uints, and bools can be formatted as binary"},
    {"'%x'.format([dyn(1.5)])",
     "error: error during formatting: only ints, uints, bytes, and strings can be formatted as "
     "hex"},
    {"'%o'.format([dyn(1.5)])",
     "error: error during formatting: octal clause can only be used on ints and uints"},
    {"'%a'.format([1])",
     "check: could not parse formatting clause: unrecognized formatting clause \"a\""},
    {"'%.101f'.format([1.0])",
     "check: could not parse formatting clause: error while parsing precision: precision 101 "
     "exceeds maximum allowed precision 100"},
    {"'%.'.format([1.0])",
     "check: could not parse formatting clause: error while parsing precision: could not find end"},
    {"'%'.format([1])", "check: unexpected end of string"},
    {"'%s %s'.format([1])", "check: index 1 out of range"},
    {"'%s'.format([1, 2])",
     "check: too many arguments supplied to string.format (expected 1, got 2)"},
    {"'%s'.format([dyn(1), 2].map(x, x))", "'1'"},
    {"'%.2s'.format(['abc'])", "'abc'"},
    {"'%s'.format([schema.spec])",
     "check: error during formatting: string clause can only be used on"},
    {"'%s'.format([dyn(schema.spec.nested)])", "'{a: s, n: 1}'"},
    // 4.7 lists
    {"[1, 2, 3, 4].slice(1, 3)", "[2, 3]"},
    {"[1, 2, 3, 4].slice(0, 5)", "error: cannot slice(0, 5), list is length 4"},
    {"[1].slice(-1, 2)", "error: cannot slice(-1, 2), negative indexes not supported"},
    {"[1, 2, 3].slice(3, 1)",
     "error: cannot slice(3, 1), start index must be less than or equal to end index"},
    {"[[1, 2], [3, [4]]].flatten()", "[dyn(1), 2, 3, [4]]"},
    {"[[1, 2], [3, [4]]].flatten(2)", "[1, 2, 3, 4]"},
    {"[[1]].flatten(-1)", "error: level must be non-negative"},
    {"[[1]].flatten(0)", "[[1]]"},
    {"[1, 2].flatten()", "check: found no matching overload for 'flatten'"},
    {"[1, [2], 3].flatten()", "[1, 2, 3]"},
    {"[3, 1, 2].sort()", "[1, 2, 3]"},
    {"[dyn(1), 'a'].sort()", "error: list elements must have the same type"},
    {"dyn([[1]]).sort()", "error: list elements must be comparable"},
    {"['xx', 'y'].sortBy(s, size(s))", "['y', 'xx']"},
    {"{'a': 1}.sortBy(s, s)",
     "parse: sortBy can only be applied to a list, identifier, comprehension, call or select"},
    {"[1, 1.0, 1u, '1'].distinct()", "[dyn(1), '1']"},
    {"[double('NaN'), double('NaN')].distinct().size()", "2"},
    {"[1, 2, 3].reverse()", "[3, 2, 1]"},
    {"lists.range(3)", "[0, 1, 2]"},
    {"lists.range(-2)", "error: lists.range: size must be non-negative, got -2"},
    {"lists.range(1000001)", "error: lists.range: size 1000001 exceeds maximum allowed (1000000)"},
    // 4.8 encoders
    {"base64.encode(b'hello')", "'aGVsbG8='"},
    {"base64.decode('aGVsbG8')", "b'hello'"},
    {"base64.decode('a-_b')", "error: illegal base64 data at input byte 1"},
    {"json.encode({'a': 9007199254740993})", "'{\"a\":\"9007199254740993\"}'"},
    {"json.encode([b'a', duration('90s')])", "'[\"YQ==\",\"90s\"]'"},
    {"json.encode(optional.none())", "error: optional.none() dereference"},
    {"json.encode({1: 2})", "error: unsupported type conversion from 'int' to string"},
    {"json.encode({true: 2})", "error: type conversion error from bool to 'string'"},
    {"json.encode(schema.spec)", "error: type conversion error from map to '*structpb.Value'"},
    {"json.encode(schema.spec.tags)",
     "error: type conversion error from list to '*structpb.Value'"},
    {"json.encode(quantity('1'))",
     "error: type conversion error from 'Quantity' to '*structpb.Value'"},
    {"json.encode(double('NaN'))",
     "error: proto: google.protobuf.Value.number_value: invalid NaN value"},
    {"json.encode('<&>')", R"('"\\u003c\\u0026\\u003e"')"},
    // 4.9 Kubernetes' lists
    {"[2.0, 1.0].isSorted()", "false"},
    {"[].isSorted() && ['a'].isSorted()", "true"},
    {"[1, 3].sum()", "4"},
    {"[].sum()", "0"},
    {"[9223372036854775807, 1].sum()", "error: integer overflow"},
    {"[dyn(1), 'a'].sum()", "error: no such overload"},
    {"[3, 1, 2].max()", "3"},
    {"[].min()", "error: min called on empty list"},
    {"[].max()", "error: max called on empty list"},
    {"[1.0, double('NaN')].min()", "1.0"},
    {"string([double('NaN'), 1.0].min())", "'NaN'"},
    {"[1, 2, 2, 3].indexOf(2)", "1"},
    {"['a', 'b', 'b'].lastIndexOf('b')", "2"},
    {"[1].indexOf(2)", "-1"},
    // 4.10 regex and URL
    {"'abc 123'.find('[0-9]+')", "'123'"},
    {"'abc'.find('xyz')", "''"},
    {"'123 abc 456'.findAll('[0-9]*')", "['123', '', '', '', '', '456']"},
    {"'a1b2'.findAll('[0-9]', 1)", "['1']"},
    {"'a1'.findAll('[0-9]', 0)", "[]"},
    {"'a'.find('(')", "plan: error parsing regexp: missing closing ): `(`"},
    {"'a'.find(schema.spec.name + '(')", "error: Illegal regex: error parsing regexp"},
    {"url('relative')",
     "error: URL parse error during conversion from string: parse \"relative\": invalid URI for "
     "request"},
    {"isURL('/abs')", "true"},
    {"isURL('../rel')", "false"},
    {"isURL('a:b')", "true"},
    {"isURL('http://a b/')", "false"},
    {"url('HTTPS://Example.com').getScheme()", "'https'"},
    {"url('https://[::1]:80/').getHost()", "'[::1]:80'"},
    {"url('https://[::1]:80/').getHostname()", "'::1'"},
    {"url('https://[::1]:80/').getPort()", "'80'"},
    {"url('https://example.com/a b').getEscapedPath()", "'/a%20b'"},
    {"url('http://h/a/../b').getEscapedPath()", "'/a/../b'"},
    {"url('http://h/?k1=a&k2=b&k2=c&x=%zz&y+z=1').getQuery()",
     "{'k1': ['a'], 'k2': ['b', 'c'], 'y z': ['1']}"},
    {"url('http://h/p?q=1#frag').getEscapedPath()", "'/p'"},
    {"url('http://h#frag')", "error: URL parse error during conversion from string"},
    {"url('')", "error: URL parse error during conversion from string: parse \"\": empty url"},
    {"url('http://h') == url('http://h')", "true"},
    // 4.11 quantity
    {"['1.3Gi', '.5', '1.', '+1', '1n', 'Gi', '.'].all(q, isQuantity(q))", "true"},
    {"['200K', '1ki', '', '1,3G', '1 Gi'].exists(q, isQuantity(q))", "false"},
    {"quantity('1x')", "error: quantities must match the regular expression"},
    {"quantity('200K')", "error: unable to parse quantity's suffix"},
    {"quantity('50k').asInteger()", "50000"},
    {"quantity('1.5e3').asInteger()", "1500"},
    {"quantity('10Ti').isInteger()", "true"},
    {"['1.0', '1000m', '0.5Gi', '100Ti', '1Pi', '1234567890123456789'].exists(q, "
     "quantity(q).isInteger())",
     "false"},
    {"quantity('1.0').asInteger()", "error: cannot convert value to integer"},
    {"quantity('500m').asApproximateFloat()", "0.5"},
    {"quantity('1Gi').asApproximateFloat()", "1073741824.0"},
    {"sign(quantity('-5'))", "-1"},
    {"quantity('5').sign()", "check: found no matching overload for 'sign'"},
    {"quantity('50k').sub(20000) == quantity('30k')", "true"},
    {"quantity('50k').add(quantity('20k')) == quantity('70k')", "true"},
    {"quantity('200M').compareTo(quantity('0.2G'))", "0"},
    {"quantity('150Mi').isGreaterThan(quantity('100Mi'))", "true"},
    {"quantity('50M').isLessThan(quantity('100M'))", "true"},
    {"quantity('1') == quantity('1000m')", "true"},
    {"quantity('1') == quantity('1Ki')", "false"},
    {"quantity('0.1n') == quantity('1n')", "true"},
    // 4.12 addresses
    {"ip('127.0.0.256')",
     "error: IP Address \"127.0.0.256\" parse error during conversion from string: "
     "ParseAddr(\"127.0.0.256\"): IPv4 field has value >255"},
    {"ip('::ffff:1.2.3.4')", "error: IPv4-mapped IPv6 address \"::ffff:1.2.3.4\" is not allowed"},
    {"ip('fe80::1%eth0')", "error: IP address \"fe80::1%eth0\" with zone value is not allowed"},
    {"isIP('1.2.3') || isIP('01.2.3.4')", "false"},
    {"ip.isCanonical('2001:DB8::ABCD')", "false"},
    {"ip('127.0.0.1').family()", "4"},
    {"ip('::1').family()", "6"},
    {"ip('0.0.0.0').isUnspecified() && ip('127.1.2.3').isLoopback() && "
     "ip('224.0.0.1').isLinkLocalMulticast() && "
     "ip('169.254.1.1').isLinkLocalUnicast() && ip('10.0.0.1').isGlobalUnicast()",
     "true"},
    {"ip('255.255.255.255').isGlobalUnicast()", "false"},
    {"string(ip('2001:DB8::0:1'))", "'2001:db8::1'"},
    {"cidr('192.168.0.0')", "error: network address parse error during conversion from string: "},
    {"isCIDR('::1/129')", "false"},
    {"cidr('192.168.0.0/24').containsIP('192.168.1.1')", "false"},
    {"cidr('192.168.0.0/24').containsIP(ip('192.168.0.1'))", "true"},
    {"cidr('10.0.0.0/8').containsIP('bad')", "error: no such overload"},
    {"cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", "true"},
    {"cidr('10.0.0.0/8').containsCIDR('bad')", "error: network address parse error"},
    {"string(cidr('192.168.0.1/24').ip())", "'192.168.0.1'"},
    {"string(cidr('192.168.0.1/24').masked())", "'192.168.0.0/24'"},
    {"cidr('192.168.0.1/24').prefixLength()", "24"},
    {"string(cidr('192.168.0.1/24'))", "'192.168.0.1/24'"},
    {"cidr('192.168.0.1/24') == cidr('192.168.0.0/24')", "false"},
    // 4.13 versions
    {"isSemver('v1.0.0')", "false"},
    {"semver('1')", "error: No Major.Minor.Patch elements found"},
    {"semver('v1.0.0')", "error: Invalid character(s) found in major number \"v1\""},
    {"semver('01.0.0')", "error: Major number must not contain leading zeroes \"01\""},
    {"semver('')", "error: Version string empty"},
    {"semver('1.0.0-')", "error: Prerelease is empty"},
    {"semver('1.0.0+')", "error: Build meta data is empty"},
    {"semver('1.0.0-01')",
     "error: Numeric PreRelease version must not contain leading zeroes \"01\""},
    {"[semver('1.2.3').major(), semver('1.2.3').minor(), semver('1.2.3').patch()]", "[1, 2, 3]"},
    {"semver('1.0.0-alpha').isLessThan(semver('1.0.0'))", "true"},
    {"semver('1.0.0+a') == semver('1.0.0+b')", "true"},
    // 4.14 kro's own
    {"random.seededString(6, 'abc')", "'r6qfjs'"},
    {"random.seededString(12, 'abc')", "'r6qfjs5dr6qf'"},
    {"random.seededString(10, 'test-seed')", "'5czheg3o5c'"},
    {"random.seededString(0, 'a')", "error: random.seededString length must be positive"},
    {"random.seededInt(0, 100, 'abc')", "74"},
    {"random.seededInt(0, 100, 'test-seed')", "56"},
    {"random.seededInt(-100, -50, 'seed')", "-58"},
    {"random.seededInt(1, 1, 'a')", "error: random.seededInt min must be less than max"},
    {"{'a': 1}.merge({'a': 2, 'b': 3})", "{'a': 2, 'b': 3}"},
    {"{'a': 1}.merge({'a': 'x'})", "check: found no matching overload for 'merge'"},
    {"{'a': 1}.merge(schema)", "check: found no matching overload for 'merge'"},
    {"{'a': 1}.merge(dyn(1))", "error: no such overload: merge(map, int)"},
    {"{'a': {'x': 1}}.deepMerge({'a': {'y': 2}})", "{'a': {'x': 1, 'y': 2}}"},
    {"{'a': [1, 2]}.deepMerge({'a': [3]})", "{'a': [3]}"},
    {"{'a': 1}.deepMerge([1])", "error: no such overload"},
    {"json.unmarshal('{\"n\": 3}').n", "3.0"},
    {"json.unmarshal('{\"n\": 1, \"n\": 2}').n", "2.0"},
    {"json.unmarshal('{\"n\": 3}').n + 1", "error: no such overload"},
    {"json.unmarshal('{')",
     "error: json.unmarshal failed to parse JSON: unexpected end of JSON input"},
    {"json.marshal({'b': 1, 'a': [1.5, true, null, 'x']})",
     "'{\"a\":[1.5,true,null,\"x\"],\"b\":1}'"},
    {"json.marshal(1e21) + json.marshal(1e20)", "'1e+21100000000000000000000'"},
    {"json.marshal(double('NaN'))",
     "error: json.marshal failed to encode value: json: unsupported value: NaN"},
    {"json.marshal(quantity('1'))",
     "error: json.marshal failed to convert value: unsupported type: kubernetes.Quantity"},
    {"json.marshal([1u, b'a'])", "'[1,\"YQ==\"]'"},
    {"json.marshal(omit())", "'{}'"},
    {"'%x'.format([hash.md5('abc')])", "'900150983cd24fb0d6963f7d28e17f72'"},
    {"'%x'.format([hash.fnv64a('abc')])", "'e71fa2190541574b'"},
    {"'%x'.format([hash.fnv64a('')])", "'cbf29ce484222325'"},
    {"base64.encode(hash.sha256('abc'))", "'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"},
    {"hash.sha256(dyn(1))", "error: no such overload: hash.sha256(int)"},
    {"lists.setAtIndex(['a', 'b'], 0, 'z')", "['z', 'b']"},
    {"lists.setAtIndex([1, 2, 3], 3, 0)", "error: lists.setAtIndex: index 3 out of bounds [0, 3)"},
    {"lists.insertAtIndex(['a', 'b'], 1, 'z')", "['a', 'z', 'b']"},
    {"lists.insertAtIndex([1, 2, 3], 4, 0)",
     "error: lists.insertAtIndex: index 4 out of bounds [0, 3]"},
    {"lists.removeAtIndex(['a', 'b'], 1)", "['a']"},
    {"lists.removeAtIndex([], 0)", "error: lists.removeAtIndex: index 0 out of bounds [0, 0)"},
    {"1 == omit()", "false"},
    {"has(omit().x)", "false"},
    {"'a' + omit()", "error: no such overload"},
    {"[1, omit()]", "json: [1]"},
    {"{'a': omit(), 'b': [{'c': omit()}]}", "json: {\"b\":[{}]}"},
    // 4.15 conditions
    {"runtime.newCondition({type: 'X', status: 'True'}).status", "'True'"},
    {"runtime.newCondition(1)", "parse: runtime.newCondition: argument must be a map literal"},
    {"runtime.newCondition({'type': 'X', status: 'True'})",
     "parse: runtime.newCondition: keys must be bare identifiers"},
    {"runtime.newCondition({type: 'X', status: 'True', extra: ''})",
     "parse: runtime.newCondition: unknown key \"extra\" (allowed: type, status, reason, message)"},
    {"runtime.newCondition({type: 'X', type: 'Y', status: 'True'})",
     "parse: runtime.newCondition: duplicate key \"type\""},
    {"runtime.newCondition({status: 'True'})", "parse: runtime.newCondition: 'type' is required"},
    {"runtime.newCondition({type: 'X'})", "parse: runtime.newCondition: 'status' is required"},
    {"runtime.newCondition({type: 'X', status: schema.spec.name})",
     "error: runtime.newCondition: status must be one of True, False, Unknown (got \"foo\")"},
    {"runtime.newCondition({type: schema.spec.name.substring(3), status: 'True'})",
     "error: runtime.newCondition: type must not be empty"},
    {"runtime.newCondition({type: 'X', status: dyn(true)})",
     "error: runtime.newCondition: status must be a string, got bool"},
    {"runtime.condition({'status': {'conditions': [{'type': 'A', 'status': 'True', 'reason': "
     "'r'}]}}, 'A').reason",
     "'r'"},
    {"runtime.condition({}, 'Ready').status", "''"},
    {"runtime.condition(1, 'A')", "error: runtime.condition: obj must be an object, got int"},
    {"runtime.condition({'status': 1}, 'A')",
     "error: runtime.condition: obj.status must be an object"},
    {"runtime.condition({'status': {'conditions': 1}}, 'A')",
     "error: runtime.condition: obj.status.conditions must be a list"},
    {"runtime.condition({'status': {'conditions': [1]}}, 'A')",
     "error: runtime.condition: unexpected condition element type int"},
    {"runtime.newCondition({type: 'X', status: 'True'}).nope", "check: undefined field 'nope'"},
};
INSTANTIATE_TEST_SUITE_P(Libraries, Spec, testing::ValuesIn(kLibraries));

// ---- 5. Schemas, JSON to CEL, CEL to JSON ----------------------------------------------------

const Case kData5[] = {
    // 5.1 types
    {"schema.spec.port", "type: dyn"},
    {"schema.spec.tags", "type: list(string)"},
    {"schema.spec.values", "type: map(string, int)"},
    {"schema.spec.nested", "type: __type_schema.spec.nested"},
    {"schema.spec.ports", "type: list(__type_schema.spec.ports.@idx)"},
    {"schema.spec.raw.anything", "type: dyn"},
    {"schema.spec.data", "type: bytes"},
    {"schema.spec.time", "type: google.protobuf.Duration"},
    {"schema.spec.date", "type: google.protobuf.Timestamp"},
    {"schema.spec.since", "type: google.protobuf.Timestamp"},
    {"schema.spec.ratio", "type: double"},
    {"schema.spec.any", "check: undefined field 'any'"},
    {"schema.spec.my__dash__field", "'m'"},
    {"schema.spec.__namespace__", "'n'"},
    // 5.2 native
    {"schema.spec.raw.deep.x", "[dyn(1), 2.5]"},
    // 5.3 wrapped
    {"schema.spec.empty", "error: no such key: empty"},
    {"has(schema.spec.empty)", "false"},
    {"schema.spec.?empty", "optional.none()"},
    {"schema.spec.missing", "error: no such key: missing"},
    {"schema.spec.broken.a", "error: invalid data, got null for schema with nullable=false"},
    {"has(schema.spec.broken.a)", "error: invalid data, got null for schema with nullable=false"},
    {"schema.spec.broken.size()", "1"},
    {"schema.spec.wrong", "error: invalid data, expected int, got string"},
    {"schema.spec.half", "error: invalid data, expected int, got non-integer float 1.5"},
    {"schema.spec.ratio", "2.0"},
    {"schema.spec.data", "b'hello'"},
    {"schema.spec.plus",
     "error: Invalid byte formatted string +/8=: illegal base64 data at input byte 0"},
    {"schema.spec.time", "duration('24h')"},
    {"schema.spec.iso", "duration('1h')"},
    {"schema.spec.date", "timestamp('2024-01-15T00:00:00Z')"},
    {"schema.spec.never", "timestamp(0)"},
    {"dyn(schema.spec)['my-field'] + dyn(schema.spec)['my__dash__field']", "'mm'"},
    {"schema.spec.nested.transformList(k, v, k)", "check: expression of type"},
    {"dyn(schema.spec.nested).map(k, k)", "['a', 'n']"},
    {"dyn(schema.spec).exists(k, k == 'my__dash__field')", "true"},
    {"schema.spec.tags[dyn(1u)]", "error: unsupported index: 1"},
    {"schema.spec.set == ['y', 'x']", "true"},
    {"['y', 'x'] == schema.spec.set", "false"},
    {"schema.spec.set + ['y', 'z']", "['x', 'y', 'z']"},
    {"schema.spec.ports == schema.spec.ports.reverse()", "true"},
    {"(schema.spec.ports + schema.spec.ports).size()", "2"},
    {"schema.spec.tags + ['r']", "['p', 'q', 'r']"},
    {"cel.bind(l, schema.spec.tags, [l + ['r'], l + ['s']])", "[['p', 'q', 'r'], ['p', 'q', 's']]"},
    // 5.4 CEL to JSON
    {"5u", "json: 5"},
    {"18446744073709551615u",
     "json: error: unsupported type: uint value 18446744073709551615 overflows int64; convert it "
     "explicitly, e.g. "
     "string(...)"},
    {"b'a'",
     "json: error: unsupported type: bytes value cannot be used directly in a resource template or "
     "status field; encode it "
     "explicitly, e.g. base64.encode(...)"},
    {"duration('1h')", "json: \"1h0m0s\""},
    {"[duration('45m'), duration('1.5s'), duration('1us'), duration('0s')]",
     "json: [\"45m0s\",\"1.5s\",\"1µs\",\"0s\"]"},
    {"schema.spec.since", "json: \"2024-01-15T10:30:45Z\""},
    {"timestamp('0001-01-01T00:00:00Z')", "json: null"},
    {"optional.none()", "json: null"},
    {"optional.of([optional.of(1)])", "json: [1]"},
    {"schema.spec.nested", "json: {\"a\":\"s\",\"n\":1}"},
    {"schema.spec.broken", "json: {\"a\":null}"},
    {"{1: 2}", "json: error: map key must be string, got int64"},
    {"{duration('1s'): 2}", "json: {\"1s\":2}"},
    {"omit()", "json: omitted"},
    {"quantity('1')", "json: error: unsupported type: kubernetes.Quantity"},
    {"[ip('::1')]", "json: error: unsupported type: net.IP"},
    {"type(1)", "json: error: unsupported type: type"},
    {"runtime.newCondition({type: 'X', status: 'True'})",
     "json: error: unsupported type: kro.run.Condition"},
};
INSTANTIATE_TEST_SUITE_P(Data, Spec, testing::ValuesIn(kData5));

// ---- 10. Traps -------------------------------------------------------------------------------
//
// By their numbers. Those of fields, of names and of what is done with results are tests elsewhere:
// spec_coverage.txt names them.

const Case kTraps[] = {
    {"1u + 1", "check: found no matching overload for '_+_' applied to '(uint, int)'"},  // 1
    {"[1].exists(x, true) || 1 < 2.0", "true"},                                          // 2
    {"!!1", "1"},                                                                        // 3
    {"type(schema.spec.replicas) == int", "plan: reference to undefined type: int"},     // 4
    {"[1, 2, 2].existsOne(x, x == 2)", "check: undeclared reference to 'existsOne'"},    // 5
    {"[0, 1].exists_one(x, 1 / x == 1)", "error: division by zero"},                     // 6
    {"{'a': 1, 'a': 2}", "{'a': 2}"},                                                    // 7
    {"{'a': 1, ?'a': optional.none()}", "{}"},                                           // 8
    {"{b'a': 1}.size()", "1"},                                                          // 9, mended
    {"{1.0: 'a'}[dyn(1)]", "error: no such key: 1"},                                    // 10
    {"0.0 / 0.0 < 1.0", "false"},                                                       // 11
    {"int(-9223372036854775808.0)", "error: integer overflow"},                         // 12
    {"string(1000000.0) + ' ' + '%s'.format([1000000.0])", "'1e+06 1000000'"},          // 13
    {"string(timestamp('2020-01-01T00:00:00+02:00'))", "'2020-01-01T00:00:00+02:00'"},  // 14
    {"schema.spec.since", "json: \"2024-01-15T10:30:45Z\""},                            // 15
    {"timestamp('0001-01-01T00:00:00Z')", "json: null"},                                // 16
    {"timestamp('2024-01-15t10:30:00z')", "error: type conversion error from 'string' to"},  // 17
    {"duration('1d')", "error: type conversion error"},                                      // 18
    {"schema.spec.time", "duration('24h')"},                                                 // 18
    {"[schema.spec.since.getMonth(), schema.spec.since.getDayOfMonth()]", "[0, 14]"},        // 19
    {"duration('90m').getMinutes()", "90"},                                                  // 20
    {"dyn(null).foo", "error: no such key: foo"},                                            // 21
    {"has(dyn([1]).foo)", "error: unsupported index type 'string' in list"},                 // 22
    {"has({}.a.b)", "error: no such key: a"},                                                // 23
    {"schema.spec.x == null", "check: found no matching overload"},                          // 24
    {"schema.spec.empty", "error: no such key: empty"},                                      // 25
    {"'a' in schema.spec.broken",
     "error: invalid data, got null for schema with nullable=false"},                   // 26
    {"schema.spec.`my-field`", "check: undefined field 'my-field'"},                    // 27
    {"schema.spec.?replicas > 2", "check: found no matching overload for '_>_'"},       // 31
    {"optional.ofNonZeroValue(schema.spec.?missing)", "optional.of(optional.none())"},  // 32
    {"optional.ofNonZeroValue(timestamp(0)).hasValue()", "true"},                       // 33
    {"schema.spec.plus", "error: Invalid byte formatted string"},                       // 38
    {"string(schema.spec.data)", "'hello'"},                                            // 39
    {"'port-' + schema.spec.replicas", "check: found no matching overload for '_+_'"},  // 40
    {"'port-' + schema.spec.port", "'port-http'"},                                      // 40
    {"'%d'.format([1.5])", "'1.5'"},                                                    // 43
    {"'%s'.format([1, 2].map(x, dyn(x)))", "'1'"},                                      // 44
    {"'tacocat'.lastIndexOf('a', 7)", "-1"},                                            // 45
    {"[1, 2].flatten()", "check: found no matching overload for 'flatten'"},            // 46
    {"[1, [2]].flatten()", "[1, 2]"},                                                   // 46
    {"[].sort()", "type: list(int)"},                                                   // 47
    {"quantity('1Pi').isInteger()", "false"},                                           // 48
    {"quantity('70k') == quantity('50k').add(quantity('20k'))", "true"},         // 49, mended
    {"quantity('50k').sign()", "check: found no matching overload for 'sign'"},  // 50
    {"cidr('10.0.0.0/8').containsIP('bad')", "error: no such overload"},         // 51
    {"semver('v1.0', true)", "check: found no matching overload for 'semver'"},  // 52
    {"random.seededString(64, 's').split('').distinct().size() <= 8", "true"},   // 53
    {"json.unmarshal('{\"a\":1}').a + 1", "error: no such overload"},            // 54
    {"json.encode(9007199254740993) + json.marshal(9007199254740993)",
     "'\"9007199254740993\"9007199254740993'"},                                   // 55
    {"1 == omit()", "false"},                                                     // 56
    {"omit() == 1", "error: omit() is a field-removal sentinel"},                 // 56
    {"[dyn(schema.spec.name), omit()].size()", "2"},                              // 57
    {"schema.spec.ports == schema.spec.ports.reverse()", "true"},                 // 58
    {"{'x': 1}.deepMerge(schema.spec)", "json: error: unsupported type: error"},  // 59
    {"{'x': 1}.deepMerge(schema.spec).my__dash__field", "'m'"},                   // 59
    {"'a'.find('(')", "plan: error parsing regexp"},                              // 60
    {"'a'.matches('(')", "error: error parsing regexp"},                          // 60
    {"json.encode(schema.spec.tags)", "error: type conversion error from list"},  // 66
    {"json.marshal(schema.spec.tags)", "'[\"p\",\"q\"]'"},                        // 66
    {"'%s'.format([schema.spec.nested])", "check: error during formatting"},      // 67
    {"[duration('1s'), null]", "type: list(null_type)"},                          // 68
    {".schema.spec.name", "'foo'"},                                   // 69: refused by inspection
    {"dyn(ip('::1')) != '::1'", "true"},                              // 70
    {"dyn({1.0: 'a'}) == dyn({1: 'a'})", "true"},                     // 71
    {"dyn(9007199254740993) == 9007199254740992.0", "true"},          // 72
    {"isQuantity('Gi') && isQuantity('.')", "true"},                  // 74
    {"{null: 1}[null]", "plan: invalid qualifier type: types.Null"},  // 75
};
INSTANTIATE_TEST_SUITE_P(Traps, Spec, testing::ValuesIn(kTraps));

// ---- 8. Retry or fail ------------------------------------------------------------------------

TEST(SpecErrors, ArePendingByTheirWords) {
  for (const char* text : {"no such key: a", "no such field 'a'", "no such attribute(s): a",
                           "index out of bounds: 5"}) {
    EXPECT_EQ(ClassOf(text), ErrorCode::kPending) << text;
  }
  for (const char* text :
       {"integer overflow", "no such overload", "optional.none() dereference",
        "index out of range: 8", "lists.setAtIndex: index 3 out of bounds [0, 3)",
        "division by zero", "invalid data, expected int, got string"}) {
    EXPECT_EQ(ClassOf(text), ErrorCode::kInvalid) << text;
  }
  // Trap 61: the words count wherever they stand.
  EXPECT_EQ(ClassOf("eval \"'no such key' + string(1 / 0)\": division by zero"),
            ErrorCode::kPending);
}

}  // namespace
}  // namespace kro::cel
