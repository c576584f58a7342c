#include "apiserver/structural_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "json/yaml.h"

namespace kro::apiserver {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

json::Value Yaml(std::string_view text) {
  if (text == "null") return nullptr;
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value()) << text;
  return document ? document->value : json::Value();
}

std::shared_ptr<const StructuralSchema> Schema(std::string_view spec) {
  json::Value schema = Yaml("{type: object, properties: {}}");
  schema.get_object()["properties"].get_object()["spec"] = Yaml(spec);
  auto read = StructuralSchema::Read(schema);
  EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().message());
  return read ? *read : nullptr;
}

std::vector<std::string> Errors(const StructuralSchema& schema, std::string_view spec,
                                std::string_view old = {}) {
  json::Value object =
      json::Object{{"apiVersion", "ex.io/v1"}, {"kind", "W"}, {"spec", Yaml(spec)}};
  json::Value former;
  if (!old.empty()) {
    former = json::Object{{"apiVersion", "ex.io/v1"}, {"kind", "W"}, {"spec", Yaml(old)}};
  }
  std::vector<std::string> texts;
  auto verdict = schema.Validate(object, old.empty() ? nullptr : &former);
  for (const FieldError& error : verdict.errors) texts.push_back(error.Text());
  for (const std::string& warning : verdict.warnings) texts.push_back("warning: " + warning);
  return texts;
}

struct ErrorCase {
  std::string_view schema;
  std::string_view spec;
  std::string_view error;  // empty: valid
};

TEST(StructuralSchema, SaysWhatIsWrongInTheServersWords) {
  const ErrorCase kCases[] = {
      {"{type: integer}", "x",
       "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\""},
      {"{type: integer}", "2.0", ""},
      {"{type: integer, minimum: 1}", "0",
       "spec: Invalid value: 0: spec in body should be greater than or equal to 1"},
      {"{type: number, exclusiveMaximum: true, maximum: 1.5}", "1.5",
       "spec: Invalid value: 1.5: spec in body should be less than 1.5"},
      {"{type: integer, multipleOf: 3}", "4",
       "spec: Invalid value: 4: spec in body should be a multiple of 3"},
      {"{type: string, minLength: 2}", "a",
       "spec: Invalid value: \"a\": spec in body should be at least 2 chars long"},
      {"{type: string, maxLength: 1e72}", "ab", ""},
      {"{type: string, maxLength: 1.0}", "ab", "spec: Too long: may not be more than 1 byte"},
      {"{type: string, maxLength: 1}", "ab", "spec: Too long: may not be more than 1 byte"},
      {"{type: string, pattern: '^[a-z]+$'}", "AB",
       "spec: Invalid value: \"AB\": spec in body should match '^[a-z]+$'"},
      {"{type: string, format: date-time}", "x",
       "spec: Invalid value: \"x\": spec in body must be of type date-time: \"x\""},
      {"{type: string, format: date}", R"("\x7f\n")",
       R"(spec: Invalid value: "\x7f\n": spec in body must be of type date: "\x7f\n")"},
      {"{type: string, format: zzz}", "x", ""},
      {"{type: string, enum: [a, b]}", "c",
       "spec: Unsupported value: \"c\": supported values: \"a\", \"b\""},
      {"{type: object, required: [a], properties: {a: {type: string}}}", "{}",
       "spec.a: Required value"},
      {"{type: object, properties: {a: {type: string}}, minProperties: 1}", "{}",
       "spec: Invalid value: 0: spec in body should have at least 1 properties"},
      {"{type: array, items: {type: string}, maxItems: 2}", "[a, b, c]",
       "spec: Too many: 3: must have at most 2 items"},
      {"{type: array, items: {type: string}, minItems: 1}", "[]",
       "spec: Invalid value: 0: spec in body should have at least 1 items"},
      {"{x-kubernetes-int-or-string: true}", "1.5",
       "spec: Invalid value: \"number\": spec in body must be of type integer,string: \"number\""},
      {"{x-kubernetes-int-or-string: true}", "50%", ""},
      {"{type: array, items: {type: string}, x-kubernetes-list-type: set}", "[a, a, a]",
       "spec[1]: Duplicate value: \"a\""},
      {"{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: "
       "true}",
       "{kind: K}", "spec.apiVersion: Required value"},
      {"{type: string, nullable: true}", "null", ""},
      {"{type: string}", "null",
       "spec: Invalid value: \"null\": spec in body must be of type string: \"null\""},
  };
  for (const ErrorCase& test : kCases) {
    auto schema = Schema(test.schema);
    ASSERT_NE(schema, nullptr);
    if (test.error.empty()) {
      EXPECT_THAT(Errors(*schema, test.spec), ElementsAre()) << test.schema;
    } else {
      EXPECT_THAT(Errors(*schema, test.spec), ElementsAre(std::string(test.error))) << test.schema;
    }
  }
}

