// The tables of spec api-and-simpleschema that concern schemas, and its traps, row by row: the examples
// of SimpleSchema (2.11), what it refuses (2.9, 2.11), the CRD (3.3 to 3.5), breaking changes (4.2, 4.3).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "json/yaml.h"
#include "schema/compatibility.h"
#include "schema/crd_synthesis.h"
#include "schema/simpleschema.h"

namespace kro::schema {
namespace {

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document) << text;
  return document ? std::move(document->value) : json::Value();
}

// The schema of a spec and types written in YAML, or the first fault's text.
std::string Built(std::string_view spec, std::string_view types = "{}") {
  const json::Value fields = Yaml(spec);
  const json::Value names = Yaml(types);
  const auto schema = BuildSpecSchema(&fields, &names);
  return schema ? json::Canonical(*schema) : schema.error()[0].compatible;
}

// Of the only field, `f`.
std::string Field(std::string_view field, std::string_view types = "{}") {
  const json::Value fields = json::Object{{"f", field}};
  const json::Value names = Yaml(types);
  const auto schema = BuildSpecSchema(&fields, &names);
  return schema ? json::Canonical(schema->at("properties").at("f")) : schema.error()[0].compatible;
}

TEST(SpecTables, SimpleSchemaExamples) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) +
                     "/src/schema/testdata/simpleschema_examples.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('{')) continue;
    const auto row = json::Parse(line);
    ASSERT_TRUE(row) << line;
    SCOPED_TRACE(
        fmt::format("{} {}", json::FindString(*row, {"row"}), json::FindString(*row, {"about"})));
    const auto schema = BuildSpecSchema(json::Find(*row, "spec"), json::Find(*row, "types"));
    ASSERT_TRUE(schema) << schema.error()[0].compatible;
    EXPECT_EQ(json::Canonical(*schema), json::Canonical(row->at("out")));
    ++rows;
  }
  EXPECT_EQ(rows, 42);
}

struct Row {
  std::string_view name;
  std::string_view field;
  std::string_view outcome;  // the field's schema, or the text after "field f: "
};

void ExpectRows(const std::vector<Row>& rows, std::string_view types = "{}") {
  for (const Row& row : rows) {
    const bool accepted = row.outcome.starts_with('{');
    EXPECT_EQ(Field(row.field, types), accepted ? json::Canonical(Yaml(row.outcome))
                                                : fmt::format("field f: {}", row.outcome))
        << row.name << ": " << row.field;
  }
}

TEST(SpecTables, TypesAndTheirOpenApiForm) {
  ExpectRows(
      {{"2.3 string", "string", "{type: string}"},
       {"2.3 integer", "integer", "{type: integer}"},
       {"2.3 boolean", "boolean", "{type: boolean}"},
       {"2.3 float", "float", "{type: number}"},
       {"2.3 object", "object", "{type: object, x-kubernetes-preserve-unknown-fields: true}"},
       {"2.3 list", "[]string", "{type: array, items: {type: string}}"},
       {"2.3 map", "map[string]integer", "{type: object, additionalProperties: {type: integer}}"},
       {"2.3 custom name", "T", "{type: object, properties: {a: {type: string}}}"}},
      "{T: {a: string}}");
  EXPECT_EQ(Built("{o: {}}"), R"({"properties":{"o":{"type":"object"}},"type":"object"})")
      << "2.3 inline struct";
}

