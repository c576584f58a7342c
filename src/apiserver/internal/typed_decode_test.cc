#include "apiserver/internal/typed_decode.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "apiserver/internal/registry.h"
#include "json/value.h"

namespace kro::apiserver {
namespace {

constexpr auto kJson = WrittenAs::Form::kJson;
constexpr auto kYaml = WrittenAs::Form::kYaml;
constexpr auto kMerged = WrittenAs::Form::kMerged;

struct Case {
  WrittenAs::Form form;
  std::string_view text;
  std::string_view outcome;  // the object, or what is said of it
};

// The object of `kind` that `text` makes.
std::string Decode(const api::Gvk& gvk, WrittenAs::Form form, std::string_view text) {
  auto structure = Registry().BuiltinStructure(gvk);
  if (!structure) return structure.error().message();
  auto object = json::Parse(text);
  if (!object) return object.error().message();
  auto decoded = DecodeTyped(*structure, gvk.kind, *object, {form, text});
  return decoded ? json::Serialize(*object) : decoded.error().message();
}

void Check(const api::Gvk& gvk, std::initializer_list<Case> cases) {
  for (const Case& test : cases) {
    EXPECT_EQ(Decode(gvk, test.form, test.text), test.outcome) << test.text;
  }
}

TEST(TypedDecode, IntegersAreRefusedByWidthAndByHowTheyAreWritten) {
  constexpr std::string_view kReplicas =
      "json: cannot unmarshal number 3e72 into Go struct field DeploymentSpec.spec.replicas of "
      "type int32";
  Check(
      {"apps", "v1", "Deployment"},
      {
          {kJson, R"({"spec":{"replicas":3}})", R"({"spec":{"replicas":3}})"},
          {kJson, R"({"spec":{"replicas":3e72}})", kReplicas},
          {kJson, R"({"metadata":{"name":"3.0e72"},"spec":{"replicas":3e72}})", kReplicas},
          {kJson, R"({"spec":{"replicas":1.0}})",
           "json: cannot unmarshal number 1.0 into Go struct field DeploymentSpec.spec.replicas "
           "of type int32"},
          {kJson, R"({"spec":{"replicas":2147483648}})",
           "json: cannot unmarshal number 2147483648 into Go struct field "
           "DeploymentSpec.spec.replicas of type int32"},
          {kJson, R"({"spec":{"replicas":"3"}})",
           "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of "
           "type int32"},
          {kJson, R"({"metadata":{"generation":9223372036854775808}})",
           "json: cannot unmarshal number 9223372036854775808 into Go struct field "
           "ObjectMeta.metadata.generation of type int64"},
          // YAML becomes JSON first
          {kYaml, R"({"spec":{"replicas":1e2}})", R"({"spec":{"replicas":100}})"},
          {kYaml, R"({"spec":{"replicas":3e72}})",
           "json: cannot unmarshal number 3e+72 into Go struct field DeploymentSpec.spec.replicas "
           "of type int32"},
          // What is merged is converted
          {kMerged, R"({"spec":{"replicas":1e2}})", R"({"spec":{"replicas":100}})"},
          {kMerged, R"({"spec":{"replicas":3e72}})", R"({"spec":{"replicas":0}})"},
          {kMerged, R"({"spec":{"replicas":2147483648}})", R"({"spec":{"replicas":-2147483648}})"},
          {kMerged, R"({"metadata":{"generation":3e72}})",
           R"({"metadata":{"generation":-9223372036854775808}})"},
          {kMerged, R"({"spec":{"replicas":1.5}})", "cannot convert float64 to int32"},
          {kMerged, R"({"spec":{"replicas":"3"}})", "unrecognized type: int32"},
      });
}

TEST(TypedDecode, RefusalsNameTheGoTypeAndThePathToIt) {
  Check(
      {"", "v1", "Pod"},
      {
          {kJson, R"({"spec":5})",
           "json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"},
          {kJson, R"({"spec":{"containers":[{"ports":[{"containerPort":"80"}]}]}})",
           "json: cannot unmarshal string into Go struct field "
           "ContainerPort.spec.containers.ports.containerPort of type int32"},
          {kJson, R"({"spec":{"containers":[{"ports":5}]}})",
           "json: cannot unmarshal number into Go struct field Container.spec.containers.ports of "
           "type []v1.ContainerPort"},
          // Names of their own
          {kJson, R"({"spec":{"restartPolicy":5}})",
           "json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type "
           "v1.RestartPolicy"},
          {kJson, R"({"spec":{"overhead":5}})",
           "json: cannot unmarshal number into Go struct field PodSpec.spec.overhead of type "
           "v1.ResourceList"},
          {kJson, R"({"metadata":{"labels":{"a":5}}})",
           "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type "
           "string"},
          {kMerged, R"({"spec":{"restartPolicy":5}})", "cannot convert int64 to v1.RestartPolicy"},
          {kMerged, R"({"spec":{"nodeSelector":5}})", "cannot restore map from int64"},
          {kMerged, R"({"spec":5})", "cannot restore struct from: int64"},
          {kMerged, R"({"spec":{"containers":{}}})", "cannot restore slice from map"},
          // Embedded structs
          {kJson, R"({"spec":{"volumes":[{"configMap":{"defaultMode":1.5}}]}})",
           "json: cannot unmarshal number 1.5 into Go struct field "
           "ConfigMapVolumeSource.spec.volumes.VolumeSource.configMap.defaultMode of type int32"},
          // The first one
          {kJson, R"({"spec":{"hostNetwork":1,"hostPID":2}})",
           "json: cannot unmarshal number into Go struct field PodSpec.spec.hostNetwork of type "
           "bool"},
          // A null is none of them
          {kJson, R"({"spec":{"hostNetwork":null,"nodeSelector":{"a":null}}})",
           R"({"spec":{"nodeSelector":{"a":""}}})"},
      });
}

TEST(TypedDecode, TypesThatReadThemselvesEndTheReading) {
  Check({"", "v1", "Pod"},
        {
            {kJson, R"({"spec":{"hostNetwork":1,"overhead":{"cpu":"x"}}})",
             "quantities must match the regular expression "
             "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
            {kJson, R"({"spec":{"overhead":{"cpu":"1K"}}})", "unable to parse quantity's suffix"},
            {kJson, R"({"metadata":{"creationTimestamp":"x"}})",
             "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""},
            {kJson, R"({"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":1.5}}}]}})",
             "json: cannot unmarshal number 1.5 into Go struct field "
             "HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"},
            {kMerged, R"({"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":1.5}}}]}})",
             "json: cannot unmarshal number 1.5 into Go value of type int32"},
        });
  Check({"", "v1", "Secret"},
        {
            {kJson, R"({"data":{"a":"YWI="}})", R"({"data":{"a":"YWI="}})"},
            {kJson, R"({"data":{"a":"YQ"}})", "illegal base64 data at input byte 0"},
            {kJson, R"({"data":{"a":5}})",
             "json: cannot unmarshal number into Go struct field Secret.data of type []uint8"},
            {kMerged, R"({"data":{"a":"%"}})",
             "error decoding from json: illegal base64 data at input byte 0"},
        });
}

// What is said of a schema in the first version of a CRD.
std::string DecodeSchema(WrittenAs::Form form, std::string_view schema) {
  const std::string text =
      R"({"spec":{"versions":[{"schema":{"openAPIV3Schema":)" + std::string(schema) + "}}]}}";
  return Decode({"apiextensions.k8s.io", "v1", "CustomResourceDefinition"}, form, text);
}

TEST(TypedDecode, SchemasAreReadThroughAllTheirParts) {
  constexpr std::string_view kInto =
      " into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.";
  const Case kCases[] = {
      {kJson, R"({"properties":{"a":{"maxItems":3e72}}})",
       "number 3e72*properties.maxItems of type int64"},
      {kJson, R"({"minLength":true})", "bool*minLength of type int64"},
      {kJson, R"({"maximum":"x"})", "string*maximum of type float64"},
      {kJson, R"({"items":{"items":{"maxItems":1.5}}})",
       "number 1.5*items.items.maxItems of type int64"},
      {kJson, R"({"items":[3]})", "number*items of type v1.JSONSchemaProps"},
      {kJson, R"({"minLength":"x","items":{"maxItems":1.5}})",
       "number 1.5*items.maxItems of type int64"},
      {kJson, R"({"items":{"x-kubernetes-validations":[{"rule":5}]}})",
       "number*items.x-kubernetes-validations.rule of type string"},
  };
  for (const Case& test : kCases) {
    const std::string_view word = test.outcome.substr(0, test.outcome.find('*'));
    EXPECT_EQ(DecodeSchema(test.form, test.text),
              "json: cannot unmarshal " + std::string(word) + std::string(kInto) +
                  std::string(test.outcome.substr(word.size() + 1)));
  }
  EXPECT_EQ(DecodeSchema(kJson, R"({"additionalProperties":3})"),
            "boolean or JSON schema expected");
  EXPECT_EQ(DecodeSchema(kMerged, R"({"items":{"maxItems":3e72}})"),
            "json: cannot unmarshal number 3e+72 into Go struct field JSONSchemaProps.maxItems of "
            "type int64");
  EXPECT_EQ(DecodeSchema(kMerged, R"({"maxItems":1.5})"), "cannot convert float64 to int64");
}

}  // namespace
}  // namespace kro::apiserver
