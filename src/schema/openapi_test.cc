#include "schema/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/conformance.h"

namespace kro::schema {
namespace {

const Schema* Walk(const Schema* schema, std::initializer_list<std::string_view> path) {
  for (const auto name : path) {
    if (schema == nullptr) return nullptr;
    schema = name == "[]" ? schema->items : schema->Find(name);
  }
  return schema;
}

TEST(SchemaSet, LoadsEveryKindOfTheRecordedCluster) {
  SchemaSet set;
  int kinds = 0;
  for (const auto& document : conformance::ReadCases("conformance/fixtures/openapi.json")) {
    const auto* schemas = json::Find(document, {"components", "schemas"});
    if (schemas == nullptr) continue;
    for (const auto& component : schemas->as_object()) {
      const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
      if (gvks == nullptr) continue;
      for (const auto& gvk : gvks->as_array()) {
        const api::Gvk wanted{std::string(json::FindString(gvk, {"group"})),
                              std::string(json::FindString(gvk, {"version"})),
                              std::string(json::FindString(gvk, {"kind"}))};
        EXPECT_TRUE(set.AddKind(document, wanted)) << wanted.ToString();
        ++kinds;
      }
    }
  }
  EXPECT_GT(kinds, 20);
  const Schema* deployment = set.Find({"apps", "v1", "Deployment"});
  ASSERT_NE(deployment, nullptr);
  EXPECT_EQ(Walk(deployment, {"spec", "replicas"})->type, Type::kInteger);
  EXPECT_EQ(Walk(deployment, {"metadata", "name"})->type, Type::kString);
  EXPECT_LT(set.size(), 20'000U);
}

constexpr std::string_view kDocument = R"({"components":{"schemas":{
  "a.Node":{"type":"object","x-kubernetes-group-version-kind":[{"group":"a","version":"v1","kind":"Node"}],
    "properties":{"next":{"allOf":[{"$ref":"#/components/schemas/a.Node"}]},
      "leaf":{"$ref":"#/components/schemas/a.Leaf"},"other":{"$ref":"#/components/schemas/a.Leaf"},
      "port":{"format":"int-or-string","oneOf":[{"type":"integer"},{"type":"string"}]}}},
  "a.Leaf":{"type":"object","properties":{"x":{"type":"string","format":"byte"}}}}}})";

TEST(SchemaSet, CutsAReferenceThatIsOpenAndSharesTheOthers) {
  SchemaSet set;
  const auto document = json::Parse(kDocument);
  const auto node = set.AddKind(*document, {"a", "v1", "Node"});
  ASSERT_TRUE(node);
  EXPECT_EQ(Walk(*node, {"next"})->type, Type::kObject);
  EXPECT_TRUE(Walk(*node, {"next"})->properties.empty());
  EXPECT_EQ(Walk(*node, {"leaf"}), Walk(*node, {"other"}));
  EXPECT_EQ(Walk(*node, {"leaf", "x"})->format, "byte");
  EXPECT_TRUE(Walk(*node, {"port"})->int_or_string);
  EXPECT_THAT(Walk(*node, {"port"})->one_of, testing::ElementsAre(Type::kInteger, Type::kString));
}

TEST(SchemaSet, AMissingKindIsNamed) {
  SchemaSet set;
  const auto missing = set.AddKind(*json::Parse(kDocument), {"", "v1", "Pod"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(),
            "cannot resolve group version kind \"/v1, Kind=Pod\": schema not found");
}

TEST(SchemaSet, CompletesACrdAsTheServerDoes) {
  SchemaSet set;
  ASSERT_TRUE(set.AddCrd(*json::Parse(R"({"spec":{"group":"a","names":{"kind":"K"},"versions":[
    {"name":"v1","served":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{
      "emb":{"type":"object","x-kubernetes-embedded-resource":true},
      "p":{"x-kubernetes-int-or-string":true}}}}}]}})")));
  const Schema* kind = set.Find({"a", "v1", "K"});
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(Walk(kind, {"metadata", "labels"})->additional->type, Type::kString);
  EXPECT_EQ(Walk(kind, {"emb", "metadata", "name"})->type, Type::kString);
  EXPECT_THAT(Walk(kind, {"p"})->any_of, testing::ElementsAre(Type::kInteger, Type::kString));
}

TEST(Schema, IsWrittenAsOpenApiAgain) {
  const std::string text =
      R"({"properties":{"a":{"items":{"type":"string"},"type":"array","x-kubernetes-list-type":"set"},)"
      R"("m":{"additionalProperties":{"type":"integer"},"type":"object"}},"required":["a"],)"
      R"("type":"object"})";
  SchemaSet set;
  EXPECT_EQ(json::Canonical(ToJson(*set.Add(*json::Parse(text)))), text);
}

}  // namespace
}  // namespace kro::schema
