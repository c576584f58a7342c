#include "controller/pass_computer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/real_executor.h"
#include "async/simulated_executor.h"
#include "controller/instance_world_test_util.h"

namespace kro::controller {
namespace {

// Looks at all pairs of `n` texts.
constexpr std::string_view kPairs = R"(
schema: {apiVersion: v1alpha1, kind: Pairs, spec: {a: "[]string"}}
resources:
- id: cm
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.metadata.name}"}
    data: {v: "${string(schema.spec.a.filter(x, schema.spec.a.exists(y, y == x + '!')).size())}"}
)";

std::shared_ptr<const graph::Graph> PairsGraph() {
  auto spec = api::DecodeRgdSpec(Yaml(kPairs));
  auto graph = graph::Compile("pairs", *spec, RecordedKinds(), {});
  if (!graph) throw std::runtime_error(graph.error().front().message);
  return *graph;
}

runtime::LiveObject Pairs(int n) {
  std::string texts;
  for (int i = 0; i < n; ++i) texts += fmt::format("a{},", i);
  return std::make_shared<const json::Value>(
      Yaml(fmt::format("{{apiVersion: kro.run/v1alpha1, kind: Pairs, metadata: {{name: p, "
                       "namespace: default, uid: u}}, "
                       "spec: {{a: [{}]}}}}",
                       texts)));
}

TEST(PassComputer, APassWithinTheBudgetOfTheLoopStaysThere) {
  async::SimulatedExecutor executor;
  PassComputer pass(executor, PairsGraph(), Pairs(10), {}, PassComputer::Place::kLoop);
  const auto actions = *executor.Run(pass.Advance());
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(json::FindString(*actions.front().desired, {"data", "v"}), "0");
  EXPECT_FALSE(pass.NeedsPool());
}

TEST(PassComputer, OneThatNeedsMoreIsForThePool) {
  async::SimulatedExecutor executor;
  const auto graph = PairsGraph();
  PassComputer light(executor, graph, Pairs(1500), {}, PassComputer::Place::kLoop);
  EXPECT_TRUE(executor.Run(light.Advance())->empty());
  EXPECT_TRUE(light.NeedsPool());
  PassComputer heavy(executor, graph, Pairs(1500), {}, PassComputer::Place::kPool);
  EXPECT_EQ(executor.Run(heavy.Advance())->size(), 1U);
  EXPECT_FALSE(heavy.NeedsPool());
}

// While the pool is at it, the loop does what comes; what the pass asks for is found there.
TEST(PassComputer, TheLoopGoesOnMeanwhile) {
  async::RealExecutor executor(1);
  std::atomic<bool> done = false;
  int turns = 0;
  bool found_on_loop = false;
  executor.RunToEnd(
      [](auto& executor, auto& done, auto& turns, auto& found_on_loop) -> async::Task<void> {
        const auto loop = std::this_thread::get_id();
        PassComputer pass(executor, PairsGraph(), Pairs(1000),
                          {.find =
                               [&](const graph::Node&, std::string_view, std::string_view) {
                                 found_on_loop = std::this_thread::get_id() == loop;
                                 return runtime::LiveObject();
                               }},
                          PassComputer::Place::kPool);
        async::Scope scope(executor);
        scope.Spawn([](auto& executor, auto& done, auto& turns) -> async::Task<void> {
          for (; !done; ++turns) co_await async::Yield(executor);
        }(executor, done, turns));
        const auto actions = co_await pass.Advance();
        EXPECT_EQ(actions.size(), 1U);
        done = true;
        co_await scope.Join();
      }(executor, done, turns, found_on_loop));
  EXPECT_GT(turns, 100);
  EXPECT_TRUE(found_on_loop);
}

}  // namespace
}  // namespace kro::controller
