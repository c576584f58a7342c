#include "graph/dependencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TemplateString Scan(std::string_view text) {
  auto scanned = ScanTemplate(text);
  EXPECT_TRUE(scanned) << text;
  return scanned ? *scanned : TemplateString();
}

// A node with expressions at data.k0, data.k1, …
ResourceNode Node(std::size_t index, std::string id, std::vector<std::string_view> texts) {
  ResourceNode node{.id = std::move(id), .index = index};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    node.fields.push_back(
        {json::FieldPath().Child("data").Child("k" + std::to_string(i)), Scan(texts[i])});
  }
  return node;
}

Dependencies Infer(const std::vector<ResourceNode>& nodes) {
  static const cel::Environment kEnvironment = cel::Environment::Kro();
  return InferDependencies(nodes, kEnvironment, OmitFunction::kDisabled);
}

TEST(Dependencies, TellsWhatAnExpressionMentionsAndWhenItIsKnown) {
  ResourceNode many = Node(1, "many", {"${x}-${a.data.k}"});
  many.fields.push_back({json::FieldPath().Child("metadata").Child("name"), Scan("m-${x}")});
  many.iterators.push_back({"x", Scan("${schema.spec.xs}")});
  const auto found = Infer({Node(0, "a", {"${schema.spec.k}", "${1 + 1}"}), many,
                            Node(2, "b", {"${a.data.k + many[0].data.k0 + a.data.j}"})});
  ASSERT_THAT(found.faults, IsEmpty());
  EXPECT_THAT(found.nodes[0].fields[0].names, ElementsAre("schema"));
  EXPECT_EQ(found.nodes[0].fields[0].kind, ExpressionKind::kStatic);
  EXPECT_THAT(found.nodes[0].fields[1].names, IsEmpty());
  EXPECT_THAT(found.nodes[1].fields[0].names, ElementsAre("x", "a"));
  EXPECT_EQ(found.nodes[1].fields[0].kind, ExpressionKind::kIteration);
  EXPECT_EQ(found.nodes[2].fields[0].kind, ExpressionKind::kDynamic);
  EXPECT_THAT(found.dag.DependenciesOf(2), ElementsAre(0, 1));
}

TEST(Dependencies, PointsIntoTheTextAsItWasWritten) {
  const auto found = Infer({Node(0, "web", {}), Node(1, "b", {"p-${schema.spec.k}-${wb.data.k}"})});
  ASSERT_FALSE(found.faults.empty());
  const Diagnostic& fault = found.faults[0];
  EXPECT_EQ(fault.code, "KRO402");
  EXPECT_EQ(fault.where.path, "spec.resources[1].template.data.k0");
  EXPECT_EQ(fault.where.expression, "wb.data.k");
  EXPECT_EQ(fault.where.span, (Span{0, 2}));
  EXPECT_EQ(fault.hint, "did you mean 'web'?");
}

TEST(Dependencies, ReportsEveryFault) {
  const auto found = Infer({Node(0, "a", {"${a.data.k}", "${ghost}", "${1 +}"}),
                            Node(1, "b", {"${c.x}", "${each.x}"}), Node(2, "c", {"${b.x}"})});
  ASSERT_FALSE(found.faults.empty());
  std::vector<std::string> lines;
  for (const Diagnostic& fault : found.faults) lines.push_back(fault.code + " " + fault.where.path);
  EXPECT_THAT(lines, ElementsAre("KRO402 spec.resources[0].template.data.k1",
                                 "KRO401 spec.resources[0].template.data.k2",
                                 "KRO502 spec.resources[0].template.data.k0",
                                 "KRO402 spec.resources[1].template.data.k1",
                                 "KRO501 spec.resources[1].template.data.k0"));
  EXPECT_THAT(found.faults.back().message, HasSubstr("b -> c -> b"));
}

TEST(Dependencies, ACollectionShowsEveryIteratorInItsIdentity) {
  ResourceNode many = Node(0, "many", {"${x}"});
  many.iterators.push_back({"x", Scan("${schema.spec.xs}")});
  auto found = Infer({many});
  ASSERT_FALSE(found.faults.empty());
  EXPECT_EQ(found.faults[0].code, "KRO503");
  many.fields[0].path = json::FieldPath().Child("metadata").Child("namespace");
  EXPECT_TRUE(Infer({many}).faults.empty());
  many.mapping.namespaced = false;
  EXPECT_FALSE(Infer({many}).faults.empty());
}

}  // namespace
}  // namespace kro::graph