TEST(SpecTables, Markers) {
  ExpectRows({
      {"2.6 description", "string | description=\"a b\"", "{type: string, description: a b}"},
      {"2.6 minimum, maximum", "integer | minimum=0 maximum=9",
       "{type: integer, minimum: 0, maximum: 9}"},
      {"2.6 enum, the last one counts", "string | enum=\"a,b\" enum=\"c\"",
       "{type: string, enum: [c]}"},
      {"2.6 pattern", "string | pattern=\"^a|b$\"", "{type: string, pattern: '^a|b$'}"},
      {"2.6 pattern with a named group", "string | pattern=\"(?<n>a)[(?<]\"",
       "{type: string, pattern: '(?<n>a)[(?<]'}"},
      {"2.6 minimum with underscores", "integer | minimum=1_000", "{type: integer, minimum: 1000}"},
      {"2.6 minLength, maxLength", "string | minLength=0 maxLength=2",
       "{type: string, minLength: 0, maxLength: 2}"},
      {"2.6 minItems, maxItems", "[]string | minItems=0 maxItems=2",
       "{type: array, items: {type: string}, minItems: 0, maxItems: 2}"},
      {"2.6 uniqueItems", "[]string | uniqueItems=true",
       "{type: array, items: {type: string}, x-kubernetes-list-type: set}"},
      {"2.6 listType", "[]string | listType=atomic",
       "{type: array, items: {type: string}, x-kubernetes-list-type: atomic}"},
      {"2.6 listMapKey before listType", "[]object | listMapKey=a listType=map",
       "{type: array, items: {type: object, x-kubernetes-preserve-unknown-fields: true}, "
       "x-kubernetes-list-type: map, "
       "x-kubernetes-list-map-keys: [a]}"},
      {"2.6 immutable", "string | immutable=T",
       "{type: string, x-kubernetes-validations: [{rule: self == oldSelf, message: field is "
       "immutable}]}"},
      {"2.6 validation", "string | validation=\"self != ''\"",
       "{type: string, x-kubernetes-validations: [{rule: \"self != ''\", message: validation "
       "failed}]}"},
  });
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_NE(Built(fmt::format("{{f: string | required={}}}", yes)).find("\"required\":[\"f\"]"),
              std::string::npos)
        << yes;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_EQ(Built(fmt::format("{{f: string | required={}}}", no)).find("required"),
              std::string::npos)
        << no;
  }
}

TEST(SpecTables, Defaults) {
  ExpectRows(
      {{"2.7 string", "string | default=\"a\\\"b\"", "{type: string, default: 'a\"b'}"},
       {"2.7 string with an escape", "string | default=\"a\\nb\"",
        "{type: string, default: \"a\\nb\"}"},
       {"2.7 integer", "integer | default=-5", "{type: integer, default: -5}"},
       {"2.7 integer, not canonical", "integer | default=+5", "{type: integer, default: 5}"},
       {"2.7 float", "float | default=.5", "{type: number, default: 0.5}"},
       {"2.7 boolean", "boolean | default=TRUE", "{type: boolean, default: true}"},
       {"2.7 everything else", "[]integer | default=[1, 2]",
        "{type: array, items: {type: integer}, default: [1, 2]}"},
       {"2.7 no JSON", "object | default={a}", "default value must be valid JSON, got: {a}"}});
}

