#include "apiserver/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "apiserver/decode.h"
#include "json/yaml.h"

namespace kro::apiserver {
namespace {

using testing::ElementsAre;

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value()) << text;
  return document ? document->value : json::Value();
}

std::string Outcome(const Answer<Patched>& patched) {
  if (patched) return json::Canonical(patched->object);
  return std::to_string(patched.error().code) + " " + patched.error().message;
}

struct PatchCase {
  std::string_view object;
  std::string_view patch;
  std::string_view outcome;
};

constexpr std::string_view kRejected =
    "422 the server rejected our request due to an error in our request";

TEST(JsonPatch, FollowsTheServersLiberties) {
  const PatchCase kCases[] = {
      {"{a: 1}", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {"{a: 1}", R"([{"op":"replace","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {"{a: 1}", R"([{"op":"add","path":"/b"}])", R"({"a":1,"b":null})"},
      {"{a: 1}", R"([{"op":"add","path":"xx/b","value":2}])", R"({"a":1,"b":2})"},
      {"{a: 1}", R"([{"op":"test","path":"/b","value":null},{"op":"remove","path":"/a"}])", "{}"},
      {"{a: 1}", R"([{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/a","path":"/c"}])",
       R"({"b":1,"c":1})"},
      {"{a: 1}", "null", R"({"a":1})"},
      {"{a: 1}", R"([{"op":"replace","path":"","value":{"b":1}}])", R"({"b":1})"},
      {"{a/b: {c~d: 1}}", R"([{"op":"remove","path":"/a~1b/c~0d"}])", R"({"a/b":{}})"},
      // lists
      {"{l: [a]}",
       R"([{"op":"add","path":"/l/-1","value":"b"},{"op":"add","path":"/l/-","value":"c"}])",
       R"({"l":["a","b","c"]})"},
      {"{l: [a, b]}", R"([{"op":"remove","path":"/l/-1"}])", R"({"l":["a"]})"},
      {"{l: [a, b]}", R"([{"op":"add","path":"/l/0","value":"z"}])", R"({"l":["z","a","b"]})"},
      {"{l: [a]}", R"([{"op":"replace","path":"/l/1","value":"z"}])", kRejected},
      // failures
      {"{a: 1}", R"([{"op":"remove","path":"/b"}])", kRejected},
      {"{a: 1}", R"([{"op":"move","from":"/b","path":"/c"}])", kRejected},
      {"{a: 1}", R"([{"op":"test","path":"/a","value":2}])", kRejected},
      {"{a: 1}", R"([{"op":"foo","path":"/a"}])", kRejected},
      {"{a: 1}", R"([{"op":"add","path":"/b/c","value":2}])", kRejected},
      {"{a: 1}", R"([{"op":"add","path":"","value":2}])", kRejected},
      {"{a: 1}", R"([{"op":"replace","path":"","value":1}])", kRejected},
      {"{a: 1}", R"([null])", kRejected},
      // no patches
      {"{}", "{}",
       "400 error decoding patch: json: cannot unmarshal object into Go value of type "
       "[]handlers.jsonPatchOp"},
      {"{}", "[1]",
       "400 error decoding patch: json: cannot unmarshal number into Go value of type "
       "handlers.jsonPatchOp"},
      {"{}", R"([{"op":1}])",
       "400 error decoding patch: json: cannot unmarshal number into Go struct field "
       "jsonPatchOp.op "
       "of type string"},
      {"{}", "[", "400 error decoding patch: unexpected end of JSON input"},
  };
  for (const PatchCase& test : kCases) {
    EXPECT_EQ(Outcome(ApplyJsonPatch(Yaml(test.object), test.patch)), test.outcome) << test.patch;
  }
}

TEST(JsonPatch, ComplainsAboutFieldsOfOperations) {
  auto patched =
      ApplyJsonPatch(json::Object(), R"([{"op":"add","op":"add","path":"/b","value":"1","zz":1}])");
  ASSERT_TRUE(patched.has_value());
  EXPECT_THAT(patched->complaints, ElementsAre("json patch unknown field \"[0].zz\"",
                                               "json patch duplicate field \"[0].op\""));
}

TEST(JsonPatch, RefusesTooManyOperations) {
  std::string body = "[";
  for (int i = 0; i < 10'001; ++i) {
    body += std::string(i == 0 ? "" : ",") + R"({"op":"add","path":"/a","value":1})";
  }
  EXPECT_EQ(
      Outcome(ApplyJsonPatch(json::Object(), body + "]")),
      "413 Request entity too large: The allowed maximum operations in a JSON patch is 10000, "
      "got 10001");
}

