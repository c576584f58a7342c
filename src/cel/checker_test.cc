#include "cel/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cel/cel.h"
#include "json/value.h"

namespace kro::cel {
namespace {

constexpr std::string_view kSchema = R"({
  "type": "object",
  "properties": {
    "spec": {
      "type": "object",
      "properties": {
        "name": {"type": "string"},
        "replicas": {"type": "integer"},
        "log-level": {"type": "string"},
        "namespace": {"type": "string"},
        "port": {"x-kubernetes-int-or-string": true},
        "tags": {"type": "array", "items": {"type": "string"}},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "ports": {"type": "array", "items": {"type": "object",
          "properties": {"port": {"type": "integer"}}}},
        "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "raw": {"x-kubernetes-preserve-unknown-fields": true},
        "since": {"type": "string", "format": "date-time"}
      }}}})";

struct Fixture {
  Fixture() { environment.AddVariable("schema", types.Declare("schema", schema)); }

  std::expected<Ast, Diagnostics> Compile(std::string_view source) const {
    return cel::Compile(environment, source);
  }

  json::Value schema = json::Parse(kSchema).value();
  SchemaTypes types;
  Environment environment = Environment::Kro();
};

struct TypeCase {
  std::string source;
  std::string type;
};

class CheckerTypes : public testing::TestWithParam<TypeCase> {};

TEST_P(CheckerTypes, AreInferred) {
  Fixture fixture;
  auto ast = fixture.Compile(GetParam().source);
  ASSERT_TRUE(ast) << ast.error()[0].compatible;
  EXPECT_EQ(ast->type().ToString(), GetParam().type);
}

const TypeCase kTypes[] = {
    {"1 + 2", "int"},
    {"[1].map(x, x * 2)", "list(int)"},
    {"{'a': 1}", "map(string, int)"},
    {"[]", "list(dyn)"},
    {"[[], [1]]", "list(list(int))"},
    // aggregates join, other types become dyn
    {"[1, 2.0]", "list(dyn)"},
    {"[null, duration('1s')]", "list(google.protobuf.Duration)"},
    {"[duration('1s'), null]", "list(null_type)"},
    {"{1: 'a', 1u: 'b'}", "map(dyn, string)"},
    // the branches of a conditional unify
    {"true ? 1 : dyn('a')", "dyn"},
    {"true ? {} : schema.spec.env", "map(string, string)"},
    // dyn fits every overload
    {"dyn(1) + 2", "int"},
    {"dyn(1) + dyn('a')", "dyn"},
    // schemas
    {"schema", "__type_schema"},
    {"schema.spec.replicas", "int"},
    {"schema.spec.log__dash__level", "string"},
    {"schema.spec.namespace", "string"},
    {"schema.spec.port", "dyn"},
    {"schema.spec.ports", "list(__type_schema.spec.ports.@idx)"},
    {"schema.spec.ports.map(p, p.port)", "list(int)"},
    {"schema.spec.open.anything", "dyn"},
    {"schema.spec.since", "google.protobuf.Timestamp"},
    // optionals
    {"schema.spec.?name", "optional_type(string)"},
    {"schema.?spec.?name.orValue('x')", "string"},
    {"optional.of(1).optMap(x, x * 2)", "optional_type(int)"},
    // two variables
    {"[5].transformMap(i, v, string(v))", "map(int, string)"},
    {"{'a': 1}.transformList(k, v, k)", "list(string)"},
    // a namespaced function wins over a variable of that name
    {"cel.bind(hash, 1, hash.md5('x'))", "bytes"},
    // mixed comparisons are seen after a comprehension
    {"[1].exists(x, true) || 1 < 2.0", "bool"},
};

INSTANTIATE_TEST_SUITE_P(Checker, CheckerTypes, testing::ValuesIn(kTypes));

struct FaultCase {
  std::string source;
  std::string place_and_message;
};

class CheckerFaults : public testing::TestWithParam<FaultCase> {};

