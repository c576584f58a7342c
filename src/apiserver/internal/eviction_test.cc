// What an eviction does to a pod and to its disruption budget.
#include "apiserver/internal/eviction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

constexpr const char* kPods = "/api/v1/namespaces/default/pods";
constexpr const char* kBudgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

// Two pods that run, of which one may be disrupted.
struct EvictionWorld : ServerWorld {
  EvictionWorld() {
    for (std::string_view name : {"a", "b"}) {
      Create(kPods, fmt::format(R"(
apiVersion: v1
kind: Pod
metadata: {{name: {}, labels: {{app: web}}}}
spec: {{containers: [{{name: c, image: i}}]}}
)",
                                name));
    }
    AddBudget("web", 1);
  }
  void AddBudget(std::string_view name, int min_available) {
    Create(kBudgets, fmt::format(R"(
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {}}}
spec: {{minAvailable: {}, selector: {{matchLabels: {{app: web}}}}}}
)",
                                 name, min_available));
    Advance(2s);
  }
  http::Response Evict(std::string_view name, std::string_view options = "{}",
                       std::string_view query = "") {
    return Send("POST", fmt::format("{}/{}/eviction{}", kPods, name, query),
                fmt::format(R"({{"apiVersion":"policy/v1","kind":"Eviction",
                             "metadata":{{"name":"{}"}},"deleteOptions":{}}})",
                            name, options));
  }
  bool IsBeingDeleted(std::string_view name) {
    const std::string path = fmt::format("{}/{}", kPods, name);
    return Send("GET", path).status == 404 || At(path, "metadata.deletionTimestamp") != "nothing";
  }
};

TEST(Eviction, DeletesThePodAndTakesFromItsBudget) {
  EvictionWorld world;
  EXPECT_EQ(world.At(fmt::format("{}/web", kBudgets), "status.disruptionsAllowed"), "1");
  EXPECT_EQ(world.Evict("a", R"({"gracePeriodSeconds":30})").status, 201);
  EXPECT_TRUE(world.IsBeingDeleted("a"));
  EXPECT_EQ(world.At(fmt::format("{}/web", kBudgets), "status.disruptionsAllowed"), "0");
  EXPECT_EQ(world.At(fmt::format("{}/web", kBudgets), "status.conditions[0].reason"),
            "InsufficientPods");
}

TEST(Eviction, IsRefusedWhileTheBudgetIsUsedUp) {
  EvictionWorld world;
  world.Evict("a");
  world.Advance(60s);
  const http::Response refused = world.Evict("b");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.Find("Retry-After"), nullptr);
  const auto status = json::Parse(refused.body);
  ASSERT_TRUE(status);
  EXPECT_EQ(json::FindString(*status, {"reason"}), "TooManyRequests");
  EXPECT_EQ(json::Serialize(*json::Find(*status, {"details", "causes"})),
            R"([{"reason":"DisruptionBudget","message":)"
            R"("The disruption budget web needs 1 healthy pods and has 1 currently"}])");
  EXPECT_FALSE(world.IsBeingDeleted("b"));
}

TEST(Eviction, IsRefusedForAMomentWhileTheBudgetIsNotSettled) {
  EvictionWorld world;
  world.Send("PATCH", fmt::format("{}/web", kBudgets), R"({"spec":{"minAvailable":0}})",
             "application/merge-patch+json");
  const http::Response refused = world.Evict("a");
  EXPECT_EQ(refused.status, 429);
  ASSERT_NE(refused.headers.Find("Retry-After"), nullptr);
  EXPECT_EQ(*refused.headers.Find("Retry-After"), "10");
}

TEST(Eviction, OfTwoBudgetsIsNotSupported) {
  EvictionWorld world;
  world.AddBudget("more", 0);
  EXPECT_EQ(world.Evict("a").status, 500);
  EXPECT_FALSE(world.IsBeingDeleted("a"));
}

TEST(Eviction, ADryRunChangesNothing) {
  EvictionWorld world;
  const std::string before = world.Send("GET", fmt::format("{}/web", kBudgets)).body;
  EXPECT_EQ(world.Evict("a", "{}", "?dryRun=All").status, 201);
  EXPECT_EQ(world.Evict("a", R"({"dryRun":["All"]})").status, 201);
  EXPECT_EQ(world.Evict("a", R"({"dryRun":["All"]})", "?dryRun=All").status, 201);
  EXPECT_EQ(world.Evict("a", "{}", "?dryRun=Some").status, 422);
  EXPECT_EQ(world.Evict("a", R"({"dryRun":["Some"]})").status, 422);
  EXPECT_EQ(world.Evict("a", R"({"dryRun":["Some"]})", "?dryRun=All").status, 500);
  EXPECT_FALSE(world.IsBeingDeleted("a"));
  EXPECT_EQ(world.Send("GET", fmt::format("{}/web", kBudgets)).body, before);
}

TEST(Eviction, HoldsToThePreconditions) {
  EvictionWorld world;
  for (std::string_view which : {"uid", "resourceVersion"}) {
    const std::string options =
        fmt::format(R"({{"dryRun":["All"],"preconditions":{{"{}":"1"}}}})", which);
    EXPECT_EQ(world.Evict("a", options).status, 409) << which;
  }
  EXPECT_EQ(world.Evict("a", R"({"preconditions":{"uid":"other"}})").status, 409);
  EXPECT_FALSE(world.IsBeingDeleted("a"));
}

TEST(Eviction, NotesInAPodThatTakesItsTimeWhyItEnds) {
  EvictionWorld world;
  world.Send("PATCH", fmt::format("{}/a", kPods), R"({"metadata":{"finalizers":["ex.io/hold"]}})",
             "application/merge-patch+json");
  const std::string path = fmt::format("{}/a", kPods);
  world.Evict(
      "a", fmt::format(R"({{"preconditions":{{"resourceVersion":"{}"}},"gracePeriodSeconds":7}})",
                       world.At(path, "metadata.resourceVersion")));
  EXPECT_EQ(world.At(path, "metadata.deletionGracePeriodSeconds"), "7");
  EXPECT_NE(world.At(path, "status.conditions").find("EvictionByEvictionAPI"), std::string::npos);
}

TEST(Eviction, NamesThePodInItsBody) {
  EvictionWorld world;
  EXPECT_EQ(world.Send("POST", fmt::format("{}/a/eviction", kPods), "{}").status, 400);
  EXPECT_EQ(world.Evict("absent").status, 404);
}

TEST(Binding, ADryRunBindsNothing) {
  ServerWorld world;
  world.Create(kPods, R"(
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {schedulerName: mine, containers: [{name: c, image: i}]}
)");
  const std::string binding =
      R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":"a"},"target":{"name":"n"}})";
  const std::string path = fmt::format("{}/a/binding", kPods);
  EXPECT_EQ(world.Send("POST", path + "?dryRun=All", binding).status, 201);
  EXPECT_EQ(world.At(fmt::format("{}/a", kPods), "spec.nodeName"), "nothing");
  EXPECT_EQ(world.Send("POST", path, binding).status, 201);
  EXPECT_EQ(world.At(fmt::format("{}/a", kPods), "spec.nodeName"), "n");
  EXPECT_EQ(world.Send("POST", path, binding).status, 409);
}

}  // namespace
}  // namespace kro::apiserver
