// Schemas as they are met in the wild: each one loads, and what it does not say is dyn or is not declared.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cel/type.h"
#include "json/yaml.h"
#include "schema/cel_schema.h"
#include "schema/openapi.h"

namespace kro::schema {
namespace {

struct Odd {
  std::string_view name;
  std::string_view property;  // the schema of `p`, as a CRD has it
  std::string_view type;      // of `p` for expressions; empty: it is not declared
};

const Odd kOdd[] = {
    // missing type
    {"no type at all", "{}", ""},
    {"no type but properties", "{properties: {a: {type: string}}}", ""},
    {"no type but an enum", "{enum: [a, b]}", ""},
    {"no type but a description", "{description: text}", ""},
    {"items without type", "{type: array, items: {}}", ""},
    {"a list without items", "{type: array}", ""},
    {"a type that there is not", "{type: quantity}", ""},
    {"a list of types", "{type: [string, 'null']}", "string"},
    {"a type that is no word", "{type: 7}", ""},
    // int-or-string
    {"int-or-string, the marker alone", "{x-kubernetes-int-or-string: true}", "dyn"},
    {"int-or-string with anyOf",
     "{x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}", "dyn"},
    {"int-or-string within allOf",
     "{x-kubernetes-int-or-string: true, allOf: [{anyOf: [{type: integer}, {type: string}]}, "
     "{pattern: a}]}",
     "dyn"},
    {"int-or-string as a format", "{type: string, format: int-or-string}", "dyn"},
    {"a list of int-or-string", "{type: array, items: {x-kubernetes-int-or-string: true}}",
     "list(dyn)"},
    // preserve-unknown
    {"preserve-unknown alone", "{x-kubernetes-preserve-unknown-fields: true}", ""},
    {"preserve-unknown object", "{type: object, x-kubernetes-preserve-unknown-fields: true}",
     "object"},
    {"preserve-unknown with properties",
     "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}",
     "object"},
    {"preserve-unknown in a list",
     "{type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}}",
     "list(object)"},
    {"embedded resource",
     "{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: "
     "true}",
     "object"},
    // untyped maps
    {"a map of anything", "{type: object, additionalProperties: true}", "object"},
    {"a map of what has no type", "{type: object, additionalProperties: {}}", "map(string, dyn)"},
    {"a map of what is preserved",
     "{type: object, additionalProperties: {x-kubernetes-preserve-unknown-fields: true}}",
     "map(string, dyn)"},
    {"a map of maps",
     "{type: object, additionalProperties: {type: object, additionalProperties: {type: string}}}",
     "map(string, map(string, string))"},
    {"no further properties",
     "{type: object, additionalProperties: false, properties: {a: {type: string}}}", "object"},
    {"additionalProperties that is no schema", "{type: object, additionalProperties: 7}", "object"},
    {"an object without anything", "{type: object}", "object"},
    // combinators
    {"allOf of constraints", "{type: string, allOf: [{pattern: a}, {minLength: 1}]}", "string"},
    {"allOf alone", "{allOf: [{type: string}]}", ""},
    {"anyOf of types", "{anyOf: [{type: integer}, {type: string}]}", ""},
    {"oneOf of required members",
     "{type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, "
     "{required: [b]}]}",
     "object"},
    {"not", "{type: string, not: {pattern: a}}", "string"},
    {"combinators that are no lists", "{type: string, anyOf: {a: b}, oneOf: 7}", "string"},
    // references
    {"a reference that leads nowhere", "{$ref: '#/components/schemas/nowhere'}", ""},
    {"a property called $ref", "{type: object, properties: {$ref: {type: string}}}", "object"},
    // the rest
    {"nullable", "{type: string, nullable: true}", "string"},
    {"bytes", "{type: string, format: byte}", "bytes"},
    {"a date", "{type: string, format: date}", "timestamp"},
    {"a duration", "{type: string, format: duration}", "duration"},
    {"a format that there is not", "{type: string, format: blue}", "string"},
    {"int32", "{type: integer, format: int32}", "int"},
    {"double", "{type: number, format: double}", "double"},
    {"a list type that there is not",
     "{type: array, items: {type: string}, x-kubernetes-list-type: bag}", "list(string)"},
    {"names that are no identifiers",
     "{type: object, properties: {a.b/c: {type: string}, 1st: {type: string}, namespace: {type: "
     "string}, 'ü': {type: string}}}",
     "object"},
    {"properties that are no map", "{type: object, properties: [a, b]}", "object"},
    {"required that is no list", "{type: object, required: true}", "object"},
    {"a schema that is true", "true", ""},
    {"a schema that is a word", "string", ""},
};

// "object" for whatever an object type is called.
std::string TypeText(const std::optional<cel::Field>& field) {
  return field && field->slot >= 0 ? field->type.ToAuthor() : "";
}

TEST(HardSchemas, ACrdWithAnyOfThemLoads) {
  for (const Odd& odd : kOdd) {
    SCOPED_TRACE(odd.name);
    const auto property = json::ParseYamlDocument(odd.property);
    ASSERT_TRUE(property) << odd.property;
    const json::Value crd = json::Object{
        {"spec",
         {{"group", "odd.example"},
          {"names", {{"kind", "Odd"}}},
          {"versions",
           json::Array{{{"name", "v1"},
                        {"served", true},
                        {"schema",
                         {{"openAPIV3Schema",
                           {{"type", "object"},
                            {"properties",
                             {{"p", property->value}, {"sibling", {{"type", "string"}}}}}}}}}}}}}}};
    SchemaSet set;
    ASSERT_TRUE(set.AddCrd(crd));
    const Schema* kind = set.Find({"odd.example", "v1", "Odd"});
    ASSERT_NE(kind, nullptr);
    CelTypes types;
    const cel::Type type = types.Declare("odd", *kind);
    ASSERT_NE(type.schema(), nullptr);
    EXPECT_EQ(TypeText(type.schema()->FindField("p")), odd.type);
    EXPECT_EQ(TypeText(type.schema()->FindField("sibling")), "string")
        << "the rest of the kind is as it was";
    CelReadings readings;
    EXPECT_NE(readings.Of(*kind), nullptr);
  }
}

TEST(HardSchemas, ReferencesThatLeadBackAreCut) {
  const auto document = json::ParseYamlDocument(R"(
components:
  schemas:
    Tree:
      type: object
      x-kubernetes-group-version-kind: [{group: odd.example, version: v1, kind: Tree}]
      properties:
        leaf: {type: string}
        left: {$ref: '#/components/schemas/Tree'}
        many: {type: array, items: {allOf: [{$ref: '#/components/schemas/Tree'}]}}
        named: {type: object, additionalProperties: {$ref: '#/components/schemas/Other'}}
    Other:
      type: object
      properties: {back: {$ref: '#/components/schemas/Tree'}, self: {$ref: '#/components/schemas/Other'}}
)");
  ASSERT_TRUE(document);
  SchemaSet set;
  const auto tree = set.AddKind(document->value, {"odd.example", "v1", "Tree"});
  ASSERT_TRUE(tree);
  CelTypes types;
  const cel::Type type = types.Declare("tree", **tree);
  EXPECT_EQ(TypeText(type.schema()->FindField("leaf")), "string");
  EXPECT_EQ(TypeText(type.schema()->FindField("left")), "object");
  EXPECT_EQ(TypeText(type.schema()->FindField("many")), "list(object)");
  EXPECT_EQ(TypeText(type.schema()->FindField("named")), "map(string, object)");
  EXPECT_LT(set.size(), 50U);
}

TEST(HardSchemas, DepthAndWidthHaveAnEnd) {
  json::Value deep = json::Object{{"type", "string"}};
  for (int i = 0; i < 900; ++i)
    deep = json::Object{{"type", "object"}, {"properties", {{"p", std::move(deep)}}}};
  json::Object wide;
  for (int i = 0; i < 20'000; ++i) wide[fmt::format("p{}", i)] = json::Object{{"type", "string"}};
  for (const json::Value& schema :
       {deep, json::Value(json::Object{{"type", "object"}, {"properties", std::move(wide)}})}) {
    SchemaSet set;
    const Schema* loaded = set.Add(schema);
    ASSERT_NE(loaded, nullptr);
    CelTypes types;
    EXPECT_FALSE(types.Declare("x", *loaded).ToString().empty());
    CelReadings readings;
    EXPECT_NE(readings.Of(*loaded), nullptr);
  }
}

}  // namespace
}  // namespace kro::schema
