// The tables of spec api-and-simpleschema that concern the objects themselves, row by row: the two CRDs (1.1 to
// 1.4, 1.7), the spec hash (5.1, 5.2), names of revisions (5.4), identities (6.2, 6.4, 6.5), conditions (7.2).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/crd_manifests.h"
#include "api/identity.h"
#include "api/spec_hash.h"
#include "json/yaml.h"

namespace kro::api {
namespace {

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document) << text;
  return document ? std::move(document->value) : json::Value();
}

// The schema at "spec.schema.shortNames[]"; nullptr if there is none.
const json::Value* SchemaAt(const json::Value& crd, std::string_view path) {
  const json::Value* schema =
      &crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema");
  while (!path.empty() && schema != nullptr) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    std::string_view name = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    const bool items = name.ends_with("[]");
    if (items) name.remove_suffix(2);
    schema = json::Find(*schema, {"properties", name});
    if (items && schema != nullptr) schema = json::Find(*schema, "items");
  }
  return schema;
}

struct FieldRow {
  std::string_view path;
  std::string_view schema;  // what it holds besides descriptions and properties
};

void ExpectFields(const json::Value& crd, const std::vector<FieldRow>& rows) {
  for (const FieldRow& row : rows) {
    const json::Value* found = SchemaAt(crd, row.path);
    ASSERT_NE(found, nullptr) << row.path;
    json::Value plain = *found;
    for (const auto* member : {"description", "properties"}) plain.as_object().erase(member);
    if (auto* items = json::Find(plain, "items"); items != nullptr) {
      for (const auto* member : {"description", "properties"}) items->as_object().erase(member);
    }
    EXPECT_EQ(json::Canonical(plain), json::Canonical(Yaml(row.schema))) << row.path;
  }
}

// Names, type, priority, path; as the table has them.
std::string Columns(const json::Value& crd) {
  std::string text;
  for (const auto& column :
       crd.at("spec").at("versions").at(0).at("additionalPrinterColumns").as_array()) {
    const auto* priority = json::Find(column, "priority");
    text += fmt::format(
        "{} {} {} {}\n", json::FindString(column, {"name"}), json::FindString(column, {"type"}),
        priority != nullptr ? priority->as_int64() : 0, json::FindString(column, {"jsonPath"}));
  }
  return text;
}

constexpr std::string_view kFree = "{type: object, x-kubernetes-preserve-unknown-fields: true}";
constexpr std::string_view kText = "{type: string}";
constexpr std::string_view kTexts = "{type: array, items: {type: string}}";
constexpr std::string_view kTextMap = "{type: object, additionalProperties: {type: string}}";

TEST(SpecTables, IdentityAndColumnsOfADefinition) {
  const json::Value crd = RgdCrd();
  EXPECT_EQ(json::FindString(crd, {"metadata", "name"}), "resourcegraphdefinitions.kro.run");
  EXPECT_EQ(
      json::Canonical(crd.at("spec").at("names")),
      R"({"kind":"ResourceGraphDefinition","listKind":"ResourceGraphDefinitionList",)"
      R"("plural":"resourcegraphdefinitions","shortNames":["rgd"],"singular":"resourcegraphdefinition"})");
  EXPECT_EQ(json::FindString(crd, {"spec", "scope"}), "Cluster");
  const json::Value& version = crd.at("spec").at("versions").at(0);
  EXPECT_EQ(json::FindString(version, {"name"}), "v1alpha1");
  EXPECT_EQ(json::Canonical(version.at("subresources")), R"({"status":{}})");
  EXPECT_EQ(Columns(crd),
            "APIVERSION string 0 .spec.schema.apiVersion\n"
            "KIND string 0 .spec.schema.kind\n"
            "STATE string 0 .status.state\n"
            "READY string 0 .status.conditions[?(@.type==\"Ready\")].status\n"
            "TOPOLOGICALORDER string 1 .status.topologicalOrder\n"
            "AGE date 0 .metadata.creationTimestamp\n");
}

