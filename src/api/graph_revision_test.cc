#include "api/graph_revision.h"

#include <gtest/gtest.h>

namespace kro::api {
namespace {

Rgd Web() {
  Rgd rgd;
  rgd.name = "web";
  rgd.uid = "u-1";
  rgd.generation = 3;
  rgd.spec.raw = *json::Parse(R"({"schema":{"kind":"Web","apiVersion":"v1"},"resources":[]})");
  return rgd;
}

TEST(GraphRevision, ReadsWhatItMakes) {
  const json::Value object = NewGraphRevision(Web(), 12, "00000000000000ff", "v1.0.0");
  const auto revision = DecodeGraphRevision(object);
  ASSERT_TRUE(revision);
  EXPECT_EQ(revision->name, "web-r00012");
  EXPECT_EQ(revision->revision, 12);
  EXPECT_EQ(revision->snapshot.name, "web");
  EXPECT_EQ(revision->snapshot.generation, 3);
  EXPECT_EQ(revision->snapshot.spec.schema->kind, "Web");
  EXPECT_EQ(revision->labels.at("kro.run/graph-revision-hash"), "00000000000000ff");
  EXPECT_EQ(revision->labels.at("kro.run/resource-graph-definition-name"), "web");
}

TEST(GraphRevision, IsOwnedByItsRgd) {
  const json::Value object = NewGraphRevision(Web(), 1, "x", "devel");
  EXPECT_EQ(json::Canonical(object.at("metadata").at("ownerReferences")),
            R"([{"apiVersion":"kro.run/v1alpha1","controller":true,)"
            R"("kind":"ResourceGraphDefinition","name":"web","uid":"u-1"}])");
}

TEST(GraphRevision, WithoutASnapshotIsRefused) {
  const auto revision = DecodeGraphRevision(*json::Parse(R"({"spec":{"revision":1}})"));
  ASSERT_FALSE(revision);
  EXPECT_EQ(revision.error()[0].where.path, "spec.snapshot.spec");
}

}  // namespace
}  // namespace kro::api