TEST(SpecTables, WhatIsRefused) {
  ExpectRows({
      {"2.9 empty type part", "", "empty type"},
      {"2.9 [] without element", "[]", "empty slice element type"},
      {"2.9 map[ not followed by string]", "map[int]string", "map key must be string"},
      {"2.9 a blank in map[ string]", "map[ string]string", "map key must be string"},
      {"2.9 map[string] without value", "map[string]", "map value type is required"},
      {"2.9 too deep", "[][][][][][][][][][][][][][][][][]string",
       "type nesting too deep (max 16): \"string\""},
      {"2.9 unresolvable name", "int", "unknown type: int"},
      {"2.11 map [string]", "map [string]string", "unknown type: map [string]string"},
      {"2.9 required", "string | required=yes",
       "failed to parse required marker value: strconv.ParseBool: parsing \"yes\": invalid syntax"},
      {"2.9 default integer", "integer | default=3.14",
       "default value must be a valid integer, got: 3.14"},
      {"2.9 default number", "float | default=x", "default value must be a valid number, got: x"},
      {"2.9 default boolean", "boolean | default=yes",
       "default value must be a valid boolean, got: yes"},
      {"2.9 minimum", "integer | minimum=x",
       "failed to parse minimum enum value: strconv.ParseFloat: parsing \"x\": invalid syntax"},
      {"2.9 minimum, underscores", "integer | minimum=1__0",
       "failed to parse minimum enum value: strconv.ParseFloat: parsing \"1__0\": invalid syntax"},
      {"2.9 minLength out of range", "string | minLength=99999999999999999999x",
       "failed to parse minLength value: strconv.ParseInt: parsing \"99999999999999999999x\": "
       "value out of range"},
      {"2.9 pattern of any byte", "string | pattern=\"a\\C\"",
       "invalid pattern regex: error parsing regexp: invalid escape sequence: `\\C`"},
      {"2.9 maximum", "integer | maximum=x",
       "failed to parse maximum enum value: strconv.ParseFloat: parsing \"x\": invalid syntax"},
      {"2.9 blank validation", "string | validation=\" \"", "validation failed"},
      {"2.9 immutable", "string | immutable=on",
       "failed to parse immutable marker value: strconv.ParseBool: parsing \"on\": invalid syntax"},
      {"2.9 enum empty item", "string | enum=\"a,,b\"", "empty enum values are not allowed"},
      {"2.9 enum bad integer", "integer | enum=\"1,x\"",
       "failed to parse integer enum value: strconv.ParseInt: parsing \"x\": invalid syntax"},
      {"2.9 enum wrong type", "float | enum=\"1.5\"",
       "enum values only supported for string and integer types, got type: number"},
      {"2.9 minLength wrong type", "integer | minLength=1",
       "minLength marker is only valid for string types, got type: integer"},
      {"2.9 maxLength bad number", "string | maxLength=x",
       "failed to parse maxLength value: strconv.ParseInt: parsing \"x\": invalid syntax"},
      {"2.9 pattern empty", "string | pattern=\"\"", "pattern marker value cannot be empty"},
      {"2.9 pattern wrong type", "integer | pattern=a",
       "pattern marker is only valid for string types, got type: integer"},
      {"2.9 uniqueItems bad", "[]string | uniqueItems=x",
       "failed to parse uniqueItems marker value: strconv.ParseBool: parsing \"x\": invalid "
       "syntax"},
      {"2.9 uniqueItems wrong type", "string | uniqueItems=true",
       "uniqueItems marker is only valid for array types, got type: string"},
      {"2.9 uniqueItems conflict", "[]string | listType=map uniqueItems=true",
       "cannot set unique when listType is set to map"},
      {"2.9 minItems wrong type", "string | minItems=1",
       "minItems marker is only valid for array types, got type: string"},
      {"2.9 maxItems bad", "[]string | maxItems=x",
       "failed to parse maxItems value: strconv.ParseInt: parsing \"x\": invalid syntax"},
      {"2.9 listType wrong type", "string | listType=set",
       "listType marker only applies to array types"},
      {"2.9 listType value", "[]string | listType=x",
       "unsupported value for listType x, needs to be one of atomic, set, or map"},
      {"2.9 listType conflict", "[]string | uniqueItems=true listType=map",
       "listType attempting to overwrite set type of set, this can happen if you set contradictory "
       "markers like "
       "unique=true | listType=map"},
      {"2.9 listMapKey wrong type", "string | listMapKey=a",
       "listMapKey marker only applies to array types"},
      {"2.9 listMapKey duplicate", "[]object | listType=map listMapKey=a listMapKey=a",
       "duplicate listMapKey marker, value a"},
      {"2.9 list keys without map", "[]object | listMapKey=a",
       "listMapKey set while listType is unset, listType must be set to map"},
      {"2.9 list keys with set", "[]object | listType=set listMapKey=a",
       "listMapKey set while listType is set to set, listType must be set to map"},
      // 2.5, the scanner
      {"2.5 empty key", "string | =a", "empty marker key"},
      {"2.5 unknown key", "string | Required=true",
       "invalid marker key \"Required\": unknown marker: Required"},
      {"2.5 key without =", "string | optional description=\"x\"",
       "invalid marker key \"optionaldescription\": unknown marker: optionaldescription"},
      {"2.5 another |", "string | description=\"a\" | required=true",
       "invalid marker key \"|required\": unknown marker: |required"},
      {"2.5 blanks around =", "string | required = true", "marker key 'true' without a value"},
      {"2.5 nothing behind |", "string |", "marker key '' without a value"},
      {"2.5 trailing blank", "string | required=true ", "marker key '' without a value"},
      {"2.5 unclosed quote", "string | default=\"a", "unclosed quote"},
      {"2.5 unclosed bracket", "string | default={a", "unclosed bracket/brace"},
      {"2.5 unmatched bracket", "string | default=a]", "unmatched closing bracket/brace"},
  });
  EXPECT_TRUE(Field("string | pattern=\"(\"").starts_with("field f: invalid pattern regex: "))
      << "2.9 pattern bad";
  EXPECT_EQ(Built("{f: 1}"), "field f: unexpected type: int64") << "2.9 value is not string/object";
  EXPECT_EQ(Built("{f: 1.5}"), "field f: unexpected type: float64");
  EXPECT_EQ(Built("{f: true}"), "field f: unexpected type: bool");
  EXPECT_EQ(Built("{f: null}"), "field f: unexpected type: <nil>");
  EXPECT_EQ(Built("{f: [a]}"), "field f: unexpected type: []interface {}");
  EXPECT_EQ(Built("{o: {x: int}}"), "field o: field x: unknown type: int") << "2.11";
  // 2.4
  EXPECT_EQ(Built("{}", "{A: B, B: A}"),
            "cyclic dependency in type A: graph contains a cycle: A -> B -> A");
  EXPECT_EQ(Built("{}", "{A: {x: A}}"), "self references are not allowed");
  EXPECT_EQ(Built("{}", "{A: Missing}"), "node Missing does not exist");
}