TEST(SpecTables, FieldsAndRulesOfADefinition) {
  const json::Value crd = RgdCrd();
  EXPECT_EQ(json::Find(*SchemaAt(crd, ""), "required"), nullptr)
      << "trap 35: a definition without spec is admitted";
  ExpectFields(
      crd,
      {
          {"spec", "{type: object, required: [schema]}"},
          {"spec.schema", "{type: object, required: [kind, apiVersion, scope]}"},
          {"spec.schema.kind",
           "{type: string, pattern: '^[A-Z][a-zA-Z0-9]{0,62}$', x-kubernetes-validations: "
           "[{rule: self == oldSelf, message: kind is immutable}]}"},
          {"spec.schema.apiVersion",
           "{type: string, pattern: '^v[0-9]+(alpha[0-9]+|beta[0-9]+)?$', "
           "x-kubernetes-validations: [{rule: self == oldSelf, message: apiVersion is "
           "immutable}]}"},
          {"spec.schema.group",
           "{type: string, default: kro.run, x-kubernetes-validations: "
           "[{rule: self == oldSelf, message: group is immutable}]}"},
          {"spec.schema.scope",
           "{type: string, default: Namespaced, enum: [Namespaced, Cluster], "
           "x-kubernetes-validations: [{rule: self == oldSelf, message: scope is immutable}]}"},
          {"spec.schema.spec", kFree},
          {"spec.schema.types", kFree},
          {"spec.schema.status", kFree},
          {"spec.schema.additionalPrinterColumns",
           "{type: array, items: {type: object, required: [name, type, jsonPath]}}"},
          {"spec.schema.additionalPrinterColumns[].priority", "{type: integer, format: int32}"},
          {"spec.schema.shortNames",
           "{type: array, maxItems: 32, x-kubernetes-list-type: set, "
           "items: {type: string, maxLength: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$'}}"},
          {"spec.schema.categories",
           "{type: array, maxItems: 32, x-kubernetes-list-type: set, "
           "items: {type: string, maxLength: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$'}}"},
          {"spec.schema.metadata.labels", kTextMap},
          {"spec.schema.metadata.annotations", kTextMap},
          {"spec.resources[]",
           "{type: object, required: [id], x-kubernetes-validations: [{message: "
           "exactly one of template or externalRef must be provided, rule: '(has(self.template) && "
           "!has(self.externalRef)) || (!has(self.template) && has(self.externalRef))'}]}"},
          {"spec.resources[].id", kText},
          {"spec.resources[].template", kFree},
          {"spec.resources[].externalRef",
           "{type: object, required: [apiVersion, kind, metadata]}"},
          {"spec.resources[].externalRef.apiVersion", kText},
          {"spec.resources[].externalRef.kind", kText},
          {"spec.resources[].externalRef.metadata",
           "{type: object, x-kubernetes-validations: [{message: exactly one of name or selector "
           "must be provided, rule: "
           "'(has(self.name) && !has(self.selector)) || (!has(self.name) && "
           "has(self.selector))'}]}"},
          {"spec.resources[].externalRef.metadata.name", "{type: string, minLength: 1}"},
          {"spec.resources[].externalRef.metadata.namespace", kText},
          {"spec.resources[].externalRef.metadata.selector",
           "{type: object, x-kubernetes-map-type: atomic}"},
          {"spec.resources[].externalRef.metadata.selector.matchLabels", kTextMap},
          {"spec.resources[].externalRef.metadata.selector.matchExpressions",
           "{type: array, x-kubernetes-list-type: atomic, items: {type: object, required: [key, "
           "operator]}}"},
          {"spec.resources[].readyWhen", kTexts},
          {"spec.resources[].includeWhen", kTexts},
          {"spec.resources[].forEach",
           "{type: array, items: {type: object, additionalProperties: {type: string}, "
           "minProperties: 1, maxProperties: 1}}"},
          // 1.4
          {"status.state", kText},
          {"status.topologicalOrder", kTexts},
          {"status.conditions", "{type: array, items: {type: object, required: [type, status]}}"},
          {"status.conditions[].lastTransitionTime", "{type: string, format: date-time}"},
          {"status.conditions[].observedGeneration", "{type: integer, format: int64, minimum: 0}"},
          {"status.resources[].id", kText},
          {"status.lastIssuedRevision", "{type: integer, format: int64}"},
      });
}

