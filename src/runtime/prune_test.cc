#include "runtime/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "runtime/pass_test_util.h"

namespace kro::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A ConfigMap in `default` that belongs to the set "ours".
Member Made(std::string_view name, std::string_view order, std::string_view more = "{}",
            std::string_view set = "ours") {
  json::Value object = Yaml(fmt::format(
      "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {0}, namespace: default, uid: uid-{0}, "
      "labels: {{applyset.kubernetes.io/part-of: {1}, kro.run/node-id: {0}}}, "
      "annotations: {{internal.kro.run/apply-order: '{2}'}}, managedFields: [{{manager: "
      "kro.run/applyset, operation: Apply, fieldsV1: {{'f:metadata': {{'f:labels': "
      "{{'f:applyset.kubernetes.io/part-of': {{}}}}}}}}}}]}}}}",
      name, set, order));
  for (const auto& member : Yaml(more).get_object()) {
    object.get_object()["metadata"].get_object()[member.key()] = member.value();
  }
  return {{"", "v1", "configmaps"},
          {"", "v1", "ConfigMap"},
          std::make_shared<const json::Value>(std::move(object))};
}

template <typename Named>
std::vector<std::string> Names(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

ObjectIdentity ConfigMap(std::string name) {
  return {{"", "ConfigMap"}, "default", std::move(name)};
}

TEST(PlanPrune, TakesTheLastAppliedFirst) {
  const std::vector<Member> members = {Made("a", "1"), Made("c", "3"), Made("kept", "2"),
                                       Made("b", "2"), Made("d", "3")};
  const PrunePlan plan = PlanPrune(members, {ConfigMap("kept")}, "ours");
  ASSERT_EQ(plan.waves.size(), 3u);
  EXPECT_THAT(Names(plan.waves[0]), ElementsAre("c", "d"));
  EXPECT_THAT(Names(plan.waves[1]), ElementsAre("b"));
  EXPECT_THAT(Names(plan.waves[2]), ElementsAre("a"));
  EXPECT_EQ(plan.waves[1][0],
            (Deletion{{"", "v1", "configmaps"}, "default", "b", "uid-b", "b", 2}));
}

TEST(PlanPrune, TakesWhatHasNoOrderLast) {
  const std::vector<Member> members = {Made("old", "none"), Made("zero", "0"), Made("a", "1")};
  const PrunePlan plan = PlanPrune(members, {}, "ours");
  ASSERT_EQ(plan.waves.size(), 2u);
  EXPECT_THAT(Names(plan.waves[1]), ElementsAre("old", "zero"));
}

TEST(PlanPrune, LeavesObjectsOfOthersAlone) {
  const std::vector<Member> members = {Made("theirs", "1", "{}", "other"),
                                       Made("nobodys", "1", "{labels: {}}")};
  EXPECT_TRUE(PlanPrune(members, {}, "ours").empty());
}

TEST(PlanPrune, LeavesAloneWhatOnlyCarriesTheLabel) {
  // Trap 54. Of a copy its maker owns all; who takes the label over from kro owns it from then on.
  const std::vector<Member> members = {
      Made("copy", "1", "{managedFields: [{manager: kubectl-create, operation: Update}]}"),
      Made("bare", "1", "{managedFields: null}"),
      Made("updated", "1",
           "{managedFields: [{manager: kro.run/applyset, operation: Update, fieldsV1: "
           "{'f:metadata': "
           "{'f:labels': {'f:applyset.kubernetes.io/part-of': {}}}}}]}"),
      Made("relabelled", "1",
           "{managedFields: [{manager: kro.run/applyset, operation: Apply, fieldsV1: {'f:data': "
           "{}}}]}")};
  EXPECT_TRUE(PlanPrune(members, {}, "ours").empty());
}

TEST(PlanPrune, TakesWhatItMadeThoughSomebodyEmptiedItsManagedFields) {
  constexpr std::string_view kHash = "annotations: {internal.kro.run/desired-hash: abc}";
  const std::vector<Member> members = {
      Made("emptied", "1", fmt::format("{{{}, managedFields: null}}", kHash)),
      Made("edited-since", "1",
           fmt::format("{{{}, managedFields: [{{manager: kubectl-edit, operation: Update, "
                       "fieldsV1: {{'f:data': {{'f:x': {{}}}}}}}}]}}",
                       kHash)),
      Made("copy", "1",
           fmt::format("{{{}, managedFields: [{{manager: kubectl-create, operation: Update, "
                       "fieldsV1: {{'f:metadata': {{'f:labels': "
                       "{{'f:applyset.kubernetes.io/part-of': {{}}}}}}}}}}]}}",
                       kHash))};
  EXPECT_THAT(Names(PlanPrune(members, {}, "ours").waves.at(0)),
              ElementsAre("emptied", "edited-since"));
}

TEST(PlanPrune, DoesNotDeleteTwice) {
  const std::vector<Member> members = {Made(
      "a", "1",
      "{deletionTimestamp: '2026-08-01T12:00:30Z', deletionGracePeriodSeconds: 30, finalizers: "
      "[example.com/hold]}")};
  const PrunePlan plan = PlanPrune(members, {}, "ours");
  EXPECT_THAT(plan.waves, IsEmpty());
  ASSERT_THAT(Names(plan.terminating), ElementsAre("a"));
  EXPECT_EQ(plan.terminating[0].since, api::ParseTimestamp("2026-08-01T12:00:00Z"));
  EXPECT_THAT(plan.terminating[0].finalizers, ElementsAre("example.com/hold"));
}

TEST(PlanPrune, KnowsAnObjectInEveryVersion) {
  // Trap 17: the graph may speak of it in another version than the inventory.
  Member member = Made("a", "1");
  member.gvk.version = "v2";
  EXPECT_TRUE(PlanPrune(std::span(&member, 1), {ConfigMap("a")}, "ours").empty());
}

}  // namespace
}  // namespace kro::runtime