TEST(SpecTables, TrapsOfSimpleSchema) {
  ExpectRows(
      {
          {"trap 1", "string | pattern=\"^(a|b)$\"", "{type: string, pattern: '^(a|b)$'}"},
          {"trap 2", "integer | default=1 ", "marker key '' without a value"},
          {"trap 2, without markers", "integer ", "{type: integer}"},
          {"trap 3", "integer | min imum=3", "{type: integer, minimum: 3}"},
          {"trap 4", "string | default=\"C:\\\\temp\"", "{type: string, default: \"C:\\temp\"}"},
          {"trap 5", "boolean | default=1", "{type: boolean, default: true}"},
          {"trap 9", "string", "{type: string}"},
          {"trap 11", "[]L | uniqueItems=true",
           "{type: array, items: {type: object, properties: {a: {type: string}}}, "
           "x-kubernetes-list-type: set}"},
      },
      "{L: {a: string}, string: integer}");
  EXPECT_EQ(Built("{q: 'Name | required=false'}", "{Name: string | required=true}"),
            R"({"properties":{"q":{"type":"string"}},"required":["q"],"type":"object"})")
      << "trap 6";
  EXPECT_EQ(Built("{q: '[]Name'}", "{Name: string | required=true}"),
            R"({"properties":{"q":{"items":{"type":"string"},"type":"array"}},"type":"object"})")
      << "trap 6";
  EXPECT_EQ(Built("{q: 'Name | required=true required=true'}", "{Name: string | required=true}"),
            R"({"properties":{"q":{"type":"string"}},"required":["q"],"type":"object"})")
      << "trap 7";
  EXPECT_EQ(
      Built("{s: string | required=true default=x}"),
      R"({"properties":{"s":{"default":"x","type":"string"}},"required":["s"],"type":"object"})")
      << "trap 8";
  EXPECT_EQ(Built("{}", "{A: Missing}"), "node Missing does not exist") << "trap 10";
  EXPECT_EQ(
      Built("{ps: '[]P'}", "{P: {id: string | immutable=true}}"),
      R"({"properties":{"ps":{"items":{"properties":{"id":{"type":"string","x-kubernetes-validations":[)"
      R"({"message":"field is immutable","rule":"self == oldSelf"}]}},"type":"object"},"type":"array"}},)"
      R"("type":"object"})")
      << "trap 12: it is the API server that refuses it";
}

