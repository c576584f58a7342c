#include "schema/simpleschema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "support/conformance.h"

namespace kro::schema {
namespace {

// Cases with a status need expressions to be typed, which the graph compiler does and checks.
bool NeedsExpressions(const json::Value& entry) { return json::Find(entry, "status") != nullptr; }

// `required` lists no name twice here; upstream's may.
json::Value Deduplicated(json::Value schema) {
  auto* object = schema.if_object();
  if (object == nullptr) return schema;
  if (auto* required = object->if_contains("required"); required && required->is_array()) {
    json::Array names;
    for (const auto& name : required->as_array()) {
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    *required = std::move(names);
  }
  for (const auto* key : {"items", "additionalProperties"}) {
    if (auto* child = object->if_contains(key)) *child = Deduplicated(std::move(*child));
  }
  if (auto* properties = object->if_contains("properties"); properties && properties->is_object()) {
    for (auto& property : properties->as_object()) {
      property.value() = Deduplicated(std::move(property.value()));
    }
  }
  return schema;
}

std::string Normal(const json::Value& schema) {
  return json::Canonical(conformance::PlainNumbers(Deduplicated(schema)));
}

// Whether upstream's schema gives a boolean a number as default, which the API server refuses. Here it
// becomes the boolean that was meant.
bool IsMended(const json::Value& schema) {
  const auto* object = schema.if_object();
  if (object == nullptr) return false;
  if (json::FindString(schema, {"type"}) == "boolean") {
    const auto* value = object->if_contains("default");
    return value != nullptr && value->is_number();
  }
  return std::ranges::any_of(*object, [](const auto& member) { return IsMended(member.value()); });
}

void ExpectRecorded(const json::Value& entry) {
  ASSERT_EQ(json::FindString(entry, {"unreadable"}), "");
  const auto built = BuildSpecSchema(json::Find(entry, "spec"), json::Find(entry, "types"));
  const auto* schema = json::Find(entry, "schema");
  const bool unusable =
      json::Find(entry, "unserialisable") != nullptr || json::Find(entry, "panic") != nullptr;
  if (unusable || (schema != nullptr && IsMended(*schema))) {
    // Upstream's answer is of no use to anybody; ours is a schema or says what is wrong.
    EXPECT_TRUE(built || !built.error().empty());
    return;
  }
  if (schema != nullptr) {
    ASSERT_TRUE(built) << built.error()[0].compatible;
    EXPECT_EQ(Normal(*built), Normal(*schema));
    return;
  }
  json::Array errors;
  if (const auto* several = json::Find(entry, "errors")) errors = several->as_array();
  if (const auto* one = json::Find(entry, "error")) errors.push_back(*one);
  ASSERT_FALSE(built) << json::Canonical(errors);
  EXPECT_TRUE(std::ranges::find(errors, json::Value(built.error()[0].compatible)) != errors.end())
      << built.error()[0].compatible << "\n  not in " << json::Canonical(errors);
}

TEST(SimpleSchemaConformance, AgreesWithUpstream) {
  conformance::Tally tally("simpleschema", "test/conformance/definition_differences.txt");
  for (const auto& entry : conformance::ReadCases("conformance/simpleschema.json")) {
    if (NeedsExpressions(entry)) continue;
    tally.Run(std::string(json::FindString(entry, {"id"})), [&] { ExpectRecorded(entry); });
  }
}

json::Parsed<json::Value> Build(std::string_view spec, std::string_view types = "{}") {
  const auto spec_value = json::Parse(spec);
  const auto types_value = json::Parse(types);
  return BuildSpecSchema(&*spec_value, &*types_value);
}

std::string DefaultOf(std::string_view field) {
  const auto built = Build(json::Serialize(json::Object{{"f", field}}));
  if (!built) return built.error()[0].message;
  return json::Canonical(built->at("properties").at("f").at("default"));
}

// What upstream accepts and can never store.
TEST(SimpleSchema, MendsDefaultsThatWouldNotBeJson) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"(string | default="say \"x\"")", R"("say \"x\"")"},
      {R"(string | default="end\\")", R"("end\\")"},
      {"integer | default=+5", "5"},
      {"integer | default=-007", "-7"},
      {"float | default=.5", "0.5"},
      {"float | default=0x1p-2", "0.25"},
      {"boolean | default=T", "true"},
      {"boolean | default=1", "true"},
      {"float | default=Inf", "default value must be a valid number, got: Inf"},
      {"[]string | default=[a, b]", "default value must be valid JSON, got: [a, b]"},
      {"object | default={a: 1}", "default value must be valid JSON, got: {a: 1}"},
  };
  for (const auto& [field, expected] : cases) EXPECT_EQ(DefaultOf(field), expected) << field;
}

