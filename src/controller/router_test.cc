#include "controller/router.h"

#include <gtest/gtest.h>

#include <string>

#include "json/yaml.h"

namespace kro::controller {
namespace {

kube::ObjectPtr Stored(std::string_view yaml) {
  auto value = json::ParseYamlDocument(yaml);
  EXPECT_TRUE(value.has_value());
  auto projection = kube::Projection::Everything();
  projection.KeepManager("kro.run/applyset");
  return projection.Apply(value->value);
}

constexpr std::string_view kInstance =
    "{metadata: {name: w, uid: a, resourceVersion: '1', generation: 1}, spec: {n: 1}}";

struct LookCase {
  std::string_view about;
  std::string_view after;
  bool look;
};

const LookCase kLooks[] = {
    {"status",
     "{metadata: {name: w, uid: a, resourceVersion: '2', generation: 1}, spec: {n: 1}, "
     "status: {state: ACTIVE}}",
     false},
    {"a user's label", "{metadata: {name: w, uid: a, generation: 1, labels: {team: x}}}", false},
    {"generation", "{metadata: {name: w, uid: a, generation: 2}}", true},
    {"another of the name", "{metadata: {name: w, uid: b, generation: 1}}", true},
    {"deletion begun",
     "{metadata: {name: w, uid: a, generation: 1, deletionTimestamp: '2026-01-01T00:00:00Z'}}",
     true},
    {"suspended",
     "{metadata: {name: w, uid: a, generation: 1, annotations: {kro.run/reconcile: Disabled}}}",
     true},
    {"a wish of a user",
     "{metadata: {name: w, uid: a, generation: 1, annotations: {kro.run/reconcile: now}}}", true},
    {"another's finalizer", "{metadata: {name: w, uid: a, generation: 1, finalizers: [x/y]}}",
     false},
    {"marked as ours",
     "{metadata: {name: w, uid: a, generation: 1, finalizers: [kro.run/finalizer], labels: "
     "{kro.run/owned: 'true'}}}",
     false},
};

TEST(Router, WakesAnInstanceForWhatMattersOnly) {
  for (const LookCase& c : kLooks) {
    EXPECT_EQ(InstanceNeedsLook(Stored(kInstance), Stored(c.after)), c.look) << c.about;
  }
  EXPECT_TRUE(InstanceNeedsLook(nullptr, Stored(kInstance)));
  EXPECT_TRUE(InstanceNeedsLook(Stored(kInstance), nullptr));
}

TEST(Router, KnowsWhenTheMarksOfAnInstanceWereTouched) {
  constexpr std::string_view kMarked =
      "{metadata: {name: w, finalizers: [x/y, kro.run/finalizer], labels: {kro.run/owned: 'true'}, "
      "annotations: {applyset.kubernetes.io/contains-group-kinds: ConfigMap}}}";
  const auto touched = [&](std::string_view after) {
    return MarksWereTouched(*Stored(kMarked), *Stored(after));
  };
  EXPECT_FALSE(touched(kMarked));
  EXPECT_FALSE(touched(
      "{metadata: {name: w, finalizers: [kro.run/finalizer], labels: {kro.run/owned: 'true', team: "
      "x}, "
      "annotations: {applyset.kubernetes.io/contains-group-kinds: ConfigMap, note: mine}}}"));
  EXPECT_TRUE(
      touched("{metadata: {name: w, finalizers: [x/y], labels: {kro.run/owned: 'true'}, "
              "annotations: {applyset.kubernetes.io/contains-group-kinds: ConfigMap}}}"));
  EXPECT_TRUE(
      touched("{metadata: {name: w, finalizers: [kro.run/finalizer], labels: {}, "
              "annotations: {applyset.kubernetes.io/contains-group-kinds: ConfigMap}}}"));
  EXPECT_TRUE(touched(
      "{metadata: {name: w, finalizers: [kro.run/finalizer], labels: {kro.run/owned: 'true'}, "
      "annotations: {applyset.kubernetes.io/contains-group-kinds: Secret}}}"));
  // The first marks are our own.
  EXPECT_FALSE(MarksWereTouched(*Stored("{metadata: {name: w}}"), *Stored(kMarked)));
}

TEST(Router, AStatusThatReadsTheSameDoesNotDiffer) {
  const auto with = [](std::string_view status) {
    return Stored(
        fmt::format("{{metadata: {{name: w}}{}{}}}", status.empty() ? "" : ", status: ", status));
  };
  EXPECT_FALSE(StatusDiffers(*with(""), *with("")));
  EXPECT_FALSE(StatusDiffers(*with("{state: ACTIVE}"), *with("{state: ACTIVE}")));
  EXPECT_TRUE(StatusDiffers(*with("{state: ACTIVE}"), *with("{state: ERROR}")));
  EXPECT_TRUE(StatusDiffers(*with("{state: ACTIVE}"), *with("")));
  EXPECT_TRUE(StatusDiffers(*with(""), *with("{state: ACTIVE}")));
}

TEST(Router, WhatWasComputedIsOfNoUseOnceSpecDeletionOrObjectIsAnother) {
  const auto with = [](std::string_view metadata) {
    return Stored(fmt::format("{{metadata: {{name: w, {}}}}}", metadata));
  };
  const auto object = with("uid: u, generation: 1");
  EXPECT_FALSE(MovedOn(*object, *with("uid: u, generation: 1, resourceVersion: '9'")));
  EXPECT_TRUE(MovedOn(*object, *with("uid: u, generation: 2")));
  EXPECT_TRUE(MovedOn(*object, *with("uid: v, generation: 1")));
  EXPECT_TRUE(MovedOn(*object, *with("uid: u, generation: 1, deletionTimestamp: now")));
  EXPECT_TRUE(MovedOn(*object, *with("uid: u")));
}

TEST(Router, AnObjectWhoseVersionAloneMovedIsTheSame) {
  EXPECT_FALSE(ObjectDiffers(Stored("{metadata: {name: c, resourceVersion: '1'}, data: {k: v}}"),
                             Stored("{metadata: {name: c, resourceVersion: '2'}, data: {k: v}}")));
  EXPECT_TRUE(ObjectDiffers(Stored("{metadata: {name: c, resourceVersion: '1'}, data: {k: v}}"),
                            Stored("{metadata: {name: c, resourceVersion: '2'}, data: {k: w}}")));
}

TEST(Router, FindsTheInstanceOfAChildByItsLabels) {
  const auto child = Stored(
      "{metadata: {name: c, labels: {kro.run/instance-group: kro.run, kro.run/instance-kind: Web, "
      "kro.run/instance-name: w, kro.run/instance-namespace: ns}}}");
  EXPECT_EQ(InstanceOf(*child, {"kro.run", "Web"}), (kube::ObjectKey{"ns", "w"}));
  EXPECT_EQ(InstanceOf(*child, {"other.dev", "Web"}), std::nullopt);
}

}  // namespace
}  // namespace kro::controller