api::RgdSchema Web() {
  api::RgdSchema schema;
  schema.kind = "WebApp";
  schema.api_version = "v1alpha1";
  return schema;
}

json::Value CrdOf(const api::RgdSchema& schema, std::string_view fields = "{a: string}") {
  const json::Value spec = Yaml(fields);
  return SynthesizeCrd(schema, BuildSpecSchema(&spec, nullptr).value(), StatusSchema(nullptr));
}

TEST(SpecTables, NamesColumnsAndPartsOfTheCrd) {
  api::RgdSchema schema = Web();
  schema.short_names = {"wa"};
  schema.categories = {"all"};
  schema.labels = {{"team", "a"}};
  schema.annotations = {{"note", "b"}};
  const json::Value crd = CrdOf(schema);
  const json::Value expected = Yaml(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: webapps.kro.run, labels: {team: a}, annotations: {note: b}}
spec:
  group: kro.run
  names: {kind: WebApp, listKind: WebAppList, plural: webapps, singular: webapp, shortNames: [wa], categories: [all]}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: State, type: string, priority: 0, jsonPath: .status.state, description: The state of a ResourceGraphDefinition instance}
    - {name: Ready, type: string, priority: 0, jsonPath: '.status.conditions[?(@.type=="Ready")].status', description: Whether a ResourceGraphDefinition instance is ready}
    - {name: Age, type: date, priority: 0, jsonPath: .metadata.creationTimestamp, description: Age of the resource}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          spec: {type: object, properties: {a: {type: string}}}
          status:
            type: object
            properties:
              state: {type: string}
              conditions:
                type: array
                items:
                  type: object
                  properties:
                    type: {type: string}
                    status: {type: string}
                    reason: {type: string}
                    message: {type: string}
                    lastTransitionTime: {type: string}
                    observedGeneration: {type: integer}
)");
  // A priority of 0 is not written.
  json::Value plain = expected;
  for (auto& column :
       plain.at("spec").at("versions").at(0).at("additionalPrinterColumns").as_array()) {
    column.as_object().erase("priority");
  }
  EXPECT_EQ(json::Canonical(crd), json::Canonical(plain)) << "3.1, 3.3, 3.4, 3.5";

  schema.printer_columns = {{.name = "A", .type = "string", .json_path = ".spec.a"}};
  const json::Value own = CrdOf(schema);
  EXPECT_EQ(own.at("spec").at("versions").at(0).at("additionalPrinterColumns").as_array().size(),
            1U)
      << "3.4";
  schema.scope = api::Scope::kCluster;
  EXPECT_EQ(json::FindString(CrdOf(schema), {"spec", "scope"}), "Cluster") << "3.3";
}