TEST(SpecTables, ARevision) {
  const json::Value crd = GraphRevisionCrd();
  EXPECT_EQ(json::FindString(crd, {"metadata", "name"}), "graphrevisions.internal.kro.run");
  EXPECT_EQ(json::FindString(crd, {"spec", "scope"}), "Cluster");
  EXPECT_EQ(json::Canonical(crd.at("spec").at("names").at("shortNames")), R"(["gr"])");
  EXPECT_EQ(json::Canonical(crd.at("spec").at("versions").at(0).at("selectableFields")),
            R"([{"jsonPath":".spec.snapshot.name"}])");
  EXPECT_EQ(Columns(crd),
            "RGD string 1 .spec.snapshot.name\n"
            "REVISION integer 0 .spec.revision\n"
            "HASH string 1 .metadata.labels.kro\\.run/graph-revision-hash\n"
            "READY string 0 .status.conditions[?(@.type==\"Ready\")].status\n"
            "AGE date 0 .metadata.creationTimestamp\n");
  ExpectFields(crd, {
                        {"spec",
                         "{type: object, required: [revision, snapshot], x-kubernetes-validations: "
                         "[{rule: self == oldSelf, message: spec is immutable}]}"},
                        {"spec.revision", "{type: integer, format: int64, minimum: 1}"},
                        {"spec.snapshot", "{type: object, required: [name, generation, spec]}"},
                        {"spec.snapshot.name", kText},
                        {"spec.snapshot.generation", "{type: integer, format: int64}"},
                        {"spec.snapshot.spec", "{type: object, required: [schema]}"},
                        {"status.topologicalOrder", kTexts},
                    });
  EXPECT_EQ(SchemaAt(crd, "status.state"), nullptr);
}

std::string Hash(std::string_view spec) {
  const auto hash = SpecHash(Yaml(spec));
  return hash ? *hash : hash.error().message();
}

TEST(SpecTables, DigestsOfTheSpec) {
  EXPECT_EQ(Hash("{schema: {kind: App, apiVersion: v1alpha1}}"), "985edf63bbadb8db");
  EXPECT_EQ(Hash(R"(
schema:
  kind: App
  apiVersion: v1alpha1
  spec: {name: string, replicas: integer | default=1}
  status: {ref: "${cm.metadata.name}"}
resources:
- id: cm
  readyWhen: ["${cm.data.b == 'q'}", "${cm.data.a != ''}"]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.spec.name}"}, data: {num: "1", a: "x<y & z"}}
)"),
            "ab2f6994824fa2d0");
}