TEST(MergePatch, MergesMapsAndReplacesTheRest) {
  const PatchCase kCases[] = {
      {"{a: {b: 1, c: 2}}", R"({"a":{"b":null,"d":3}})", R"({"a":{"c":2,"d":3}})"},
      {"{a: [1, 2]}", R"({"a":[3]})", R"({"a":[3]})"},
      {"{a: 1}", R"({"a":{"b":null,"c":1}})", R"({"a":{"c":1}})"},
      {"{}", R"({"a":{"b":null},"l":[{"x":null,"z":1}]})", R"({"a":{},"l":[{"z":1}]})"},
      {"{a: 1}", R"({"a":2,"a":3})", R"({"a":3})"},
      // no patches
      {"{}", "[]",
       "400 error decoding patch: json: cannot unmarshal array into Go value of type "
       "map[string]interface {}"},
      {"{}", "null", "400 Invalid JSON Patch"},
      {"{}", R"({"a":)", "400 error decoding patch: unexpected end of JSON input"},
      {"{}", R"({"a":1} x)",
       "400 error decoding patch: invalid character 'x' after top-level value"},
      {"{}", R"({"a":tru})",
       "400 error decoding patch: invalid character '}' in literal true (expecting 'e')"},
      {"{}", "{'a':1}",
       "400 error decoding patch: invalid character '\\'' looking for beginning of object key "
       "string"},
      {"{}", R"({"a" 1})", "400 error decoding patch: invalid character '1' after object key"},
      {"{}", R"({"a":1,})",
       "400 error decoding patch: invalid character '}' looking for beginning of object key "
       "string"},
  };
  for (const PatchCase& test : kCases) {
    EXPECT_EQ(Outcome(ApplyMergePatch(Yaml(test.object), test.patch)), test.outcome) << test.patch;
  }
}

TEST(MergePatch, NamesRepeatedFields) {
  auto patched = ApplyMergePatch(
      json::Object(), R"({"spec":{"a":"1","a":"3"},"metadata":{"labels":{"x":"1","x":"2"}}})");
  ASSERT_TRUE(patched.has_value());
  EXPECT_THAT(patched->complaints,
              ElementsAre("duplicate field \"spec.a\"", "duplicate field \"metadata.labels.x\""));
}

ObjectSchema PodLike() {
  auto document = std::make_shared<json::Value>(Yaml(R"(
components:
  schemas:
    Pod:
      type: object
      x-kubernetes-group-version-kind: [{group: "", version: v1, kind: Pod}]
      properties:
        spec: {allOf: [{$ref: "#/components/schemas/PodSpec"}], default: {}}
        labels: {type: object, additionalProperties: {type: string}}
        finalizers: {type: array, items: {type: string}, x-kubernetes-patch-strategy: merge}
        args: {type: array, items: {type: string}}
        strategy:
          allOf: [{$ref: "#/components/schemas/Strategy"}]
          x-kubernetes-patch-strategy: retainKeys
    Strategy:
      type: object
      properties: {type: {type: string}, rollingUpdate: {type: object, properties: {m: {type: integer}}}}
    PodSpec:
      type: object
      properties:
        containers:
          type: array
          items: {allOf: [{$ref: "#/components/schemas/Container"}], default: {}}
          x-kubernetes-patch-strategy: merge
          x-kubernetes-patch-merge-key: name
    Container:
      type: object
      properties:
        name: {type: string, default: ""}
        image: {type: string}
        ports:
          type: array
          items: {type: object, properties: {containerPort: {type: integer}, protocol: {type: string}}}
          x-kubernetes-patch-strategy: merge
          x-kubernetes-patch-merge-key: containerPort
)"));
  auto schema = OpenApiTypes(document).Find({"", "v1", "Pod"});
  EXPECT_TRUE(schema.has_value()) << schema.error().message();
  return schema ? *schema : ObjectSchema();
}

TEST(StrategicMergePatch, MergesListsByTheirKeys) {
  const PatchCase kCases[] = {
      // items
      {"{spec: {containers: [{name: a, image: x}, {name: b}]}}",
       R"({"spec":{"containers":[{"name":"b","image":"y"},{"name":"c"}]}})",
       R"({"spec":{"containers":[{"image":"x","name":"a"},{"image":"y","name":"b"},{"name":"c"}]}})"},
      {"{spec: {containers: [{name: a}]}}", R"({"spec":{"containers":[{"name":"z"}]}})",
       R"({"spec":{"containers":[{"name":"z"},{"name":"a"}]}})"},
      {"{spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}}",
       R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"UDP"}]}]}})",
       R"({"spec":{"containers":[{"name":"a","ports":[{"containerPort":80,"protocol":"UDP"}]}]}})"},
      {"{spec: {containers: [{name: a}, {name: b}]}}",
       R"({"spec":{"containers":[{"name":"a","$patch":"delete"}]}})",
       R"({"spec":{"containers":[{"name":"b"}]}})"},
      {"{spec: {containers: [{name: a}, {name: b}]}}",
       R"({"spec":{"containers":[{"$patch":"replace"},{"name":"c"}]}})",
       R"({"spec":{"containers":[{"name":"c"}]}})"},
      // order
      {"{spec: {containers: [{name: a}, {name: b}]}}",
       R"({"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}})",
       R"({"spec":{"containers":[{"name":"b"},{"name":"a"}]}})"},
      {"{spec: {containers: [{name: a}, {name: b}]}}",
       R"({"spec":{"$setElementOrder/containers":[{"name":"a"},{"name":"c"}],"containers":[{"name":"c"}]}})",
       R"({"spec":{"containers":[{"name":"a"},{"name":"c"},{"name":"b"}]}})"},
      // scalars
      {"{finalizers: [a, b]}", R"({"finalizers":["c","b"]})", R"({"finalizers":["c","a","b"]})"},
      {"{finalizers: [a, b]}", R"({"$deleteFromPrimitiveList/finalizers":["a"]})",
       R"({"finalizers":["b"]})"},
      {"{args: [a, b]}", R"({"args":["c"]})", R"({"args":["c"]})"},
      // maps
      {"{labels: {a: x, b: z}}", R"({"labels":{"a":null,"c":"v"}})",
       R"({"labels":{"b":"z","c":"v"}})"},
      {"{labels: {a: x}}", R"({"labels":{"$patch":"replace","c":"v"}})", R"({"labels":{"c":"v"}})"},
      {"{labels: {a: x}}", R"({"labels":{"$patch":"delete"}})", R"({"labels":{}})"},
      {"{}", R"({"labels":{"c":null,"d":"v"}})", R"({"labels":{"d":"v"}})"},
      {"{strategy: {type: RollingUpdate, rollingUpdate: {m: 1}}}",
       R"({"strategy":{"$retainKeys":["type"],"type":"Recreate"}})",
       R"({"strategy":{"type":"Recreate"}})"},
      // faults
      {"{labels: {a: x}}", R"({"labels":{"$patch":"foo"}})",
       "500 unknown patch type: foo in map: map[$patch:foo]"},
      {"{spec: {containers: [{name: a}]}}", R"({"spec":{"containers":[{"image":"x"}]}})",
       "500 map: map[image:x] does not contain declared merge key: name"},
      {"{strategy: {type: a}}", R"({"strategy":{"$retainKeys":["x"],"type":"b"}})",
       "400 invalid patch format of retainKeys"},
      {"{spec: {containers: [{name: a}]}}",
       R"({"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b"}]}})",
       "500 The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n"
       "[map[name:a]]\n"},
      {"{}", "[]",
       "400 json: cannot unmarshal array into Go value of type map[string]interface {}"},
  };
  const ObjectSchema schema = PodLike();
  for (const PatchCase& test : kCases) {
    EXPECT_EQ(Outcome(ApplyStrategicMergePatch(Yaml(test.object), test.patch, schema)),
              test.outcome)
        << test.patch;
  }
}

