#include "api/gvk.h"

#include <gtest/gtest.h>

namespace kro::api {
namespace {

TEST(Gvk, PrintsAsGoDoes) {
  EXPECT_EQ(fmt::format("{}", Gvk{"apps", "v1", "Deployment"}), "apps/v1, Kind=Deployment");
  EXPECT_EQ(fmt::format("{}", Gvk{"", "v1", "Pod"}), "/v1, Kind=Pod");
  EXPECT_EQ(fmt::format("{}", Gvr{"apps", "v1", "deployments"}), "apps/v1, Resource=deployments");
  EXPECT_EQ(fmt::format("{}", GroupVersion{"apps", "v1"}), "apps/v1");
  EXPECT_EQ(fmt::format("{}", GroupVersion{"", "v1"}), "v1");
  EXPECT_EQ(fmt::format("{}", GroupKind{"apps", "Deployment"}), "Deployment.apps");
}

TEST(Gvk, ReadsAnApiVersion) {
  EXPECT_EQ(ParseGvk("apps/v1", "Deployment"), (Gvk{"apps", "v1", "Deployment"}));
  EXPECT_EQ(ParseGvk("v1", "Pod"), (Gvk{"", "v1", "Pod"}));
  EXPECT_EQ(ParseGvk("compute.example.com/v1api20220301preview", "Disk"),
            (Gvk{"compute.example.com", "v1api20220301preview", "Disk"}));
  EXPECT_EQ(ParseGvk("a/b/c", "X").error().message(),
            "invalid apiVersion format \"a/b/c\": unexpected GroupVersion string: a/b/c");
  EXPECT_EQ(GroupVersion::Parse("a/b/c").error().message(),
            "unexpected GroupVersion string: a/b/c");
}

TEST(Gvk, HashTellsWhereAPartEnds) {
  const std::hash<Gvr> hash;
  EXPECT_EQ(hash({"a", "b", "c"}), hash({"a", "b", "c"}));
  EXPECT_NE(hash({"a", "b", "c"}), hash({"ab", "", "c"}));
  EXPECT_NE(hash({"a", "b", "c"}), hash({"", "ab", "c"}));
  EXPECT_NE(hash({"a", "b", "c"}), hash({"c", "b", "a"}));
}

}  // namespace
}  // namespace kro::api
