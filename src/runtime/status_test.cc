#include "runtime/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "api/constants.h"
#include "runtime/pass_test_util.h"

namespace kro::runtime {
namespace {

using ::testing::ElementsAre;

const api::Timestamp kNow = *api::ParseTimestamp("2026-08-01T13:00:00Z");
constexpr std::string_view kCreated = "2026-08-01T12:00:00Z";

json::Value Instance(std::string_view status, std::string_view metadata = "{}") {
  return *App("{}", "default", fmt::format("{{status: {}, metadata: {}}}", status, metadata));
}

Outcome Ready() {
  Outcome outcome;
  outcome.state = api::state::kActive;
  outcome.ready = true;
  return outcome;
}

Outcome NotReady(std::string_view message) {
  Outcome outcome;
  outcome.state = api::state::kInProgress;
  outcome.reason = api::reason::kNotReady;
  outcome.message = message;
  return outcome;
}

// The status after a pass, by upstream's order of events.
json::Value StatusAfter(const json::Value& instance, const Outcome& outcome,
                        const AuthorConditions* author = nullptr) {
  InstanceStatus status(instance, kNow);
  status.Managed();
  status.Resolved();
  status.Resources(outcome);
  return status.Running(outcome, author);
}

// "Type=Status/Reason @time generation"
std::vector<std::string> Lines(const json::Value& status) {
  std::vector<std::string> lines;
  for (const json::Value& value : json::Find(status, "conditions")->get_array()) {
    const api::Condition condition = api::ConditionFromJson(value);
    lines.push_back(fmt::format(
        "{}={}/{} @{} {}", condition.type, api::ToString(condition.status), condition.reason,
        condition.last_transition_time == kNow ? "now" : "before", condition.observed_generation));
  }
  return lines;
}

TEST(InstanceStatus, OfAReadyInstance) {
  const json::Value status = StatusAfter(Instance("{}"), Ready());
  EXPECT_EQ(json::FindString(status, {"state"}), "ACTIVE");
  EXPECT_THAT(
      Lines(status),
      ElementsAre("InstanceManaged=True/Managed @now 1", "GraphResolved=True/Resolved @now 1",
                  "ResourcesReady=True/AllResourcesReady @now 1", "Ready=True/Ready @now 1"));
  const json::Value& ready = json::Find(status, "conditions")->get_array()[3];
  ASSERT_NE(json::Find(ready, "message"), nullptr);
  EXPECT_EQ(json::FindString(ready, {"message"}), "");
}

TEST(InstanceStatus, KeepsTimesOfWhatDidNotChange) {
  // Given a ready instance, at a later time not ready
  json::Value instance = Instance("{}");
  instance.get_object()["status"] = StatusAfter(instance, Ready());
  InstanceStatus later(instance, kNow + std::chrono::hours(1));
  later.Managed();
  later.Resolved();
  later.Resources(NotReady("resource reconciliation failed: x"));
  const json::Value first = later.Running(NotReady(""), nullptr);
  EXPECT_EQ(json::FindString(first, {"state"}), "IN_PROGRESS");
  EXPECT_THAT(
      Lines(first),
      ElementsAre("InstanceManaged=True/Managed @now 1", "GraphResolved=True/Resolved @now 1",
                  "ResourcesReady=False/NotReady @before 1", "Ready=False/NotReady @before 1"));

  // A new message does not move the time, so the same situation writes the same status.
  later.Resources(NotReady("resource reconciliation failed: y"));
  EXPECT_EQ(Lines(later.Running(NotReady(""), nullptr)), Lines(first));
}

TEST(InstanceStatus, TwoPassesInTheSameStateWriteOnce) {
  json::Value instance = Instance("{}");
  const json::Value status = StatusAfter(instance, Ready());
  EXPECT_FALSE(SameStatus(json::Find(instance, "status"), status));
  instance.get_object()["status"] = status;
  InstanceStatus later(instance, kNow + std::chrono::hours(1));
  later.Managed();
  later.Resolved();
  later.Resources(Ready());
  EXPECT_TRUE(SameStatus(json::Find(instance, "status"), later.Running(Ready(), nullptr)));
}

TEST(InstanceStatus, ANewGenerationMovesObservedGenerationOnly) {
  json::Value instance = Instance("{}");
  instance.get_object()["status"] = StatusAfter(instance, Ready());
  instance.get_object()["metadata"].get_object()["generation"] = 2;
  EXPECT_THAT(
      Lines(StatusAfter(instance, Ready())),
      ElementsAre("InstanceManaged=True/Managed @now 2", "GraphResolved=True/Resolved @now 2",
                  "ResourcesReady=True/AllResourcesReady @now 2", "Ready=True/Ready @now 2"));
}

TEST(InstanceStatus, TakesMissingConditionsAsAwaited) {
  const json::Value instance = Instance("{}");
  const InstanceStatus status(instance, kNow);
  const json::Value written = status.conditions().ToJson();
  for (const json::Value& condition : written.get_array()) {
    EXPECT_EQ(json::FindString(condition, {"reason"}), "AwaitingReconciliation");
    EXPECT_EQ(json::FindString(condition, {"lastTransitionTime"}), kCreated);
  }
  EXPECT_EQ(written.get_array().size(), 4u);
}

TEST(InstanceStatus, DropsConditionsThatAreNotItsOwn) {
  const json::Value instance = Instance(
      "{conditions: [{type: Mine, status: 'True'}, {type: GraphResolved, status: 'True'}]}");
  EXPECT_EQ(Lines(StatusAfter(instance, Ready())).size(), 4u);
}

struct StateCase {
  std::string_view about;
  void (*set)(InstanceStatus&);
  std::string_view aggregate;
  std::string_view state;
  std::string_view ready;  // status/reason
};

TEST(InstanceStatus, StatesAndRootAgreeAsUpstreamHasThem) {
  const StateCase kCases[] = {
      {"suspended",
       [](InstanceStatus& s) {
         s.Managed();
         s.Resolved();
         s.Suspended();
       },
       api::state::kActive, "ACTIVE", "False/ReconciliationSuspended"},
      {"finalizer or labels refused",
       [](InstanceStatus& s) { s.ManagementFailed("finalizer/labeling failed: x"); },
       api::state::kActive, "ACTIVE", "False/ManagementFailed"},
      {"failed outside the pass",
       [](InstanceStatus& s) {
         s.Managed();
         s.Resolved();
         s.ResourcesFailed("prune failed: x");
       },
       api::state::kInProgress, "IN_PROGRESS", "False/NotReady"},
      {"a node failed",
       [](InstanceStatus& s) {
         s.Managed();
         s.Resolved();
         s.ResourcesFailed("x");
       },
       api::state::kError, "ERROR", "False/NotReady"},
  };
  for (const StateCase& c : kCases) {
    SCOPED_TRACE(c.about);
    const json::Value instance = Instance("{}");
    InstanceStatus status(instance, kNow);
    c.set(status);
    Outcome outcome;
    outcome.state = c.aggregate;
    const json::Value written = status.Running(outcome, nullptr);
    EXPECT_EQ(json::FindString(written, {"state"}), c.state);
    const api::Condition* ready = status.conditions().Find("Ready");
    EXPECT_EQ(fmt::format("{}/{}", api::ToString(ready->status), ready->reason), c.ready);
  }
}

TEST(InstanceStatus, AStatusFieldThatFailedShowsAsError) {
  Outcome outcome = Ready();
  outcome.problems.push_back({"status.a", Error(ErrorCode::kInvalid, "x")});
  EXPECT_EQ(json::FindString(StatusAfter(Instance("{}"), outcome), {"state"}), "ERROR");
}

TEST(InstanceStatus, WithoutARevisionFieldsStay) {
  const json::Value instance =
      Instance("{v: 1, state: ACTIVE, conditions: [{type: Mine, status: 'True'}]}");
  InstanceStatus status(instance, kNow);
  status.ResolutionFailed("latest issued graph revision 3 failed");
  const json::Value builtin = status.Unresolved(ConditionsBlock::kNone);
  EXPECT_EQ(json::FindString(builtin, {"state"}), "ERROR");
  EXPECT_EQ(*json::Find(builtin, "v"), json::Value(1));
  EXPECT_EQ(Lines(builtin).size(), 4u);
  EXPECT_EQ(status.Unresolved(ConditionsBlock::kAuthor),
            Yaml("{v: 1, state: ERROR, conditions: [{type: Mine, status: 'True'}]}"));
}

TEST(InstanceStatus, WhileBeingDeleted) {
  json::Value instance = Instance("{v: 1}");
  instance.get_object()["status"] = StatusAfter(instance, Ready());
  instance.get_object()["status"].get_object()["v"] = 1;
  instance.get_object()["metadata"].get_object()["generation"] = 2;
  instance.get_object()["metadata"].get_object()["deletionTimestamp"] = kCreated;
  InstanceStatus status(instance, kNow);
  status.Deleting();
  const json::Value written = status.BeingDeleted(ConditionsBlock::kNone);
  EXPECT_EQ(json::FindString(written, {"state"}), "DELETING");
  EXPECT_EQ(*json::Find(written, "v"), json::Value(1));
  EXPECT_THAT(Lines(written), ElementsAre("InstanceManaged=True/Managed @now 2",
                                          "GraphResolved=True/Resolved @now 2",
                                          "ResourcesReady=Unknown/UnderDeletion @now 2",
                                          "Ready=Unknown/UnderDeletion @now 2"));
  status.DeletionBlocked("x");
  EXPECT_EQ(status.conditions().Find("Ready")->message, "deletion blocked: x");
}

TEST(InstanceStatus, WhileBeingDeletedTheAuthorsConditionsFollowKros) {
  const json::Value instance = Instance(
      "{conditions: [{type: Mine, status: 'True'}, {type: ResourcesReady, status: 'True', reason: "
      "Mine}]}");
  InstanceStatus status(instance, kNow);
  status.Deleting();
  EXPECT_THAT(Lines(status.BeingDeleted(ConditionsBlock::kAuthor)),
              ElementsAre("ResourcesReady=Unknown/UnderDeletion @now 1", "Mine=True/ @before 0"));
}

AuthorConditions Author(
    std::initializer_list<std::pair<std::string, api::ConditionStatus>> produced) {
  AuthorConditions author;
  for (const auto& [type, status] : produced) {
    author.produced.push_back({type, status, "", "", std::nullopt, 0});
  }
  return author;
}

TEST(InstanceStatus, AuthorsConditionsReplaceKros) {
  // Rows 117 to 120
  const json::Value instance = Instance(
      "{conditions: [{type: A, status: 'True', lastTransitionTime: '2026-08-01T12:00:00Z', "
      "observedGeneration: 1}, {type: B, status: 'True', lastTransitionTime: "
      "'2026-08-01T12:00:00Z'}, "
      "{type: Gone, status: 'True'}]}",
      "{generation: 5}");
  const AuthorConditions author = Author({{"A", api::ConditionStatus::kTrue},
                                          {"B", api::ConditionStatus::kFalse},
                                          {"Ready", api::ConditionStatus::kFalse}});
  const json::Value status = StatusAfter(instance, Ready(), &author);
  EXPECT_EQ(json::FindString(status, {"state"}), "ACTIVE");
  EXPECT_THAT(Lines(status),
              ElementsAre("A=True/ @before 5", "B=False/ @now 5", "Ready=False/ @now 5"));
  EXPECT_EQ(json::Find(json::Find(status, "conditions")->get_array()[0], "message"), nullptr);
}

TEST(InstanceStatus, StoredConditionsStayWhileSomeAreUnknown) {
  // Rows 122, 123
  const json::Value instance =
      Instance("{conditions: [{type: A, status: 'True', note: kept}, {type: B, status: 'True'}]}");
  AuthorConditions author = Author({{"B", api::ConditionStatus::kTrue}});
  author.complete = false;
  const json::Value incomplete = StatusAfter(instance, Ready(), &author);
  EXPECT_EQ(json::FindString(incomplete, {"state"}), "ACTIVE");
  EXPECT_EQ(json::Find(incomplete, "conditions")->get_array()[1],
            Yaml("{type: A, status: 'True', note: kept}"));

  author.problems.push_back({"status.conditions[0]", Error(ErrorCode::kInvalid, "x")});
  EXPECT_EQ(json::FindString(StatusAfter(instance, Ready(), &author), {"state"}), "ERROR");
}

struct SameCase {
  std::string_view stored;
  std::string_view wanted;
  bool same;
};

TEST(SameStatus, ComparesWhatTheServerWouldStore) {
  const SameCase kCases[] = {
      {"{a: 1}", "{a: 1}", true},
      {"{a: 1, b: 2}", "{b: 2, a: 1}", true},
      {"{a: 1}", "{a: 1, b: null}", true},
      {"{a: {}}", "{a: {b: null}}", true},
      {"{a: 1}", "{a: 2}", false},
      {"{a: 1}", "{}", false},
      {"{}", "{a: 1}", false},
      {"{a: [1, 2]}", "{a: [2, 1]}", false},
      {"{a: [1]}", "{a: [1, 1]}", false},
      {"{a: '1'}", "{a: 1}", false},
  };
  for (const SameCase& c : kCases) {
    const json::Value stored = Yaml(c.stored);
    EXPECT_EQ(SameStatus(&stored, Yaml(c.wanted)), c.same) << c.stored << " against " << c.wanted;
  }
  EXPECT_TRUE(SameStatus(nullptr, Yaml("{}")));
  const json::Value whole{{"a", 2.0}};
  EXPECT_TRUE(SameStatus(&whole, json::Value{{"a", 2}}));
}

TEST(SameStatus, KnowsWhenOnlyMessagesDiffer) {
  const json::Value stored =
      Yaml("{state: A, conditions: [{type: Ready, reason: x, message: one}]}");
  EXPECT_TRUE(SameButMessages(
      &stored, Yaml("{state: A, conditions: [{type: Ready, reason: x, message: two}]}")));
  EXPECT_FALSE(SameButMessages(
      &stored, Yaml("{state: A, conditions: [{type: Ready, reason: y, message: two}]}")));
  EXPECT_FALSE(SameButMessages(
      &stored, Yaml("{state: B, conditions: [{type: Ready, reason: x, message: one}]}")));
  EXPECT_FALSE(SameButMessages(nullptr, Yaml("{}")));
}

TEST(SameStatus, KnowsWhenOnlyTimesDiffer) {
  const json::Value stored = Yaml(
      "{state: A, conditions: [{type: Ready, reason: x, lastTransitionTime: one}, "
      "{type: Other, reason: x, lastTransitionTime: two}]}");
  EXPECT_TRUE(SameButTimes(
      &stored, Yaml("{state: A, conditions: [{type: Other, reason: x, lastTransitionTime: three}, "
                    "{type: Ready, reason: x, lastTransitionTime: four}]}")));
  EXPECT_FALSE(SameButTimes(
      &stored, Yaml("{state: A, conditions: [{type: Ready, reason: y, lastTransitionTime: one}, "
                    "{type: Other, reason: x, lastTransitionTime: two}]}")));
  EXPECT_FALSE(SameButTimes(&stored, Yaml("{state: A, conditions: [{type: Ready, reason: x}]}")));
  EXPECT_FALSE(SameButTimes(nullptr, Yaml("{}")));
}

}  // namespace
}  // namespace kro::runtime
