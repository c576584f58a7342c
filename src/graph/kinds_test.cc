#include "graph/kinds.h"

#include <gtest/gtest.h>

#include "graph/untyped_kind.h"

namespace kro::graph {
namespace {

Kinds SmallCluster() {
  Kinds kinds;
  kinds.AddSchema({"apps", "v1", "Deployment"}, std::make_shared<schema::Schema>());
  kinds.AddMapping({"apps", "v1", "Deployment"}, {{"apps", "v1", "deployments"}, true});
  kinds.AddGroupVersion("policy/v1");
  return kinds;
}

TEST(Kinds, SaysWhatIsMissing) {
  const Kinds kinds = SmallCluster();
  EXPECT_TRUE(kinds.SchemaOf({"apps", "v1", "Deployment"}));
  EXPECT_EQ(kinds.SchemaOf({"apps", "v2", "Deployment"}).error().message(),
            "cannot resolve group version \"apps/v2\": schema not found");
  EXPECT_EQ(kinds.SchemaOf({"apps", "v1", "Deploy"}).error().message(),
            "cannot resolve group version kind \"apps/v1, Kind=Deploy\": schema not found");
  EXPECT_EQ(kinds.MappingOf({"policy", "v1", "Eviction"}).error().message(),
            "no matches for kind \"Eviction\" in version \"policy/v1\"");
}

TEST(Kinds, AListLivesWhereItsKindDoes) {
  const auto mapping = SmallCluster().MappingOf({"apps", "v1", "DeploymentList"});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->gvr.resource, "deployments");
}

TEST(Kinds, OneThatNothingIsKnownOfMayHoldAnything) {
  Kinds kinds;
  const api::Gvk table{"cloud.example.com", "v1", "Table"};
  AddUntyped(table, kinds);
  const auto schema = kinds.SchemaOf(table);
  ASSERT_TRUE(schema);
  EXPECT_TRUE((*schema)->preserve_unknown);
  EXPECT_NE((*schema)->Find("metadata"), nullptr);
  EXPECT_EQ(kinds.MappingOf(table)->gvr.resource, "tables");
}

TEST(Kinds, SuggestsWhatWasMeant) {
  const Kinds kinds = SmallCluster();
  EXPECT_EQ(kinds.Suggest({"extensions", "v1beta1", "Deployment"}),
            "did you mean 'apps/v1' of kind 'Deployment'?");
  EXPECT_EQ(kinds.Suggest({"apps", "v1", "Deploymnt"}), "did you mean 'Deployment'?");
  EXPECT_EQ(kinds.Suggest({"polic", "v1", "Eviction"}), "did you mean 'policy/v1'?");
  EXPECT_EQ(kinds.Suggest({"example.com", "v1", "Widget"}), "");
}

}  // namespace
}  // namespace kro::graph