TEST(StructuralSchema, RunsRules) {
  auto schema = Schema(R"(
type: object
properties:
  a: {type: string, x-kubernetes-validations: [{rule: "self != 'bad'", message: no bad}]}
  q: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf", reason: FieldValueForbidden, message: fixed}]}
x-kubernetes-validations:
- {rule: "!has(self.a) || self.a != 'x'", message: spec rule}
- {rule: "!has(self.a) || self.a != 'f'", fieldPath: .a}
- {rule: "!has(self.a) || self.a != 'm'", messageExpression: "'not ' + self.a"}
)");
  ASSERT_NE(schema, nullptr);
  EXPECT_THAT(Errors(*schema, "{a: bad}"), ElementsAre("spec.a: Invalid value: \"bad\": no bad"));
  EXPECT_THAT(Errors(*schema, "{a: x}"), ElementsAre("spec: Invalid value: spec rule"));
  EXPECT_THAT(Errors(*schema, "{a: f}"),
              ElementsAre("spec.a: Invalid value: failed rule: !has(self.a) || self.a != 'f'"));
  EXPECT_THAT(Errors(*schema, "{a: m}"), ElementsAre("spec: Invalid value: not m"));
  EXPECT_THAT(Errors(*schema, "{q: a}"), ElementsAre());
  EXPECT_THAT(Errors(*schema, "{q: a}", "{q: b}"), ElementsAre("spec.q: Forbidden: fixed"));
  EXPECT_THAT(Errors(*schema, "{q: a}", "{}"), ElementsAre());
  EXPECT_THAT(Errors(*schema, "{a: 1}"),
              UnorderedElementsAre(
                  "spec.a: Invalid value: \"integer\": spec.a in body must be of type string: "
                  "\"integer\"",
                  "<nil>: Invalid value: null: some validation rules were not checked because the "
                  "object was invalid; correct the existing errors to complete validation"));
}

TEST(StructuralSchema, ForgivesWhatDidNotChange) {
  auto schema = Schema(R"(
type: object
properties:
  a: {type: string, maxLength: 2}
  b: {type: string}
  m:
    type: array
    x-kubernetes-list-type: map
    x-kubernetes-list-map-keys: [k]
    items: {type: object, properties: {k: {type: string}, v: {type: string, maxLength: 1}}}
  l: {type: array, items: {type: string, maxLength: 1}}
)");
  ASSERT_NE(schema, nullptr);
  EXPECT_THAT(Errors(*schema, "{a: long, b: x}", "{a: long}"), ElementsAre());
  EXPECT_THAT(Errors(*schema, "{a: longer}", "{a: long}"),
              ElementsAre("spec.a: Too long: may not be more than 2 bytes"));
  EXPECT_THAT(Errors(*schema, "{m: [{k: b, v: new}, {k: a, v: old}]}", "{m: [{k: a, v: old}]}"),
              ElementsAre("spec.m[0].v: Too long: may not be more than 1 byte"));
  EXPECT_THAT(Errors(*schema, "{l: [long, a]}", "{l: [long]}"),
              ElementsAre("spec.l[0]: Too long: may not be more than 1 byte"));
  EXPECT_THAT(Errors(*schema, "{b: x, l: [long]}", "{l: [long]}"), ElementsAre());
  // Rules that are forgiven are warned of.
  auto ruled = Schema(R"(
type: object
properties:
  a: {type: string, x-kubernetes-validations: [{rule: "self != 'bad'", message: no bad}]}
  b: {type: string}
)");
  ASSERT_NE(ruled, nullptr);
  EXPECT_THAT(Errors(*ruled, "{a: bad, b: x}", "{a: bad}"),
              ElementsAre("warning: spec.a: Invalid value: \"bad\": no bad"));
}