TEST(SpecTables, WhatTheDigestDoesAndDoesNotSee) {
  constexpr std::string_view kBase =
      "{schema: {kind: App, apiVersion: v1, spec: {a: string, b: string}}, resources: ["
      "{id: a, template: {x: 1}, readyWhen: [p, q], includeWhen: [r, s], forEach: [{i: u}, {j: "
      "v}]}, {id: b, template: {}}]}";
  const std::pair<std::string_view, std::string_view> same[] = {
      {"order of keys",
       "{resources: [{template: {x: 1}, id: a, readyWhen: [p, q], includeWhen: [r, s], forEach: "
       "[{i: u}, "
       "{j: v}]}, {id: b, template: {}}], schema: {spec: {b: string, a: string}, apiVersion: v1, "
       "kind: App}}"},
      {"order of resources",
       "{schema: {kind: App, apiVersion: v1, spec: {a: string, b: string}}, resources: [{id: b, "
       "template: {}}, {id: a, template: {x: 1}, readyWhen: [p, q], includeWhen: [r, s], forEach: "
       "[{i: u}, {j: v}]}]}"},
      {"order of conditions",
       "{schema: {kind: App, apiVersion: v1, spec: {a: string, b: string}}, resources: [{id: a, "
       "template: "
       "{x: 1}, readyWhen: [q, p], includeWhen: [s, r], forEach: [{i: u}, {j: v}]}, {id: b, "
       "template: {}}]}"},
      {"absent and empty",
       "{schema: {kind: App, apiVersion: v1, spec: {a: string, b: string}, "
       "additionalPrinterColumns: []}, resources: [{id: a, "
       "template: {x: 1}, readyWhen: [p, q], includeWhen: [r, s], forEach: [{i: u}, {j: v}]}, {id: "
       "b, template: {}, readyWhen: []}]}"},
      {"the defaults",
       "{schema: {kind: App, apiVersion: v1, group: kro.run, scope: Namespaced, spec: {a: string, "
       "b: string}}, resources: [{id: a, "
       "template: {x: 1}, readyWhen: [p, q], includeWhen: [r, s], forEach: [{i: u}, {j: v}]}, {id: "
       "b, template: {}}]}"},
  };
  for (const auto& [what, spec] : same) EXPECT_EQ(Hash(spec), Hash(kBase)) << what;
  EXPECT_NE(Hash("{schema: {kind: App, apiVersion: v1, spec: {a: string, b: string}}, resources: "
                 "[{id: a, template: {x: 1}, "
                 "readyWhen: [p, q], includeWhen: [r, s], forEach: [{j: v}, {i: u}]}, {id: b, "
                 "template: {}}]}"),
            Hash(kBase))
      << "order of forEach";
  EXPECT_NE(Hash("{schema: {spec: {a: 9007199254740993}}}"),
            Hash("{schema: {spec: {a: 9007199254740992}}}"))
      << "trap 24";
}

TEST(SpecTables, NamesOfRevisions) {
  EXPECT_EQ(RevisionName("web", 1), "web-r00001");
  EXPECT_EQ(RevisionName("web", 123456), "web-r123456");
  const std::string cut = RevisionName(std::string(252, 'a'), 7);
  EXPECT_LE(cut.size(), 253U);
  EXPECT_EQ(cut.substr(0, 3), "aaa");
  EXPECT_NE(cut.find("-r00007-"), cut.npos);
}

TEST(SpecTables, ApplySetsAndInventories) {
  const ApplySetParent namespaced{"my-app", "default", "WebApp", "kro.run"};
  const ApplySetParent cluster{"my-app", "", "WebApp", "kro.run"};
  EXPECT_EQ(ApplySetId(namespaced), "applyset-9sHw3-6HBl2VO07VeDzfkQhwSs1_MRB3IBzTC1N-yt8-v1");
  EXPECT_EQ(ApplySetId(cluster), "applyset-Kp3ikhJaK9rcXpgWP5cGultGKDirfD9JfN-uVyh5_E8-v1");
  const auto hash = [](const ApplySetParent& parent) {
    return MakeInventory(parent, {}, {}).annotations.at("internal.kro.run/applyset-inventory-hash");
  };
  EXPECT_EQ(hash(namespaced), "sha256:1x81nrdBKkkUPEzaYT1v309p4r3tgUOrQIEfnPqY2ig");
  EXPECT_EQ(hash(cluster), "sha256:hoEEd0-N_RUcaK08nPqhVx_Lkgi2l4auEl3dib9JJSM");
  const Inventory inventory = MakeInventory(
      namespaced, {{"apps", "Deployment"}, {"", "ConfigMap"}, {"apps", "Deployment"}}, {"b", "a"});
  EXPECT_EQ(inventory.annotations.at("applyset.kubernetes.io/contains-group-kinds"),
            "ConfigMap,Deployment.apps");
  EXPECT_EQ(inventory.annotations.at("applyset.kubernetes.io/additional-namespaces"), "a,b");
}

