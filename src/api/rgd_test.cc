#include "api/rgd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::api {
namespace {

using ::testing::ElementsAre;

json::Parsed<DecodedRgd> Decode(std::string_view text) {
  const auto value = json::Parse(text);
  EXPECT_TRUE(value) << value.error().message();
  return DecodeRgd(*value, "rgd 'web'");
}

TEST(Rgd, DecodesEveryField) {
  const auto decoded = Decode(R"({
    "apiVersion": "kro.run/v1alpha1", "kind": "ResourceGraphDefinition",
    "metadata": {"name": "web", "uid": "u-1", "generation": 7, "resourceVersion": "12",
      "annotations": {"kro.run/allow-breaking-changes": "true"}, "finalizers": ["kro.run/finalizer"],
      "creationTimestamp": "2023-11-14T22:13:27Z", "deletionTimestamp": "2023-11-14T22:13:28Z"},
    "spec": {
      "schema": {"kind": "Web", "apiVersion": "v1", "group": "acme.example", "scope": "Cluster",
        "spec": {"a": "string"}, "types": {"T": "integer"}, "status": {"s": "${x.y}"},
        "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".a", "priority": 1,
          "format": "f", "description": "d"}],
        "shortNames": ["w"], "categories": ["all"],
        "metadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}}},
      "resources": [
        {"id": "one", "template": {"kind": "ConfigMap"}, "readyWhen": ["${true}"],
         "includeWhen": ["${false}"], "forEach": [{"r": "${schema.spec.rs}"}]},
        {"id": "two", "externalRef": {"apiVersion": "v1", "kind": "Secret", "metadata":
          {"namespace": "ns", "selector": {"matchLabels": {"a": "b"}, "matchExpressions":
            [{"key": "k", "operator": "In", "values": ["v"]}]}}}}]},
    "status": {"state": "Active", "topologicalOrder": ["one"], "lastIssuedRevision": 4,
      "conditions": [{"type": "Ready", "status": "True"}],
      "resources": [{"id": "one", "dependencies": [{"id": "two"}]}]}})");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->warnings.empty());
  const Rgd& rgd = decoded->rgd;
  EXPECT_EQ(rgd.name, "web");
  EXPECT_EQ(rgd.generation, 7);
  EXPECT_TRUE(rgd.deleting);
  EXPECT_TRUE(rgd.AllowsBreakingChanges());
  ASSERT_TRUE(rgd.spec.schema);
  EXPECT_EQ(rgd.spec.schema->group, "acme.example");
  EXPECT_EQ(rgd.spec.schema->scope, Scope::kCluster);
  EXPECT_EQ(rgd.spec.schema->printer_columns[0], (PrinterColumn{"A", "string", "f", "d", 1, ".a"}));
  EXPECT_THAT(rgd.spec.schema->short_names, ElementsAre("w"));
  ASSERT_EQ(rgd.spec.resources.size(), 2U);
  EXPECT_EQ(rgd.spec.resources[0].for_each[0].name, "r");
  EXPECT_EQ(rgd.spec.resources[1].external_ref->selector->match_expressions[0].op, "In");
  EXPECT_EQ(rgd.status.last_issued_revision, 4);
  EXPECT_THAT(rgd.status.resources[0].dependencies, ElementsAre("two"));
}

TEST(Rgd, DefaultsGroupAndScope) {
  const auto decoded = Decode(R"({"spec":{"schema":{"kind":"A","apiVersion":"v1"}}})");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rgd.spec.schema->group, "kro.run");
  EXPECT_EQ(decoded->rgd.spec.schema->scope, Scope::kNamespaced);
}

TEST(Rgd, WithoutSpecIsDecodedToo) {
  const auto decoded = Decode(R"({"metadata":{"name":"a"}})");
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->rgd.spec.schema);
}

TEST(Rgd, WrongTypesNameThePath) {
  const auto decoded = Decode(R"({"spec":{"resources":[{"id":1},{"id":"b","readyWhen":"x"}]}})");
  ASSERT_FALSE(decoded);
  ASSERT_EQ(decoded.error().size(), 2U);
  EXPECT_EQ(decoded.error()[0].code, "KRO103");
  EXPECT_EQ(decoded.error()[0].where.path, "spec.resources[0].id");
  EXPECT_EQ(decoded.error()[0].expected, "string");
  EXPECT_EQ(decoded.error()[1].where.path, "spec.resources[1].readyWhen");
}

TEST(Rgd, UnknownFieldsAreWarningsWithASuggestion) {
  const auto decoded = Decode(R"({"spec":{"resources":[{"id":"a","readyWehn":["${true}"]}]}})");
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->warnings.size(), 1U);
  EXPECT_EQ(decoded->warnings[0].code, "KRO104");
  EXPECT_EQ(decoded->warnings[0].where.path, "spec.resources[0].readyWehn");
  EXPECT_EQ(decoded->warnings[0].hint, "did you mean 'readyWhen'?");
}

TEST(Rgd, ReadsTheOlderResourceGroup) {
  const auto decoded = Decode(R"({"apiVersion":"kro.run/v1alpha1","kind":"ResourceGroup",
    "metadata":{"name":"web","namespace":"default"},
    "spec":{"schema":{"kind":"Web","apiVersion":"v1alpha1","validation":["a"]},
            "defaultServiceAccounts":{"*":"sa"},"resources":[{"id":"a","template":{}}]}})");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->rgd.from_resource_group);
  EXPECT_EQ(decoded->rgd.spec.schema->kind, "Web");
  ASSERT_EQ(decoded->warnings.size(), 2U);
  EXPECT_EQ(decoded->warnings[0].where.path, "spec.defaultServiceAccounts");
  EXPECT_EQ(decoded->warnings[1].where.path, "spec.schema.validation");
}

TEST(Rgd, WritesItsStatusWithoutEmptyMembers) {
  RgdStatus status;
  status.state = "Active";
  status.resources = {{"a", {"b"}}};
  EXPECT_EQ(json::Canonical(ToJson(status)),
            R"({"resources":[{"dependencies":[{"id":"b"}],"id":"a"}],"state":"Active"})");
}

}  // namespace
}  // namespace kro::api