TEST(SpecTables, TrapsOfNamesAndColumns) {
  const auto name = [](std::string_view kind) {
    api::RgdSchema schema = Web();
    schema.kind = kind;
    return CrdName(schema);
  };
  EXPECT_EQ(name("Redis"), "redis.kro.run") << "trap 13";
  EXPECT_EQ(name("Repo"), "repoes.kro.run") << "trap 13";
  EXPECT_EQ(name("Widget"), name("Widgets")) << "trap 14";
  EXPECT_EQ(name("Datum"), name("Data")) << "trap 14";
  EXPECT_EQ(name("DataBase"), name("Database")) << "trap 14";

  // Trap 15: what no report looks at is written all the same.
  const json::Value live = CrdOf(Web(), "{a: 'map[string]string', b: '[]string', c: string}");
  api::RgdSchema columns = Web();
  columns.printer_columns = {{.name = "A", .type = "string", .json_path = ".spec.a"}};
  api::RgdSchema labelled = Web();
  labelled.labels = {{"team", "a"}};
  constexpr std::string_view kSame = "{a: 'map[string]string', b: '[]string', c: string}";
  const std::pair<std::string_view, json::Value> edits[] = {
      {"columns", CrdOf(columns, kSame)},
      {"labels", CrdOf(labelled, kSame)},
      {"immutable",
       CrdOf(Web(), "{a: 'map[string]string', b: '[]string', c: string | immutable=true}")},
      {"validation", CrdOf(Web(),
                           "{a: 'map[string]string', b: '[]string', c: 'string | "
                           "validation=\"self.size() > 2\"'}")},
      {"list type",
       CrdOf(Web(), "{a: 'map[string]string', b: '[]string | listType=set', c: string}")},
      {"map values", CrdOf(Web(), "{a: 'map[string]integer', b: '[]string', c: string}")},
      {"an enum",
       CrdOf(Web(), "{a: 'map[string]string', b: '[]string', c: 'string | enum=\"a,b\"'}")},
  };
  for (const auto& [what, desired] : edits) {
    EXPECT_NE(json::Canonical(MakeCrdPatch(live, desired)), "{}") << "trap 15: " << what;
  }
  // Trap 17: labels of others stay, also those that the author gave before.
  EXPECT_EQ(json::Canonical(MakeCrdPatch(CrdOf(labelled, kSame), live)), "{}");
  // Trap 33: the author's `state` keeps its schema.
  const json::Value inferred = Yaml("{type: object, properties: {state: {type: integer}}}");
  EXPECT_EQ(json::FindString(StatusSchema(&inferred), {"properties", "state", "type"}), "integer");
}

struct Change {
  std::string_view name;
  std::string_view before;  // of the property `p`
  std::string_view after;
  std::string_view breaking;  // codes, blank-separated
  std::string_view harmless;
  std::string_view text;  // of the first change
};