TEST(SpecTables, LabelsByObject) {
  EXPECT_EQ(VersionLabel("v1.2.3"), "v1.2.3");
  EXPECT_EQ(VersionLabel("v1.2.3+dirty"), "v1.2.3-dirty");
  EXPECT_EQ(SystemLabels("v1"), (Labels{{"kro.run/owned", "true"}, {"kro.run/kro-version", "v1"}}));
  EXPECT_EQ(RgdLabels("web", "u"), (Labels{{"kro.run/resource-graph-definition-id", "u"},
                                           {"kro.run/resource-graph-definition-name", "web"}}));
  EXPECT_EQ(NodeLabels("cm"), (Labels{{"kro.run/node-id", "cm"}}));
  EXPECT_EQ(NodeLabels("cm", 0, 3), (Labels{{"kro.run/node-id", "cm"},
                                            {"kro.run/collection-index", "0"},
                                            {"kro.run/collection-size", "3"}}));
  const InstanceIdentity instance{
      .gvk = {"kro.run", "v1", "App"}, .name = "n", .ns = "s", .uid = "u"};
  const Labels labels = InstanceLabels(instance);
  EXPECT_EQ(labels.at("kro.run/instance-namespace"), "s");
  EXPECT_EQ(labels.at("kro.run/instance-kind"), "App");
  InstanceIdentity cluster = instance;
  cluster.namespaced = false;
  EXPECT_FALSE(InstanceLabels(cluster).contains("kro.run/instance-namespace"));
}

TEST(SpecTables, OwnershipOfACrd) {
  const auto check = [](const Labels& labels) { return CheckOwnership(labels, "web", "u").owned; };
  EXPECT_TRUE(check({{"kro.run/owned", "true"}}));
  EXPECT_FALSE(check({{"kro.run/owned", "True"}}));
  EXPECT_TRUE(check({{"app.kubernetes.io/managed-by", "kro"}}));
  EXPECT_FALSE(check({{"kro.run/owned", "false"}, {"app.kubernetes.io/managed-by", "kro"}}))
      << "trap 38";
  EXPECT_FALSE(check({}));
}

// 7.2, how the root follows from the others; traps 26 to 28.
class Roots : public ::testing::Test {
 protected:
  static Timestamp At(int minute) {
    return *ParseTimestamp(fmt::format("2026-08-01T10:{:02}:00Z", minute));
  }
  ConditionTypes types_{.root = "Ready", .dependents = {"A", "B"}, .pruned = {}};
  ConditionSet set_{types_, {.generation = 2, .created = At(0)}, {}, At(1)};
};

TEST_F(Roots, WithoutAnythingUnhealthyItIsTrue) {
  set_.Set("A", ConditionStatus::kTrue, "Ok", "", At(2));
  set_.Set("B", ConditionStatus::kTrue, "Ok", "", At(3));
  EXPECT_EQ(set_.StatusOf("Ready"), ConditionStatus::kTrue);
  EXPECT_EQ(set_.Find("Ready")->reason, "Ready");
}

TEST_F(Roots, TheNewestFalseWinsOverUnknown) {
  set_.Set("A", ConditionStatus::kFalse, "Old", "old", At(2));
  EXPECT_EQ(set_.Find("Ready")->reason, "Old");
  set_.Set("B", ConditionStatus::kFalse, "New", "new", At(5));
  EXPECT_EQ(set_.Find("Ready")->reason, "New") << "trap 27";
  set_.Set("B", ConditionStatus::kUnknown, "Later", "later", At(10));
  EXPECT_EQ(set_.Find("Ready")->reason, "Old") << "trap 27";
}

TEST_F(Roots, WithoutAFalseTheUnknownIsCopied) {
  set_.Set("A", ConditionStatus::kTrue, "Ok", "", At(2));
  set_.Set("B", ConditionStatus::kUnknown, "Waiting", "for rain", At(3));
  EXPECT_EQ(set_.StatusOf("Ready"), ConditionStatus::kUnknown);
  EXPECT_EQ(set_.Find("Ready")->message, "for rain");
}

TEST_F(Roots, AFreshConditionCarriesTheTimeOfCreation) {
  EXPECT_EQ(set_.Find("A")->last_transition_time, At(0)) << "trap 28";
  set_.Set("A", ConditionStatus::kTrue, "Ok", "", At(7));
  EXPECT_EQ(set_.Find("A")->last_transition_time, At(7));
}

}  // namespace
}  // namespace kro::api
