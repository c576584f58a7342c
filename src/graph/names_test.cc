#include "graph/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

api::Resource Named(std::string id, std::vector<std::string> iterators = {}) {
  api::Resource resource{.id = std::move(id)};
  for (auto& name : iterators) resource.for_each.push_back({std::move(name), "${schema.spec.xs}"});
  return resource;
}

api::RgdSpec Spec(std::string kind, std::vector<api::Resource> resources) {
  api::RgdSpec spec;
  spec.schema.emplace().kind = std::move(kind);
  spec.resources = std::move(resources);
  return spec;
}

// "code path hint" of every fault.
std::vector<std::string> Faults(const api::RgdSpec& spec) {
  std::vector<std::string> lines;
  for (const Diagnostic& fault : CheckNames(spec)) {
    lines.push_back(fault.code + " " + fault.where.path +
                    (fault.hint.empty() ? "" : " " + fault.hint));
  }
  return lines;
}

TEST(Names, AcceptsWhatFollowsTheConvention) {
  EXPECT_THAT(Faults(Spec("App", {})), IsEmpty());
  EXPECT_THAT(Faults(Spec("App", {Named("web", {"region", "zone"}), Named("db2", {"region"})})),
              IsEmpty());
  EXPECT_THAT(Faults(Spec("App", {Named("string"), Named("int")})), IsEmpty());
}

TEST(Names, ReportsEveryFaultInOrderWithItsPlaceAndABetterName) {
  EXPECT_THAT(Faults(Spec("webApp", {Named("web-server", {"a-zone", "each"}), Named("schema"),
                                     Named("db"), Named("db", {"db", "x", "x"})})),
              ElementsAre("KRO201 spec.schema.kind for instance 'WebApp'",
                          "KRO202 spec.resources[0].id for instance 'webServer'",
                          "KRO204 spec.resources[1].id for instance 'schemaResource'",
                          "KRO203 spec.resources[3].id",
                          "KRO206 spec.resources[0].forEach[0].a-zone for instance 'aZone'",
                          "KRO204 spec.resources[0].forEach[1].each",
                          "KRO203 spec.resources[3].forEach[0].db",
                          "KRO203 spec.resources[3].forEach[2].x"));
}

TEST(Names, PointsFromADuplicateToTheFirst) {
  const Diagnostics faults = CheckNames(Spec("App", {Named("a"), Named("b"), Named("a")}));
  ASSERT_EQ(faults.size(), 1u);
  ASSERT_EQ(faults[0].related.size(), 1u);
  EXPECT_EQ(faults[0].related[0].where.path, "spec.resources[0].id");
  EXPECT_EQ(faults[0].compatible,
            "failed to validate resourcegraphdefinition: naming convention violation: found "
            "duplicate resource IDs a");
}

TEST(Names, LimitsDimensionsInclusively) {
  const api::RgdSpec spec = Spec("App", {Named("a", {"x", "y"})});
  EXPECT_THAT(CheckNames(spec, 2), IsEmpty());
  const Diagnostics faults = CheckNames(spec, 1);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].message, "resource \"a\": forEach cannot have more than 1 dimensions, got 2");
  EXPECT_EQ(CheckNames(Spec("App", {Named("a", {"x"})}), 0).size(), 1u);
}

TEST(Names, AMissingSchemaBlockIsAnEmptyKind) {
  EXPECT_THAT(Faults({}), ElementsAre("KRO201 spec.schema.kind"));
}

}  // namespace
}  // namespace kro::graph
