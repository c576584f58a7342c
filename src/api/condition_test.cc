#include "api/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::api {
namespace {

using ::testing::ElementsAre;

constexpr Timestamp At(int second) {
  return Timestamp(std::chrono::seconds(1'700'000'000 + second));
}

constexpr ConditionOwner kOwner{.generation = 3, .created = At(0), .deleting = false};

ConditionSet Open(std::vector<Condition> stored = {}, ConditionOwner owner = kOwner) {
  return ConditionSet(InstanceConditions(), owner, std::move(stored), At(1));
}

std::vector<std::string> TypesOf(const ConditionSet& set) {
  std::vector<std::string> types;
  for (const auto& condition : set.conditions()) types.push_back(condition.type);
  return types;
}

TEST(ConditionSet, OpensWithEveryTypeUnknownAndTheRootLast) {
  const ConditionSet set = Open();
  EXPECT_THAT(TypesOf(set),
              ElementsAre("InstanceManaged", "GraphResolved", "ResourcesReady", "Ready"));
  const Condition* managed = set.Find("InstanceManaged");
  EXPECT_EQ(managed->status, ConditionStatus::kUnknown);
  EXPECT_EQ(managed->reason, "AwaitingReconciliation");
  EXPECT_EQ(managed->message, "condition \"InstanceManaged\" is awaiting reconciliation");
  EXPECT_EQ(managed->last_transition_time, At(0));
  EXPECT_FALSE(set.RootReady());
}

TEST(ConditionSet, RootTurnsTrueWhenEveryDependentIs) {
  ConditionSet set = Open();
  set.Set("InstanceManaged", ConditionStatus::kTrue, "Managed", "", At(2));
  set.Set("GraphResolved", ConditionStatus::kTrue, "Resolved", "", At(2));
  EXPECT_FALSE(set.RootReady());
  set.Set("ResourcesReady", ConditionStatus::kTrue, "AllResourcesReady", "", At(3));
  EXPECT_TRUE(set.RootReady());
  EXPECT_EQ(set.Find("Ready")->reason, "Ready");
  EXPECT_EQ(set.Find("Ready")->message, "");
}

TEST(ConditionSet, RootCopiesTheNewestFailure) {
  ConditionSet set = Open();
  set.Set("InstanceManaged", ConditionStatus::kFalse, "ManagementFailed", "old", At(2));
  set.Set("ResourcesReady", ConditionStatus::kFalse, "NotReady", "new", At(5));
  set.Set("GraphResolved", ConditionStatus::kUnknown, "Waiting", "newest", At(9));
  EXPECT_EQ(set.Find("Ready")->status, ConditionStatus::kFalse);
  EXPECT_EQ(set.Find("Ready")->message, "new");
}

TEST(ConditionSet, ReasonDoesNotMoveTheTransitionTime) {
  ConditionSet set = Open();
  set.Set("ResourcesReady", ConditionStatus::kFalse, "NotReady", "a", At(5));
  set.Set("ResourcesReady", ConditionStatus::kFalse, "NotReady", "b", At(9));
  EXPECT_EQ(set.Find("ResourcesReady")->last_transition_time, At(5));
  EXPECT_EQ(set.Find("ResourcesReady")->message, "b");
}

TEST(ConditionSet, RootStaysWhileADependentSpeaksOfAnOlderGeneration) {
  std::vector<Condition> stored;
  for (const auto* type : {"InstanceManaged", "GraphResolved", "ResourcesReady", "Ready"}) {
    stored.push_back({type, ConditionStatus::kTrue, "Fine", "", At(0), 2});
  }
  ConditionSet set = Open(stored);
  set.Set("GraphResolved", ConditionStatus::kTrue, "Fine", "", At(4));
  EXPECT_EQ(set.Find("Ready")->observed_generation, 2);
  EXPECT_FALSE(set.RootReady());
  set.Set("InstanceManaged", ConditionStatus::kTrue, "Fine", "", At(4));
  set.Set("ResourcesReady", ConditionStatus::kTrue, "Fine", "", At(4));
  EXPECT_TRUE(set.RootReady());
}

TEST(ConditionSet, DeletionRaisesEveryGeneration) {
  ConditionOwner owner = kOwner;
  owner.deleting = true;
  ConditionSet set = Open({{"Custom", ConditionStatus::kTrue, "", "", At(0), 1}}, owner);
  EXPECT_EQ(set.Find("Custom")->observed_generation, 3);
}

TEST(ConditionSet, PrunesTheNamesOfOlderVersions) {
  const ConditionSet set(RgdConditions(), kOwner,
                         {{"ResourceGraphAccepted", ConditionStatus::kTrue, "", "", At(0), 1}},
                         At(1));
  EXPECT_EQ(set.Find("ResourceGraphAccepted"), nullptr);
}

TEST(ConditionSet, DependentsCannotBeCleared) {
  ConditionSet set = Open({{"Custom", ConditionStatus::kTrue, "", "", At(0), 1}});
  EXPECT_FALSE(set.Clear("GraphResolved"));
  EXPECT_TRUE(set.Clear("Custom"));
  EXPECT_EQ(set.Find("Custom"), nullptr);
}

TEST(Condition, ReadsWhatItWrites) {
  const Condition condition{"Ready", ConditionStatus::kTrue, "Ready", "", At(7), 4};
  EXPECT_EQ(ConditionFromJson(ToJson(condition)), condition);
  EXPECT_EQ(json::Find(ToJson(condition, EmptyTexts::kOmit), "message"), nullptr);
  EXPECT_EQ(json::FindString(ToJson(condition), {"lastTransitionTime"}), "2023-11-14T22:13:27Z");
}

TEST(Condition, ReadsTimestampsWithZonesAndFractions) {
  EXPECT_EQ(ParseTimestamp("2023-11-14T22:13:27Z"), At(7));
  EXPECT_EQ(ParseTimestamp("2023-11-15T00:13:27.123+02:00"), At(7));
  for (const auto text : {"", "yesterday", "2023-11-14T22:13:27", "2023-02-30T00:00:00Z"}) {
    EXPECT_EQ(ParseTimestamp(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace kro::api