TEST(SimpleSchema, ALoneQuoteIsAnUnclosedQuote) {
  const auto built = Build(R"({"f":"string | description=\""})");
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error()[0].message, "unclosed quote");
}

TEST(SimpleSchema, ReportsEveryFaultWithItsPlace) {
  const auto built = Build(R"({"a":"int","o":{"b":"string | minLength=x"},"c":4})");
  ASSERT_FALSE(built);
  const Diagnostics& errors = built.error();
  ASSERT_EQ(errors.size(), 3U);
  // What cannot be read at all comes first.
  EXPECT_EQ(errors[0].code, "KRO103");
  EXPECT_EQ(errors[0].where.path, "spec.schema.spec.c");
  EXPECT_EQ(errors[1].code, "KRO301");
  EXPECT_EQ(errors[1].hint, "did you mean 'integer'?");
  EXPECT_EQ(errors[2].code, "KRO302");
  EXPECT_EQ(errors[2].where.path, "spec.schema.spec.o.b");
  EXPECT_EQ(errors[2].where.span, (Span{9, 20}));
  EXPECT_EQ(errors[2].compatible,
            "field o: field b: failed to parse minLength value: strconv.ParseInt: parsing \"x\": "
            "invalid syntax");
}

TEST(SimpleSchema, TypesThatExplodeAreRefused) {
  std::string types = "{\"T0\":{\"a\":\"string\"}";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "T" + std::to_string(i - 1);
    types += ",\"T" + std::to_string(i) + "\":{\"a\":\"" + below + "\",\"b\":\"" + below + "\"}";
  }
  const auto built = Build(R"({"f":"T39"})", types + "}");
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().size(), 1U);
}

TEST(SimpleSchema, PatternsThatGrowTooLargeAreRefused) {
  const auto with = [](int fields) {
    json::Object spec;
    for (int i = 0; i < fields; ++i) {
      spec[fmt::format("f{}", i)] = fmt::format("string | pattern=\"(a{{1,50}}){{1,20}}{}\"", i);
    }
    return Build(json::Serialize(spec));
  };
  EXPECT_TRUE(with(50));
  const auto built = with(1'500);
  ASSERT_FALSE(built);
  ASSERT_EQ(built.error().size(), 1U);
  EXPECT_EQ(built.error()[0].message, "the patterns of this definition are too large");
}

json::Value FaultySchema(std::string_view spec, std::string_view types) {
  const auto spec_value = json::Parse(spec);
  const auto types_value = json::Parse(types);
  return BuildFaultySpecSchema(&*spec_value, &*types_value).schema;
}

TEST(SimpleSchema, OfAFaultySpecTheRestIsKnown) {
  EXPECT_EQ(
      json::Canonical(FaultySchema(
          R"({"a":"strin","b":"string | minLength=x","c":{"d":5,"e":"integer"},"l":"[]T","u":"U | default=1"})",
          R"({"T":{"x":"string","y":"nope"},"U":"[]V","V":"map[string]U"})")),
      R"({"properties":{"a":{"type":"x-kro-faulty"},"b":{"type":"string"},)"
      R"("c":{"properties":{"d":{"type":"x-kro-faulty"},"e":{"type":"integer"}},"type":"object"},)"
      R"("l":{"items":{"properties":{"x":{"type":"string"},"y":{"type":"x-kro-faulty"}},"type":"object"},"type":"array"},"u":{"type":"x-kro-faulty"}},"type":"object"})");
  EXPECT_TRUE(FaultySchema("5", "{}").is_null());
}

TEST(SimpleSchema, EveryCycleOfTypesIsReportedOnce) {
  const auto built = Build(
      "{}",
      R"({"A":"B","B":"A","C":{"d":"D","a":"A"},"D":"[]E","E":"D","F":"F","G":{"f":"F","a":"A"}})");
  ASSERT_FALSE(built);
  std::vector<std::string> messages;
  for (const Diagnostic& fault : built.error()) messages.push_back(fault.message);
  EXPECT_THAT(messages, testing::ElementsAre(
                            "self references are not allowed",
                            "cyclic dependency in type A: graph contains a cycle: A -> B -> A",
                            "cyclic dependency in type D: graph contains a cycle: D -> E -> D"));
}

}  // namespace
}  // namespace kro::schema
