#include "controller/apply_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::controller {
namespace {

using ::testing::HasSubstr;

const InstanceApi kApi{.rgd_name = "web",
                       .rgd_uid = "rgd-uid",
                       .gvk = {"kro.run", "v1alpha1", "Web"},
                       .gvr = {"kro.run", "v1alpha1", "webs"}};

json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value());
  return document->value;
}

json::Value NewInstance() {
  return Yaml(R"(
apiVersion: kro.run/v1alpha1
kind: Web
metadata: {name: w, namespace: default, uid: u1}
)");
}

const runtime::ApplySetContent kContent{.group_kinds = {{"", "ConfigMap"}, {"apps", "Deployment"}},
                                        .namespaces = {"other"}};

// What a cluster holds after `object` was applied.
json::Value Managed() {
  auto set = ApplySet::Open(kApi, NewInstance(), "v1");
  EXPECT_TRUE(set.has_value());
  return set->Write(kContent);
}

TEST(ApplySet, ANewInstanceNeedsFinalizerLabelsAndInventoryInOneWrite) {
  auto set = ApplySet::Open(kApi, NewInstance(), "v1");
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(set->NeedsMarks());
  EXPECT_EQ(
      json::Serialize(set->Write(kContent)),
      R"({"apiVersion":"kro.run/v1alpha1","kind":"Web","metadata":{"name":"w",)"
      R"("namespace":"default","uid":"u1","labels":{)"
      R"("applyset.kubernetes.io/id":"applyset-zCGYVLVBSUQgoasgn1dHvS_TndD-b8kMVP_b4-O8Ow8-v1",)"
      R"("kro.run/kro-version":"v1","kro.run/owned":"true",)"
      R"("kro.run/resource-graph-definition-id":"rgd-uid",)"
      R"("kro.run/resource-graph-definition-name":"web"},"annotations":{)"
      R"("applyset.kubernetes.io/additional-namespaces":"other",)"
      R"("applyset.kubernetes.io/contains-group-kinds":"ConfigMap,Deployment.apps",)"
      R"("applyset.kubernetes.io/tooling":"kro/v1",)"
      R"("internal.kro.run/applyset-inventory-hash":)"
      R"("sha256:dD5XB2KrVu4LuNtMoxqjMQxYmrjBawIN3BT2XeVy2QQ"},"finalizers":["kro.run/finalizer"]}})");
}

TEST(ApplySet, WhatWasWrittenIsNotWrittenAgain) {
  auto set = ApplySet::Open(kApi, Managed(), "v1");
  ASSERT_TRUE(set.has_value());
  EXPECT_FALSE(set->NeedsMarks());
  EXPECT_EQ(set->remembered(), kContent);
  EXPECT_TRUE(set->Covers({.group_kinds = {{"", "ConfigMap"}}}));
  EXPECT_FALSE(set->Covers({.group_kinds = {{"", "Secret"}}}));
  EXPECT_FALSE(set->Covers({.namespaces = {"third"}}));
}

TEST(ApplySet, AnotherVersionOfKroMarksAnew) {
  auto set = ApplySet::Open(kApi, Managed(), "v2");
  ASSERT_TRUE(set.has_value());
  EXPECT_TRUE(set->NeedsMarks());
  EXPECT_EQ(set->remembered(), kContent);
}

TEST(ApplySet, ABrokenInventoryIsNotReplacedByANewOne) {
  json::Value object = Managed();
  auto& metadata = object.as_object()["metadata"].as_object();
  metadata.erase("finalizers");
  metadata["annotations"].as_object()["applyset.kubernetes.io/contains-group-kinds"] = "Secret";
  auto set = ApplySet::Open(kApi, object, "v1");
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message(),
              HasSubstr("cannot install finalizer with invalid ApplySet inventory; repair the "
                        "metadata, or remove it only after confirming no managed members remain: "
                        "invalid internal.kro.run/applyset-inventory-hash annotation"));
}

TEST(ApplySet, AnUnreadableListFailsTheProjection) {
  json::Value object = Managed();
  object.as_object()["metadata"]
      .as_object()["annotations"]
      .as_object()["applyset.kubernetes.io/contains-group-kinds"] = "a b";
  auto set = ApplySet::Open(kApi, object, "v1");
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().message(), HasSubstr("project failed: invalid"));
}

}  // namespace
}  // namespace kro::controller