TEST_P(CheckerFaults, AreReportedInUpstreamsWords) {
  Fixture fixture;
  auto ast = fixture.Compile(GetParam().source);
  ASSERT_FALSE(ast);
  EXPECT_THAT(ast.error()[0].compatible,
              testing::StartsWith("ERROR: <input>:" + GetParam().place_and_message + "\n"));
}

const FaultCase kFaults[] = {
    {"nope", "1:1: undeclared reference to 'nope' (in container '')"},
    {"nope(1)", "1:5: undeclared reference to 'nope' (in container '')"},
    {"1 + 1.0", "1:3: found no matching overload for '_+_' applied to '(int, double)'"},
    {"'a'.charAt('b')",
     "1:11: found no matching overload for 'charAt' applied to 'string.(string)'"},
    {"true && 1", "1:9: expected type 'bool' but found 'int'"},
    {"schema.spec.raw", "1:12: undefined field 'raw'"},
    {"'a'.b", "1:4: type 'string' does not support field selection"},
    {"(1).map(x, x)",
     "1:2: expression of type 'int' cannot be range of a comprehension (must be list, map, or "
     "dynamic)"},
    {"url('http://a').host", "1:16: unexpected failed resolution of 'kubernetes.URL'"},
    {"[?1]", "1:3: expected type 'optional_type(int)' but found 'int'"},
    {"1 < 2.0 || [1].exists(x, true)",
     "1:3: found no matching overload for '_<_' applied to '(int, double)'"},
    {"'%d'.format(['a'])",
     "1:14: error during formatting: decimal clause can only be used on ints, uints, and doubles, "
     "was "
     "given string"},
};

INSTANTIATE_TEST_SUITE_P(Checker, CheckerFaults, testing::ValuesIn(kFaults));

TEST(Checker, SuggestsTheNameThatWasMeant) {
  Fixture fixture;
  auto variable = fixture.Compile("schem.spec");
  ASSERT_FALSE(variable);
  EXPECT_EQ(variable.error()[0].hint, "did you mean 'schema'?");

  auto field = fixture.Compile("schema.spec.replica");
  ASSERT_FALSE(field);
  EXPECT_EQ(field.error()[0].hint, "did you mean 'replicas'?");
}

TEST(Checker, ReportsSeveralFaultsInOrderOfPlace) {
  Fixture fixture;
  auto ast = fixture.Compile("[nope, 1 + 'a', other]");
  ASSERT_FALSE(ast);
  ASSERT_EQ(ast.error().size(), 3u);
  EXPECT_EQ(ast.error()[0].where.span->begin, 1u);
  EXPECT_EQ(ast.error()[1].where.span->begin, 9u);
}

TEST(Checker, NamesAnyAndWrappersInBothWays) {
  Environment environment = Environment::Kro();
  environment.AddVariable("any", Any());
  environment.AddVariable("wrapped", WrapperOf(Int()));
  EXPECT_EQ(Compile(environment, "any")->type().ToString(), "google.protobuf.Any");
  EXPECT_EQ(Compile(environment, "any.x")->type(), Dyn());
  EXPECT_THAT(Compile(environment, "sign(any, 1)").error()[0].compatible,
              testing::HasSubstr("applied to '(any, int)'"));
  EXPECT_EQ(Compile(environment, "wrapped + 1")->type(), Int());
  EXPECT_TRUE(Compile(environment, "wrapped == null"));
  EXPECT_THAT(Compile(environment, "wrapped + 'a'").error()[0].compatible,
              testing::HasSubstr("applied to '(wrapper(int), string)'"));
}

TEST(Checker, FindsVariablesInTheContainerFirst) {
  Environment environment = Environment::Standard();
  environment.dialect().container = "a.b";
  environment.AddVariable("x", String());
  environment.AddVariable("a.x", Int());
  EXPECT_EQ(Compile(environment, "x")->type(), Int());
  EXPECT_EQ(Compile(environment, ".x")->type(), String());
}

TEST(Checker, NotesWhereASelectedFieldStands) {
  Fixture fixture;
  auto ast = fixture.Compile("schema.spec.log__dash__level");
  ASSERT_TRUE(ast);
  EXPECT_EQ(ast->root->As<Select>().key, "log-level");
}

}  // namespace
}  // namespace kro::cel