TEST(SpecTables, BreakingChanges) {
  const Change changes[] = {
      {"description", "{type: string, description: a}", "{type: string, description: b}", "",
       "DESCRIPTION_CHANGED", "Description field was changed from a to b"},
      {"default added", "{type: integer}", "{type: integer, default: 1}", "", "DEFAULT_CHANGED",
       "Default value was changed from  to 1"},
      {"default changed", "{type: integer, default: 1}", "{type: integer, default: 2}", "",
       "DEFAULT_CHANGED", "Default value was changed from 1 to 2"},
      {"type", "{type: string}", "{type: integer, minimum: 1}", "TYPE_CHANGED", "",
       "Type changed from string to integer"},
      {"pattern added", "{type: string}", "{type: string, pattern: a}", "PATTERN_ADDED", "",
       "Validation pattern a was added"},
      {"pattern changed", "{type: string, pattern: a}", "{type: string, pattern: b}",
       "PATTERN_CHANGED", "", "Validation pattern changed from a to b"},
      {"pattern removed", "{type: string, pattern: a}", "{type: string}", "", "PATTERN_REMOVED",
       "Validation pattern a was removed"},
      {"minimum added", "{type: integer}", "{type: integer, minimum: 0}", "MINIMUM_ADDED", "",
       "Minimum constraint 0 was added"},
      {"minimum increased", "{type: number, minimum: 1}", "{type: number, minimum: 1.5}",
       "MINIMUM_INCREASED", "", "Minimum was increased from 1 to 1.5"},
      {"minimum decreased", "{type: integer, minimum: 2}", "{type: integer, minimum: 1}", "",
       "MINIMUM_DECREASED", "Minimum was decreased from 2 to 1"},
      {"minimum removed", "{type: integer, minimum: 2}", "{type: integer}", "", "MINIMUM_REMOVED",
       "Minimum constraint 2 was removed"},
      {"maximum added", "{type: integer}", "{type: integer, maximum: 9}", "MAXIMUM_ADDED", "",
       "Maximum constraint 9 was added"},
      {"maximum decreased", "{type: integer, maximum: 9}", "{type: integer, maximum: 8}",
       "MAXIMUM_DECREASED", "", "Maximum was decreased from 9 to 8"},
      {"maximum increased", "{type: integer, maximum: 8}", "{type: integer, maximum: 9}", "",
       "MAXIMUM_INCREASED", "Maximum was increased from 8 to 9"},
      {"maximum removed", "{type: integer, maximum: 8}", "{type: integer}", "", "MAXIMUM_REMOVED",
       "Maximum constraint 8 was removed"},
      {"minLength added", "{type: string}", "{type: string, minLength: 0}", "MIN_LENGTH_ADDED", "",
       "MinLength constraint 0 was added"},
      {"minLength increased", "{type: string, minLength: 1}", "{type: string, minLength: 2}",
       "MIN_LENGTH_INCREASED", "", "MinLength was increased from 1 to 2"},
      {"maxLength decreased", "{type: string, maxLength: 2}", "{type: string, maxLength: 1}",
       "MAX_LENGTH_DECREASED", "", "MaxLength was decreased from 2 to 1"},
      {"minItems increased", "{type: array, items: {type: string}, minItems: 1}",
       "{type: array, items: {type: string}, minItems: 2}", "MIN_ITEMS_INCREASED", "",
       "MinItems was increased from 1 to 2"},
      {"maxItems added", "{type: array, items: {type: string}}",
       "{type: array, items: {type: string}, maxItems: 2}", "MAX_ITEMS_ADDED", "",
       "MaxItems constraint 2 was added"},
      {"property removed", "{type: object, properties: {a: {type: string}}}", "{type: object}",
       "PROPERTY_REMOVED", "", "Property a was removed"},
      {"property added", "{type: object}", "{type: object, properties: {a: {type: string}}}", "",
       "PROPERTY_ADDED", "Optional property a was added"},
      {"property added, required", "{type: object}",
       "{type: object, required: [a], properties: {a: {type: string}}}", "PROPERTY_ADDED", "",
       "Required property a was added"},
      {"property added, required, with default", "{type: object}",
       "{type: object, required: [a], properties: {a: {type: string, default: x}}}", "",
       "PROPERTY_ADDED", "Optional property a was added"},
      {"required", "{type: object, properties: {a: {type: string, default: x}}}",
       "{type: object, required: [a], properties: {a: {type: string, default: x}}}",
       "REQUIRED_ADDED", "", "Field a is newly required"},
      {"required dropped", "{type: object, required: [a], properties: {a: {type: string}}}",
       "{type: object, properties: {a: {type: string}}}", "", "REQUIRED_REMOVED",
       "Field a is no longer required"},
      {"default of a required field removed",
       "{type: object, required: [a], properties: {a: {type: string, default: x}}}",
       "{type: object, required: [a], properties: {a: {type: string}}}", "REQUIRED_DEFAULT_REMOVED",
       "DEFAULT_CHANGED", "Default value removed from required field a"},
      {"enum value removed", "{type: string, enum: [a, b]}", "{type: string, enum: [a]}",
       "ENUM_RESTRICTED", "", "Enum value \"b\" was removed"},
      {"enum value removed that stood there twice", "{type: string, enum: [a, b, b]}",
       "{type: string, enum: [a]}", "ENUM_RESTRICTED", "", "Enum value \"b\" was removed"},
      {"enum value added", "{type: string, enum: [a]}", "{type: string, enum: [a, b]}", "",
       "ENUM_EXPANDED", "Enum value \"b\" was added"},
      {"items removed", "{type: array, items: {type: string}}", "{type: array}", "PROPERTY_REMOVED",
       "", "Property items was removed"},
      {"items added", "{type: array}", "{type: array, items: {type: string}}", "", "PROPERTY_ADDED",
       "Optional property items was added"},
      // never looked at
      {"enum added", "{type: string}", "{type: string, enum: [a]}", "", "", ""},
      {"map values", "{type: object, additionalProperties: {type: string}}",
       "{type: object, additionalProperties: {type: integer}}", "", "", ""},
      {"format", "{type: string}", "{type: string, format: date}", "", "", ""},
      {"nullable", "{type: string}", "{type: string, nullable: true}", "", "", ""},
      {"list type", "{type: array, items: {type: string}}",
       "{type: array, items: {type: string}, x-kubernetes-list-type: set}", "", "", ""},
      // traps
      {"trap 19", "{type: object}",
       "{type: object, required: [a], properties: {a: {type: string}}}", "PROPERTY_ADDED", "",
       "Required property a was added"},
      {"trap 20", "{type: string}", "{type: string, minLength: 0}", "MIN_LENGTH_ADDED", "",
       "MinLength constraint 0 was added"},
      {"trap 21", "{type: array, items: {type: integer}, default: [80, 443]}",
       "{type: array, items: {type: integer}, default: [80.0, 443]}", "", "", ""},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(change.name);
    const auto root = [](std::string_view property) {
      return json::Value(json::Object{{"type", "object"}, {"properties", {{"p", Yaml(property)}}}});
    };
    const CompatibilityReport report = CompareSchemas(root(change.before), root(change.after));
    const auto codes = [](const std::vector<SchemaChange>& list) {
      std::string text;
      for (const SchemaChange& one : list) text += (text.empty() ? "" : " ") + one.code;
      return text;
    };
    EXPECT_EQ(codes(report.breaking), change.breaking);
    EXPECT_EQ(codes(report.harmless), change.harmless);
    const auto& first = report.breaking.empty() ? report.harmless : report.breaking;
    EXPECT_EQ(first.empty() ? "" : first[0].Text(), change.text);
    if (!first.empty()) {
      EXPECT_TRUE(first[0].path.starts_with(".properties.p")) << first[0].path;
    }
  }
}

