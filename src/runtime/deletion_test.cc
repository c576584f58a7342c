#include "runtime/deletion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "runtime/pass_test_util.h"

namespace kro::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Member Made(std::string_view name, std::string_view order, bool is_terminating = false,
            std::string_view set = "ours", std::string_view manager = "kro.run/applyset") {
  return {{"", "v1", "configmaps"},
          {"", "v1", "ConfigMap"},
          std::make_shared<const json::Value>(Yaml(fmt::format(
              "{{metadata: {{name: {}, namespace: default, uid: u, labels: "
              "{{applyset.kubernetes.io/part-of: "
              "{}}}, annotations: {{internal.kro.run/apply-order: '{}'}}, "
              "managedFields: [{{manager: {}, operation: Apply, fieldsV1: {{'f:metadata': "
              "{{'f:labels': {{'f:applyset.kubernetes.io/part-of': {{}}}}}}}}}}]{}}}}}",
              name, set, order, manager, is_terminating ? ", deletionTimestamp: now" : "")))};
}

template <typename Named>
std::vector<std::string> Names(const std::vector<Named>& all) {
  std::vector<std::string> names;
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

TEST(PlanDeletion, GoesWaveByWave) {
  std::vector<Member> members = {Made("a", "1"), Made("b", "2"), Made("c", "2"), Made("d", "3")};
  DeletionStep step = PlanDeletion(members, "ours");
  EXPECT_EQ(step.wave, 3);
  EXPECT_THAT(Names(step.deletions), ElementsAre("d"));
  EXPECT_EQ(step.later, 3u);

  members.pop_back();
  step = PlanDeletion(members, "ours");
  EXPECT_THAT(Names(step.deletions), ElementsAre("b", "c"));
}

TEST(PlanDeletion, WaitsForWhatIsTerminating) {
  // Row 129: a finalizer in a wave holds all lower ones.
  const std::vector<Member> members = {Made("a", "1"), Made("b", "2", true), Made("c", "2")};
  const DeletionStep step = PlanDeletion(members, "ours");
  EXPECT_EQ(step.wave, 2);
  EXPECT_THAT(Names(step.deletions), ElementsAre("c"));
  EXPECT_THAT(Names(step.terminating), ElementsAre("b"));
  EXPECT_FALSE(step.IsDone());
}

TEST(PlanDeletion, TakesWhatHasNoOrderLast) {
  // Row 130
  const std::vector<Member> members = {Made("old", "x"), Made("negative", "-1"), Made("a", "1")};
  EXPECT_THAT(Names(PlanDeletion(members, "ours").deletions), ElementsAre("a"));
  EXPECT_THAT(Names(PlanDeletion(std::span(members).first(2), "ours").deletions),
              ElementsAre("old", "negative"));
}

TEST(PlanDeletion, IsDoneWhenNoMemberIsLeft) {
  EXPECT_TRUE(PlanDeletion({}, "ours").IsDone());
  const std::vector<Member> members = {Made("theirs", "1", false, "other")};
  EXPECT_TRUE(PlanDeletion(members, "ours").IsDone());
}

TEST(PlanDeletion, LeavesAloneWhatOnlyCarriesTheLabel) {
  // Trap 54: whoever may label an object could have it deleted.
  const std::vector<Member> members = {Made("copy", "9", false, "ours", "kubectl-create"),
                                       Made("a", "1")};
  const DeletionStep step = PlanDeletion(members, "ours");
  EXPECT_EQ(step.wave, 1);
  EXPECT_THAT(Names(step.deletions), ElementsAre("a"));
  EXPECT_TRUE(PlanDeletion(std::span(members).first(1), "ours").IsDone());
}

}  // namespace
}  // namespace kro::runtime
