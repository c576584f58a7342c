#include "graph/template_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A kind with a property for every rule.
constexpr std::string_view kSchema = R"({"type": "object", "properties": {
  "text": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"},
  "flag": {"type": "boolean"},
  "list": {"type": "array", "items": {"type": "string"}},
  "bare": {"type": "array"},
  "ports": {"type": "array", "items": {"type": "object",
    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}},
  "labels": {"type": "object", "additionalProperties": {"type": "string"}},
  "loose": {"type": "object", "additionalProperties": true},
  "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
    "properties": {"count": {"type": "integer"}}},
  "untyped": {"x-kubernetes-preserve-unknown-fields": true},
  "ios": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
  "marker": {"x-kubernetes-int-or-string": true},
  "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
  "odd": {"type": "array", "items": {"type": "string"}, "anyOf": [{"required": ["a"]}]},
  "closed": {"additionalProperties": false}
}})";

json::Value Parse(std::string_view text) {
  auto value = json::Parse(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : json::Value();
}

// Every fault as upstream says it; of a value without faults its expressions as "path=text".
std::vector<std::string> Walk(std::string_view text) {
  std::vector<std::string> lines;
  schema::SchemaSet set;
  const Walked walked = WalkTyped(Parse(text), *set.Add(Parse(kSchema)));
  for (const Diagnostic& fault : walked.faults) lines.push_back(fault.compatible);
  if (!lines.empty()) return lines;
  for (const FieldExpression& field : walked.fields) {
    lines.push_back(field.path.ToString() + "=" + field.text.source);
  }
  return lines;
}

TEST(TemplateWalk, ChecksValuesByType) {
  const struct {
    std::string_view value;
    std::string_view fault;  // empty: accepted
  } cases[] = {
      // scalars
      {R"({"text": "x", "count": 1, "ratio": 2, "flag": true})", ""},
      {R"({"ratio": 1.5, "count": null, "list": null})", ""},
      {R"({"text": 1})", "expected string type for path text, got integer"},
      {R"({"count": "1"})", "expected integer type for path count, got string"},
      {R"({"count": 5.0})", ""},
      {R"({"count": 1.5})", "expected integer type for path count, got float64"},
      {R"({"count": 9223372036854775808})", "expected integer type for path count, got float64"},
      {R"({"flag": "true"})", "expected boolean type for path flag, got string"},
      {R"({"ratio": false})", "expected number type for path ratio, got boolean"},
      // lists
      {R"({"list": ["a", "b"]})", ""},
      {R"({"list": ["a", 1]})", "expected string type for path list[1], got integer"},
      {R"({"list": "a"})", "expected array type for path list, got string"},
      {R"({"text": []})", "expected string type for path text, got array"},
      {R"({"bare": []})",
       "invalid array schema for path bare: neither Items.Schema nor Properties are defined"},
      // objects
      {R"({"labels": {"a.b/c": "x"}})", ""},
      {R"({"labels": {"a.b/c": 1}})",
       "expected string type for path labels[\"a.b/c\"], got integer"},
      {R"({"count": {}})", "expected integer type for path count, got object"},
      {R"({"nope": 1})",
       "error getting field schema for path .nope: schema not found for field nope"},
      {R"({"ports": [{"a.b": 1}]})",
       "error getting field schema for path ports[0].a.b: schema not found for field a.b"},
      {R"({"loose": {"k": "v"}})",
       "schema at path loose.k has no valid type, OneOf, AnyOf, or AdditionalProperties"},
      // unions
      {R"({"ios": 1})", ""},
      {R"({"ios": "80%"})", ""},
      {R"({"ios": true})", "expected string or integer type for path ios, got boolean"},
      {R"({"marker": 1})",
       "schema at path marker has no valid type, OneOf, AnyOf, or AdditionalProperties"},
      {R"({"quantity": 1.5})", ""},
      {R"({"quantity": true})", "expected string or number type for path quantity, got boolean"},
      // a composite goes before the type
      {R"({"odd": ["x"]})", "expected object type for path odd, got array"},
      {R"({"closed": 1})", "unknown schema type"},
      // whatever a schema keeps unread is not read here either
      {R"({"free": {"count": "x", "a": [{"b": 1}]}, "untyped": [1, "x"]})", ""},
  };
  for (const auto& test : cases) {
    const auto lines = Walk(test.value);
    if (test.fault.empty()) {
      EXPECT_THAT(lines, IsEmpty()) << test.value;
    } else {
      EXPECT_THAT(lines, ElementsAre(std::string(test.fault))) << test.value;
    }
  }
}

TEST(TemplateWalk, FindsExpressionsInByteOrderOfKeys) {
  EXPECT_THAT(Walk(R"({"text": "a-${x}", "count": "${y}", "ports": "${z}", "list": ["${u}", "v"],
                       "free": {"b": {"c": ["${w}"]}}, "labels": {"a.b": "${v}"}})"),
              ElementsAre("count=${y}", "free.b.c[0]=${w}", "labels[\"a.b\"]=${v}", "list[0]=${u}",
                          "ports=${z}", "text=a-${x}"));
}

TEST(TemplateWalk, RefusesTextAroundAnExpressionWhereNoStringFits) {
  EXPECT_THAT(Walk(R"({"count": "${x}0"})"),
              ElementsAre("expected integer type for path count, got string"));
  EXPECT_THAT(Walk(R"({"text": "${f(${x})}"})"),
              ElementsAre("nested expressions are not allowed unless inside string literals"));
}

TEST(TemplateWalk, ReportsEveryFaultWithPlaceAndHint) {
  schema::SchemaSet set;
  const Walked walked = WalkTyped(Parse(R"({"ports": [{"name": 80, "prt": 80}], "coun": 1})"),
                                  *set.Add(Parse(kSchema)));
  std::vector<std::string> lines;
  for (const Diagnostic& fault : walked.faults) {
    lines.push_back(fault.code + " " + fault.where.path + ": " + fault.message + "; " + fault.hint);
  }
  EXPECT_THAT(lines,
              ElementsAre("KRO602 coun: unknown field 'coun'; did you mean 'count'?",
                          "KRO604 ports[0].name: expected string, got integer; put it in quotes",
                          "KRO602 ports[0].prt: unknown field 'prt'; did you mean 'port'?"));
}

TEST(TemplateWalk, WithoutTypesTellsExpressionsFromPlainValues) {
  const Walked walked = WalkUntyped(
      Parse(R"({"b": "${x}", "a": {"c": 1, "d": [null, "t", "${y}${z}"]}, "e": {}, "f": []})"));
  EXPECT_THAT(walked.faults, IsEmpty());
  ASSERT_EQ(walked.fields.size(), 2u);
  EXPECT_EQ(walked.fields[0].path.ToString(), "a.d[2]");
  EXPECT_EQ(walked.fields[1].path.ToString(), "b");
  std::vector<std::string> plain;
  for (const auto& path : walked.plain) plain.push_back(path.ToString());
  EXPECT_THAT(plain, ElementsAre("a.c", "a.d[0]", "a.d[1]"));
}

TEST(TemplateWalk, RefusesValuesThatNestTooDeep) {
  json::Value value = "x";
  for (int i = 0; i < json::kMaxDepth + 10; ++i) value = json::Array{std::move(value)};
  EXPECT_FALSE(WalkUntyped(value).faults.empty());
}

}  // namespace
}  // namespace kro::graph
