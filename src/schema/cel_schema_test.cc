#include "schema/cel_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cel/schema_types.h"
#include "support/conformance.h"

namespace kro::schema {
namespace {

// The schema with its references replaced as upstream replaces them.
json::Value Inline(const json::Value& schema, const json::Value& components,
                   std::set<std::string>& open) {
  if (schema.is_array()) {
    json::Array items;
    for (const auto& item : schema.get_array()) items.push_back(Inline(item, components, open));
    return items;
  }
  if (!schema.is_object()) return schema;
  const json::Value* reference = json::Find(schema, "$ref");
  if (const auto* all_of = json::Find(schema, "allOf"); reference == nullptr && all_of != nullptr) {
    reference = json::Find(all_of->at(0), "$ref");
  }
  if (reference != nullptr && reference->is_string()) {
    const std::string name(reference->get_string().subview(reference->get_string().rfind('/') + 1));
    if (!open.insert(name).second) return json::Object{{"type", "object"}};
    json::Value inlined = Inline(*json::Find(components, name), components, open);
    open.erase(name);
    return inlined;
  }
  json::Object object;
  for (const auto& member : schema.get_object()) {
    object[member.key()] = Inline(member.value(), components, open);
  }
  return object;
}

int compared = 0;

void ExpectSame(const cel::Type& compact, const cel::Type& text) {
  ++compared;
  ASSERT_EQ(compact.ToString(), text.ToString());
  for (std::size_t i = 0; i < text.parameters().size(); ++i) {
    ExpectSame(compact.parameter(i), text.parameter(i));
  }
  if (text.schema() == nullptr) return;
  EXPECT_EQ(compact.schema()->preserves_unknown(), text.schema()->preserves_unknown());
  std::set<std::string> declared;
  for (const auto& name : text.schema()->FieldNames()) {
    const auto wanted = text.schema()->FindField(name);
    const auto field = compact.schema()->FindField(name);
    ASSERT_EQ(field.has_value(), wanted.has_value()) << text.ToString() << " " << name;
    if (!wanted) continue;
    if (wanted->slot >= 0) declared.insert(name);
    EXPECT_EQ(field->key, wanted->key);
    ExpectSame(field->type, wanted->type);
  }
  const auto names = compact.schema()->FieldNames();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), declared);
}

void ExpectSameReading(const cel::Schema* compact, const cel::Schema* text, int depth = 0) {
  ASSERT_EQ(compact == nullptr, text == nullptr);
  if (text == nullptr || depth > 60) return;
  ASSERT_EQ(compact->reading, text->reading);
  EXPECT_EQ(compact->nullable, text->nullable);
  EXPECT_EQ(compact->list_kind, text->list_kind);
  EXPECT_EQ(compact->list_keys, text->list_keys);
  EXPECT_EQ(compact->problem, text->problem);
  ASSERT_EQ(compact->properties.size(), text->properties.size());
  for (const auto& property : compact->properties) {
    EXPECT_FALSE(property.escaped.empty());
    ExpectSameReading(property.schema, text->FindProperty(property.name), depth + 1);
  }
  ExpectSameReading(compact->element, text->element, depth + 1);
}

TEST(CelSchema, GivesTheTypesAndReadingsOfTheTextForEveryKindOfTheRecordedCluster) {
  SchemaSet set;
  CelTypes compact_types;
  CelReadings readings;
  int kinds = 0;
  for (const auto& document : conformance::ReadCases("conformance/fixtures/openapi.json")) {
    const auto* components = json::Find(document, {"components", "schemas"});
    if (components == nullptr) continue;
    for (const auto& component : components->as_object()) {
      const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
      if (gvks == nullptr) continue;
      const auto& first = gvks->at(0);
      const api::Gvk gvk{std::string(json::FindString(first, {"group"})),
                         std::string(json::FindString(first, {"version"})),
                         std::string(json::FindString(first, {"kind"}))};
      const auto schema = set.AddKind(document, gvk);
      ASSERT_TRUE(schema) << gvk.ToString();
      std::set<std::string> open{std::string(component.key())};
      const json::Value text = Inline(component.value(), *components, open);
      cel::SchemaTypes text_types;
      ExpectSame(compact_types.Declare("x", **schema), text_types.Declare("x", text));
      ExpectSame(compact_types.DeclareList("x", **schema), text_types.DeclareList("x", text));
      const auto tree = cel::SchemaTree::Read(text);
      ASSERT_TRUE(tree) << tree.error().message();
      ExpectSameReading(readings.Of(**schema), (*tree)->root());
      ExpectSameReading(readings.ListOf(readings.Of(**schema)), (*tree)->list_of_root());
      ++kinds;
    }
  }
  EXPECT_GT(kinds, 20);
  EXPECT_GT(compared, 1000);
  RecordProperty("types_compared", compared);
}