TEST(StructuralSchema, PrunesDefaultsAndDropsNulls) {
  auto schema = Schema(R"(
type: object
default: {}
properties:
  a: {type: string, default: dd}
  "n": {type: string}
  u: {type: string, nullable: true, default: uu}
  o: {type: object, properties: {x: {type: integer, default: 1}}}
  p: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {q: {type: object}}}
)");
  ASSERT_NE(schema, nullptr);
  json::Value object = Yaml(
      "{apiVersion: ex.io/v1, kind: W, bogus: 1, spec: {a: null, 'n': null, u: null, o: {z: 1}, p: "
      "{zz: 1, q: {r: 1}}}}");
  EXPECT_THAT(schema->Prune(object), ElementsAre("bogus", "spec.o.z", "spec.p.q.r"));
  schema->DropNulls(object);
  schema->Default(object);
  EXPECT_EQ(json::Canonical(*json::Find(std::as_const(object), "spec")),
            R"({"a":"dd","o":{"x":1},"p":{"q":{},"zz":1},"u":null})");
  json::Value empty = Yaml("{apiVersion: ex.io/v1, kind: W}");
  schema->Default(empty);
  EXPECT_EQ(json::Canonical(*json::Find(std::as_const(empty), "spec")), R"({"a":"dd","u":"uu"})");
}

struct MetadataCase {
  std::string_view metadata;
  std::string_view outcome;
};

TEST(StructuralSchema, KeepsMetadataInShape) {
  const MetadataCase kCases[] = {
      {"{name: a, labels: {a: null}, annotations: null, finalizers: []}",
       R"({"labels":{"a":""},"name":"a"})"},
      {"{name: a, labels: {a: 1}}",
       "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"},
      {"{labels: x}",
       "json: cannot unmarshal string into Go struct field ObjectMeta.labels of type "
       "map[string]string"},
      {"{ownerReferences: [{kind: 1}]}",
       "json: cannot unmarshal number into Go struct field OwnerReference.ownerReferences.kind of "
       "type string"},
      {"{generation: '1'}",
       "json: cannot unmarshal string into Go struct field ObjectMeta.generation of type int64"},
      {"{deletionGracePeriodSeconds: 1.5}",
       "json: cannot unmarshal number 1.5 into Go struct field "
       "ObjectMeta.deletionGracePeriodSeconds of type int64"},
      {"{generation: 3e72}",
       "json: cannot unmarshal number 3e+72 into Go struct field ObjectMeta.generation of type "
       "int64"},
      {"{generation: 9223372036854775808}",
       "json: cannot unmarshal number 9223372036854776000 into Go struct field "
       "ObjectMeta.generation of type int64"},
      {"{generation: 2.0}", R"({"generation":2})"},
      {"{uid: 1}",
       "json: cannot unmarshal number into Go struct field ObjectMeta.uid of type types.UID"},
      {"{creationTimestamp: x}",
       "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""},
      {"{deletionTimestamp: '2020'}",
       "parsing time \"2020\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"-\""},
      {"x", "json: cannot unmarshal string into Go value of type v1.ObjectMeta"},
      {"{managedFields: {}}",
       "json: cannot unmarshal object into Go struct field ObjectMeta.managedFields of type "
       "[]v1.ManagedFieldsEntry"},
  };
  auto schema = Schema("{type: object}");
  ASSERT_NE(schema, nullptr);
  for (const MetadataCase& test : kCases) {
    json::Value object = Yaml("{apiVersion: ex.io/v1, kind: W}");
    object.get_object()["metadata"] = Yaml(test.metadata);
    auto coerced = schema->CoerceMetadata(object);
    std::string outcome = coerced ? json::Canonical(*json::Find(std::as_const(object), "metadata"))
                                  : coerced.error().message;
    std::string expected(test.outcome);
    if (!coerced) expected = "W in version \"v1\" cannot be handled as a W: " + expected;
    EXPECT_EQ(outcome, expected);
  }
  json::Value object = Yaml(
      "{apiVersion: ex.io/v1, kind: W, metadata: {zz: 1, ownerReferences: [{uid: u, qq: 1}]}}");
  auto coerced = schema->CoerceMetadata(object);
  ASSERT_TRUE(coerced.has_value());
  EXPECT_THAT(*coerced, ElementsAre("metadata.ownerReferences[0].qq", "metadata.zz"));
}

}  // namespace
}  // namespace kro::apiserver
