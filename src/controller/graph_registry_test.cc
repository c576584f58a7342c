#include "controller/graph_registry.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace kro::controller {
namespace {

RevisionEntry Entry(const char* owner, std::int64_t revision,
                    RevisionState state = RevisionState::kPending) {
  return {.owner = owner, .revision = revision, .spec_hash = "h", .state = state, .graph = nullptr};
}

TEST(GraphRegistry, LatestIsTheHighestNumberWhateverItsState) {
  GraphRegistry registry;
  registry.Put(Entry("web", 3, RevisionState::kFailed));
  registry.Put(Entry("web", 1, RevisionState::kActive));
  ASSERT_TRUE(registry.Latest("web"));
  EXPECT_EQ(registry.Latest("web")->revision, 3);
  EXPECT_EQ(registry.Latest("web")->state, RevisionState::kFailed);
  EXPECT_FALSE(registry.Latest("other"));
}

TEST(GraphRegistry, PutReplacesAnEntry) {
  GraphRegistry registry;
  registry.Put(Entry("web", 1));
  registry.Put(Entry("web", 1, RevisionState::kActive));
  EXPECT_EQ(registry.Count(RevisionState::kPending), 0u);
  EXPECT_EQ(registry.Get("web", 1)->state, RevisionState::kActive);
}

TEST(GraphRegistry, DeletingTheLatestUncoversTheOneBefore) {
  GraphRegistry registry;
  registry.Put(Entry("web", 1));
  registry.Put(Entry("web", 2));
  registry.Delete("web", 2);
  registry.Delete("web", 2);
  EXPECT_EQ(registry.Latest("web")->revision, 1);
  registry.Delete("web", 1);
  EXPECT_FALSE(registry.Latest("web"));
}

TEST(GraphRegistry, DeleteBeforeKeepsTheNumberItself) {
  GraphRegistry registry;
  for (std::int64_t number = 1; number <= 4; ++number) registry.Put(Entry("web", number));
  registry.DeleteBefore("web", 3);
  const std::vector<std::int64_t> kept = {3, 4};
  EXPECT_TRUE(registry.HasAll("web", kept));
  EXPECT_FALSE(registry.Get("web", 2));
  registry.DeleteBefore("web", 9);
  EXPECT_FALSE(registry.Latest("web"));
}

TEST(GraphRegistry, HasAllOfNothingHoldsForAnUnknownOwner) {
  GraphRegistry registry;
  EXPECT_TRUE(registry.HasAll("web", {}));
  const std::vector<std::int64_t> one = {1};
  EXPECT_FALSE(registry.HasAll("web", one));
}

}  // namespace
}  // namespace kro::controller