TEST(ObjectSchema, KnowsWhatIsThereWhenNothingIsSet) {
  EXPECT_EQ(json::Canonical(PodLike().MakeUnset()), R"({"spec":{}})");
}

TEST(DecodeYaml, TakesTheLastOfEqualKeysAndNamesTheLine) {
  const std::string_view kTexts[] = {
      "{\"spec\":{\"a\":\"1\",\n\t\"a\":\n\"2\"}}",
      "spec:\n  a: 1\n  a: '2'\n",
      "---\nspec: {a: 1,\n  a: '2'}\n---\na: [\n",
  };
  for (const std::string_view text : kTexts) {
    auto decoded = DecodeYaml(text);
    ASSERT_TRUE(decoded.has_value()) << text;
    EXPECT_EQ(json::Canonical(decoded->value), R"({"spec":{"a":"2"}})");
    EXPECT_THAT(decoded->duplicates.lines, ElementsAre("line 3: key \"a\" already set in map"));
    EXPECT_EQ(
        StrictYamlError(decoded->duplicates.lines),
        "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  "
        "line 3: key \"a\" already set in map");
  }
}

TEST(DecodeYaml, ReadsNothingAsAnEmptyObject) {
  for (const std::string_view text : {"", "null", "# none", "---\n---\na: 1\n"}) {
    auto decoded = DecodeYaml(text);
    ASSERT_TRUE(decoded.has_value()) << text;
    EXPECT_EQ(json::Canonical(decoded->value), "{}") << text;
  }
}

TEST(FieldComplaints, PutLinesOfYamlFirstAndForStrictTogether) {
  const RepeatedKeys keys{.fields = {}, .lines = {"line 2: x", "line 3: y"}};
  EXPECT_THAT(
      FieldComplaints({"z"}, keys),
      ElementsAre("yaml: unmarshal errors:\n  line 2: x\n  line 3: y", "unknown field \"z\""));
  EXPECT_THAT(FieldWarnings({"z"}, keys),
              ElementsAre("line 2: x", "line 3: y", "unknown field \"z\""));
}

TEST(DecodeApply, WantsAMap) {
  auto decoded = DecodeApply("- a");
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(
      decoded.error().message(),
      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
      "array into Go value of type map[string]interface {}");
}

}  // namespace
}  // namespace kro::apiserver
