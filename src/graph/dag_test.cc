#include "graph/dag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "json/value.h"
#include "support/conformance.h"

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Edges as "D C": D depends on C; vertices are the letters A, B, … in order.
Dag Letters(std::size_t count, std::initializer_list<const char*> edges) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.emplace_back(1, static_cast<char>('A' + i));
  Dag dag(std::move(names));
  for (const char* edge : edges) {
    EXPECT_TRUE(dag.AddEdge(static_cast<std::size_t>(edge[0] - 'A'),
                            static_cast<std::size_t>(edge[1] - 'A')));
  }
  return dag;
}

std::string Join(const Dag& dag, const std::vector<std::size_t>& order) {
  std::string text;
  for (std::size_t vertex : order) text += dag.names()[vertex];
  return text;
}

TEST(Dag, OrdersByAHeapAndNotByLayers) {
  const struct {
    std::size_t count;
    std::initializer_list<const char*> edges;
    const char* order;
  } kCases[] = {
      {3, {}, "ABC"},
      {6, {"DC"}, "ABCDEF"},
      {6, {"CD"}, "ABDCEF"},
      {6, {"AF", "BF", "AB"}, "CDEFBA"},
      {6, {"AB", "AC", "BD", "CD", "EF", "EA"}, "DBCAFE"},
      {4, {"BA", "BC", "DC"}, "ACBD"},
  };
  for (const auto& c : kCases) {
    const Dag dag = Letters(c.count, c.edges);
    EXPECT_EQ(Join(dag, *dag.TopologicalOrder()), c.order);
  }
}

TEST(Dag, NumbersWavesFromTheDependentsEnd) {
  EXPECT_THAT(Letters(5, {"BA", "CA", "DB"}).ApplyOrders(), ElementsAre(1, 2, 3, 3, 3));
  EXPECT_THAT(Letters(4, {"BA", "CA", "DB", "DC"}).ApplyOrders(), ElementsAre(1, 2, 2, 3));
  EXPECT_THAT(Letters(0, {}).ApplyOrders(), IsEmpty());
}

TEST(Dag, NamesACycleFromItsFirstMember) {
  const Dag dag = Letters(5, {"ED", "DC", "CE", "AE"});
  EXPECT_EQ(dag.TopologicalOrder().error().message(), "graph contains a cycle: C -> E -> D -> C");
}

TEST(Dag, RefusesASelfReference) {
  Dag dag = Letters(1, {});
  EXPECT_EQ(dag.AddEdge(0, 0).error().message(), "self references are not allowed");
}

TEST(Dag, IgnoresARepeatedEdge) {
  const Dag dag = Letters(2, {"BA", "BA"});
  EXPECT_THAT(dag.DependenciesOf(1), ElementsAre(0));
}

TEST(Dag, TakesAChainOfManyThousands) {
  constexpr std::size_t kCount = 100'000;
  Dag dag{std::vector<std::string>(kCount, "n")};
  for (std::size_t i = 1; i < kCount; ++i) ASSERT_TRUE(dag.AddEdge(i - 1, i));
  EXPECT_EQ(dag.TopologicalOrder()->front(), kCount - 1);
  EXPECT_EQ(dag.ApplyOrders().front(), static_cast<int>(kCount));
}

// Order and waves of a graph are those that were recorded.
void ExpectRecorded(const json::Value& entry) {
  const auto& nodes = entry.at("nodes").as_object();
  std::vector<std::string> names;
  std::map<std::string, std::size_t, std::less<>> index;
  for (const auto& member : nodes) {
    index.emplace(std::string(member.key()), names.size());
    names.emplace_back(member.key());
  }
  Dag dag(names);
  for (const auto& member : nodes) {
    const json::Value* dependencies = json::Find(member.value(), "dependencies");
    if (dependencies == nullptr) continue;
    for (const json::Value& dependency : dependencies->as_array()) {
      ASSERT_TRUE(dag.AddEdge(index.at(std::string(member.key())),
                              index.at(std::string(dependency.as_string()))));
    }
  }
  const auto order = dag.TopologicalOrder();
  ASSERT_TRUE(order) << order.error().message();
  std::vector<std::string> expected;
  for (const json::Value& id : json::Find(entry, "topologicalOrder")->as_array()) {
    expected.emplace_back(id.as_string());
  }
  std::vector<std::string> actual;
  for (std::size_t vertex : *order) actual.push_back(names[vertex]);
  EXPECT_EQ(actual, expected);
  const std::vector<int> waves = dag.ApplyOrders();
  for (const auto& member : json::Find(entry, "applyOrders")->as_object()) {
    EXPECT_EQ(waves[index.at(std::string(member.key()))], member.value().to_number<int>());
  }
}

TEST(DagConformance, OrdersEveryRecordedGraphAsRecorded) {
  conformance::Tally tally("graph order");
  for (const json::Value& entry : conformance::ReadCases("conformance/graph.json")) {
    if (json::Find(entry, "nodes") == nullptr) continue;
    tally.Run(std::string(json::FindString(entry, {"id"})), [&] { ExpectRecorded(entry); });
  }
}

}  // namespace
}  // namespace kro::graph