constexpr std::string_view kOddities = R"({"type": "object", "properties": {
  "log-level": {"type": "string"}, "namespace": {"type": "string"}, "if": {"type": "integer"},
  "e__f": {"type": "string"}, "9lives": {"type": "string"}, "a b": {"type": "string"},
  "several": {"type": ["string", "null"]}, "quant": {"oneOf": [{"type": "string"}, {"type": "number"}]},
  "bare": {"description": "none"}, "anyList": {"type": "array"}, "when": {"type": "string", "format": "date"},
  "rawMap": {"type": "object", "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true}},
  "open": {"type": "object", "additionalProperties": true},
  "half": {"type": "object", "properties": {"q": {"type": "string"}}, "x-kubernetes-preserve-unknown-fields": true},
  "tpl": {"type": "object", "x-kubernetes-embedded-resource": true, "properties": {"metadata": {"type": "object", "properties": {"x": {"type": "string"}}}}},
  "zones": {"type": "array", "x-kubernetes-list-type": "set", "nullable": true, "items": {"type": "string"}},
  "port": {"x-kubernetes-int-or-string": true}}})";

TEST(CelSchema, GivesTheTypesAndReadingsOfTheTextForOddSchemas) {
  const json::Value text = *json::Parse(kOddities);
  SchemaSet set;
  const Schema* schema = set.Add(text);
  CelTypes compact_types;
  cel::SchemaTypes text_types;
  const cel::Type compact = compact_types.Declare("x", *schema);
  ExpectSame(compact, text_types.Declare("x", text));
  CelReadings readings;
  ExpectSameReading(readings.Of(*schema), (*cel::SchemaTree::Read(text))->root());
  // A reserved word may be written plainly, an escaped name may not.
  EXPECT_TRUE(compact.schema()->FindField("namespace"));
  EXPECT_FALSE(compact.schema()->FindField("log-level"));
}

TEST(CelReadings, AreMadeOnceForAComponentUsedTwice) {
  SchemaSet set;
  const Schema* schema = set.Add(*json::Parse(R"({"type": "array", "items": {"type": "string"}})"));
  CelReadings readings;
  EXPECT_EQ(readings.Of(*schema), readings.Of(*schema));
  EXPECT_EQ(readings.ListOf(readings.Of(*schema))->element, readings.Of(*schema));
}

TEST(CelReadings, ReadOnlyWhatIsLookedAt) {
  SchemaSet set;
  const Schema* schema = set.Add(*json::Parse(R"({"type": "object", "properties": {
    "a": {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "integer"}}},
    "b": {"type": "string"},
    "m": {"type": "object", "additionalProperties": {"type": "integer"}}}})"));
  CelReadings readings;
  const json::FieldPath paths[] = {json::FieldPath::Parse("a.y").value(),
                                   json::FieldPath::Parse("gone").value(),
                                   json::FieldPath::Parse("m.k").value()};
  const cel::Schema* pruned = readings.Of(*schema, paths);
  ASSERT_EQ(pruned->properties.size(), 2U);
  EXPECT_EQ(pruned->properties[0].name, "a");
  ASSERT_EQ(pruned->properties[0].schema->properties.size(), 1U);
  EXPECT_EQ(pruned->properties[0].schema->properties[0].name, "y");
  EXPECT_EQ(pruned->properties[1].schema->reading, cel::Reading::kMap);
  const json::FieldPath all[] = {json::FieldPath()};
  EXPECT_EQ(readings.Of(*schema, all), readings.Of(*schema));
}

TEST(FieldNames, OfVeryManyFieldsThoseNextToAMisspellingAreItsCandidates) {
  json::Object properties;
  for (int i = 0; i < 5'000; ++i)
    properties[fmt::format("f{:04}", i)] = json::Object{{"type", "string"}};
  SchemaSet set;
  CelTypes types;
  const auto* schema =
      types.Declare("a", *set.Add(json::Object{{"type", "object"}, {"properties", properties}}))
          .schema();
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->FieldNames().size(), 5'000U);
  const auto near = schema->FieldNamesLike("f2500x");
  EXPECT_EQ(near.size(), 256U);
  EXPECT_NE(std::ranges::find(near, "f2500"), near.end());
  EXPECT_EQ(schema->FieldNamesLike("a").size(), 128U);
  EXPECT_EQ(schema->FieldNamesLike("z").size(), 128U);
}

}  // namespace
}  // namespace kro::schema