TEST(SpecTables, SummariesOfBreakingChanges) {
  const auto with = [](std::string_view properties) {
    return Yaml(fmt::format("{{type: object, properties: {}}}", properties));
  };
  const json::Value before = with(
      "{a: {type: string}, b: {type: string}, c: {type: string}, d: {type: string}, e: {type: "
      "string}}");
  EXPECT_EQ(CompareSchemas(before, before).Summary(), "no breaking changes");
  EXPECT_EQ(
      CompareSchemas(before, with("{}")).Summary(),
      "Property a was removed; Property b was removed; Property c was removed; and 2 more changes");
  // Trap 18: the status counts as much as the spec.
  const auto crd = [](std::string_view status) {
    return Yaml(fmt::format(
        "{{spec: {{versions: [{{name: v1, served: true, schema: {{openAPIV3Schema: {{type: object, "
        "properties: {{status: {{type: object, properties: {}}}}}}}}}}}]}}}}",
        status));
  };
  EXPECT_EQ(CompareCrds(crd("{x: {type: string}}"), crd("{}"))->Summary(),
            "Property x was removed");
}

TEST(SpecTables, ChangesOfVersions) {
  const auto crd = [](std::string_view versions) {
    return Yaml(fmt::format("{{spec: {{versions: {}}}}}", versions));
  };
  constexpr std::string_view kOne =
      "[{name: v1, served: true, subresources: {status: {}}, schema: {openAPIV3Schema: {type: "
      "object}}}]";
  EXPECT_EQ(CompareCrds(crd(kOne), crd("[]")).error().message(),
            "expected exactly one version in each CRD, got 1 old and 0 new versions");
  EXPECT_EQ(CompareCrds(crd(kOne), crd("[{name: v1, served: true, schema: {}}]")).error().message(),
            "new version v1 has no schema");
  const auto path = [&](std::string_view after) {
    return CompareCrds(crd(kOne), crd(after))->breaking.at(0).path;
  };
  EXPECT_EQ(path("[{name: v2, served: true, schema: {openAPIV3Schema: {type: object}}}]"),
            "version");
  EXPECT_EQ(path("[{name: v1, served: false, subresources: {status: {}}, schema: {openAPIV3Schema: "
                 "{type: object}}}]"),
            "version.served");
  EXPECT_EQ(path("[{name: v1, served: true, schema: {openAPIV3Schema: {type: object}}}]"),
            "version.subresources.status");
}

}  // namespace
}  // namespace kro::schema
