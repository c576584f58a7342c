// The rules by which an output meets a field (CEL spec section 6), row by row. The real engine's answers were
// recorded (expression_types_test.cc).
#include "schema/assignability.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cel/cel.h"
#include "schema/cel_schema.h"

namespace kro::schema {
namespace {

constexpr std::string_view kSchema = R"({"type": "object", "properties": {
  "one": {"type": "object", "properties": {"a": {"type": "string"}}},
  "two": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer"}}},
  "texts": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
  "wrong": {"type": "object", "properties": {"a": {"type": "integer"}}},
  "other": {"type": "object", "properties": {"zz": {"type": "string"}}},
  "none": {"type": "object", "properties": {}},
  "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
    "properties": {"a": {"type": "string"}}},
  "strings": {"type": "object", "additionalProperties": {"type": "string"}},
  "numbers": {"type": "object", "additionalProperties": {"type": "integer"}},
  "names": {"type": "array", "items": {"type": "string"}},
  "ints": {"type": "array", "items": {"type": "integer"}},
  "text": {"type": "string"}, "int": {"type": "integer"}, "double": {"type": "number"},
  "bytes": {"type": "string", "format": "byte"}, "at": {"type": "string", "format": "date-time"},
  "for": {"type": "string", "format": "duration"},
  "port": {"x-kubernetes-int-or-string": true}}})";

struct Case {
  std::string_view field;   // of kSchema: what is expected
  std::string_view output;  // an expression
  std::string_view detail;  // empty: it may be written
};

const Case kCases[] = {
    // 2: dyn on either side
    {"port", "'any'", ""},
    {"port", "[1]", ""},
    {"int", "dyn('a')", ""},
    {"two", "dyn(1)", ""},
    // 3: optional values
    {"text", "optional.of('a')", ""},
    {"text", "optional.of(1)", R"(type kind mismatch: got "int", expected "string")"},
    {"two", "schema.?two", ""},
    // 4: a map for an object
    {"two", "{'a': 'x'}",
     R"(map value incompatible with struct field "n": type kind mismatch: got "string", expected "int")"},
    {"two", "{'a': 'x', 'n': 1}", ""},
    {"two", "{}", "map keys must be strings to assign to struct"},
    {"none", "{}", "map keys must be strings to assign to struct"},
    {"none", "{'a': 1}", ""},
    {"two", "{1: 'a'}", "map keys must be strings to assign to struct"},
    {"texts", "{'a': 'x'}", ""},
    // 5: an object for a map
    {"strings", "schema.texts", ""},
    {"strings", "schema.two",
     R"(struct field "n" incompatible with map value type: type kind mismatch: got "int", expected "string")"},
    {"strings", "quantity('1')", ""},
    {"strings", "url('http://a')", ""},
    {"strings", "semver('1.0.0')", ""},
    {"strings", "runtime.newCondition({type: 'A', status: 'True'})", ""},
    // 6: lists
    {"names", "['a']", ""},
    {"names", "[1]",
     R"(list element type incompatible: type kind mismatch: got "int", expected "string")"},
    {"names", "[dyn(1)]", ""},
    {"names", "[]", ""},
    {"names", "{'a': 1}", ""},
    {"ints", "type(1)", ""},
    {"names", "'a'", "list parameter count mismatch: got 0, expected 1"},
    // 7: maps
    {"strings", "{'a': 'x'}", ""},
    {"strings", "{}", ""},
    {"strings", "{1: 'x'}",
     R"(map key type incompatible: type kind mismatch: got "int", expected "string")"},
    {"strings", "{'a': 1}",
     R"(map value type incompatible: type kind mismatch: got "int", expected "string")"},
    {"strings", "['a']", "map parameter count mismatch: got 1, expected 2"},
    {"numbers", "schema.numbers", ""},
    // 8: objects
    {"two", "schema.two", ""},
    {"two", "schema.one", ""},
    {"two", "schema.other", R"(field "zz" exists in output but not in expected type)"},
    {"two", "schema.wrong",
     R"(field "a" has incompatible type: type kind mismatch: got "int", expected "string")"},
    {"open", "schema.other", ""},
    {"two", "schema.none", ""},
    {"two", "'text'", ""},
    {"two", "1", ""},
    {"two", "[1]", ""},
    {"two", "null", ""},
    {"two", "quantity('1')", ""},
    // 9: kinds
    {"text", "'a'", ""},
    {"double", "1", R"(type kind mismatch: got "int", expected "double")"},
    {"int", "1u", R"(type kind mismatch: got "uint", expected "int")"},
    {"int", "1.0", R"(type kind mismatch: got "double", expected "int")"},
    {"text", "null", R"(type kind mismatch: got "null_type", expected "string")"},
    {"bytes", "'a'", R"(type kind mismatch: got "string", expected "bytes")"},
    {"bytes", "b'a'", ""},
    {"at", "'2020-01-01T00:00:00Z'",
     R"(type kind mismatch: got "string", expected "google.protobuf.Timestamp")"},
    {"at", "null", R"(type kind mismatch: got "null_type", expected "google.protobuf.Timestamp")"},
    {"for", "null", R"(type kind mismatch: got "null_type", expected "google.protobuf.Duration")"},
    {"at", "timestamp(0)", ""},
};

class AssignabilityRow : public testing::TestWithParam<Case> {};

TEST_P(AssignabilityRow, IsDecided) {
  SchemaSet set;
  CelTypes types;
  cel::Environment environment = cel::Environment::Kro();
  environment.AddVariable("schema", types.Declare("schema", *set.Add(*json::Parse(kSchema))));
  const auto expected = cel::Compile(environment, "schema.`" + std::string(GetParam().field) + "`");
  ASSERT_TRUE(expected) << Render(expected.error()[0]);
  const auto output = cel::Compile(environment, GetParam().output);
  ASSERT_TRUE(output) << Render(output.error()[0]);
  EXPECT_EQ(WhyNotAssignable(output->type(), expected->type()).value_or(""), GetParam().detail)
      << GetParam().output << " for " << GetParam().field;
}

INSTANTIATE_TEST_SUITE_P(Spec, AssignabilityRow, testing::ValuesIn(kCases));

}  // namespace
}  // namespace kro::schema
