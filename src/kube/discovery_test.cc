#include "kube/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "async/scope.h"
#include "base/hash.h"
#include "kube/fake_server_test_util.h"
#include "kube/openapi.h"
#include "kube/rest_mapper.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kAggregatedType =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

std::string Resource(std::string resource, std::string kind, std::string scope) {
  return fmt::format(
      R"({{"resource":"{}","responseKind":{{"group":"","version":"","kind":"{}"}},"scope":"{}","singularResource":"","verbs":["get"],"subresources":[{{"subresource":"status","responseKind":{{"kind":"{}"}}}}]}})",
      resource, kind, scope, kind);
}

std::string Group(std::string name, std::string versions) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"versions":[{}]}})", name, versions);
}

std::string Version(std::string version, std::string freshness, std::string resources) {
  return fmt::format(R"({{"version":"{}","freshness":"{}","resources":[{}]}})", version, freshness,
                     resources);
}

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

// A server whose groups the test sets.
struct Simulation {
  Simulation() {
    server.answer = [this](const http::Request& request) -> std::optional<http::Response> {
      if (auto page = pages.find(request.target); page != pages.end()) {
        http::Response response{200, {}, page->second};
        bool discovery = request.target == "/api" || request.target == "/apis";
        if (discovery && aggregated)
          response.headers.Set("Content-Type", std::string(kAggregatedType));
        std::string etag = "\"" + std::to_string(Hash64(page->second)) + "\"";
        response.headers.Set("ETag", etag);
        const std::string* known = request.headers.Find("If-None-Match");
        if (known != nullptr && *known == etag) return http::Response{304, {}, ""};
        return response;
      }
      return http::Response{404, {}, "404 page not found"};
    };
    pages["/api"] = R"({"items":[)" +
                    Group("", Version("v1", "Current", Resource("pods", "Pod", "Namespaced"))) +
                    "]}";
    SetGroups(Group(
        "apps",
        Version("v1", "Current", Resource("deployments", "Deployment", "Namespaced")) + "," +
            Version("v1beta1", "Current", Resource("deployments", "Deployment", "Namespaced"))));
  }
  void SetGroups(std::string groups) { pages["/apis"] = R"({"items":[)" + groups + "]}"; }
  Reply<RestMapping> Map(Gvk gvk) { return *executor.Run(mapper.ForKind(gvk, stop.token())); }

  NoLog sink;
  async::SimulatedExecutor executor;
  FakeServer server{executor};
  Client client{server, executor, Logger(sink), Client::Options{}};
  RestMapper mapper{client};
  async::CancelSource stop;
  std::map<std::string, std::string> pages;
  bool aggregated = true;
};

TEST(RestMapper, MapsKindsOfEveryGroupWithTwoRequests) {
  Simulation sim;
  EXPECT_EQ(sim.Map({"", "v1", "Pod"})->gvr, (Gvr{"", "v1", "pods"}));
  EXPECT_EQ(sim.Map({"apps", "v1beta1", "Deployment"})->gvr,
            (Gvr{"apps", "v1beta1", "deployments"}));
  auto preferred =
      *sim.executor.Run(sim.mapper.ForGroupKind("apps", "Deployment", sim.stop.token()));
  EXPECT_EQ(preferred->gvr.version, "v1");
  EXPECT_TRUE(preferred->has_status);
  EXPECT_EQ(sim.server.requests.size(), 2u);
}

// Checklist 43.
TEST(RestMapper, AKindWithoutAGroupIsThatOfTheCoreAndThePreferredVersionCounts) {
  Simulation sim;
  sim.pages["/api"] =
      R"({"items":[)" +
      Group("", Version("v1", "Current", Resource("events", "Event", "Namespaced"))) + "]}";
  // The server puts the version that it prefers first, whatever the alphabet says.
  sim.SetGroups(
      Group("events.k8s.io",
            Version("v1", "Current", Resource("events", "Event", "Namespaced")) + "," +
                Version("v1beta1", "Current", Resource("events", "Event", "Namespaced"))) +
      "," +
      Group("ex.io", Version("v2", "Current", Resource("things", "Thing", "Namespaced")) + "," +
                         Version("v1", "Current", Resource("things", "Thing", "Namespaced")) + "," +
                         Version("v1alpha1", "Current", Resource("olds", "Old", "Namespaced"))));
  const auto gvr_of = [&](std::string group, std::string kind) {
    auto mapping = *sim.executor.Run(
        sim.mapper.ForGroupKind(std::move(group), std::move(kind), sim.stop.token()));
    return mapping ? mapping->gvr : Gvr{};
  };
  EXPECT_EQ(gvr_of("", "Event"), (Gvr{"", "v1", "events"}));
  EXPECT_EQ(gvr_of("events.k8s.io", "Event"), (Gvr{"events.k8s.io", "v1", "events"}));
  EXPECT_EQ(gvr_of("ex.io", "Thing"), (Gvr{"ex.io", "v2", "things"}));
  EXPECT_EQ(gvr_of("ex.io", "Old"),
            (Gvr{"ex.io", "v1alpha1", "olds"}));  // the preferred one has none
}

TEST(RestMapper, FindsANewKindAndAsksSeldomForOneThatIsMissing) {
  Simulation sim;
  EXPECT_TRUE(sim.Map({"", "v1", "Pod"}));
  Gvk web{"kro.run", "v1alpha1", "Web"};
  for (int i = 0; i < 10; ++i) {
    auto missing = sim.Map(web);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(missing.error().message(),
              "no matches for kind \"Web\" in version \"kro.run/v1alpha1\"");
  }
  EXPECT_LE(sim.server.requests.size(), 4u);
  sim.SetGroups(
      Group("kro.run", Version("v1alpha1", "Current", Resource("webs", "Web", "Namespaced"))));
  sim.executor.Advance(1s);
  EXPECT_EQ(sim.Map(web)->gvr.resource, "webs");
}

TEST(RestMapper, LearnsTheNewScopeOfATypeAfterForget) {
  Simulation sim;
  Gvk web{"kro.run", "v1", "Web"};
  sim.SetGroups(Group("kro.run", Version("v1", "Current", Resource("webs", "Web", "Namespaced"))));
  EXPECT_EQ(sim.Map(web)->scope, ResourceScope::kNamespaced);
  sim.SetGroups(Group("kro.run", Version("v1", "Current", Resource("webs", "Web", "Cluster"))));
  EXPECT_EQ(sim.Map(web)->scope, ResourceScope::kNamespaced);
  sim.mapper.Forget("kro.run");
  EXPECT_EQ(sim.Map(web)->scope, ResourceScope::kCluster);
}

TEST(RestMapper, AGroupThatDoesNotAnswerHurtsNoOther) {
  Simulation sim;
  sim.SetGroups(
      Group("metrics.k8s.io", Version("v1", "Stale", "")) + "," +
      Group("apps", Version("v1", "Current", Resource("deployments", "Deployment", "Namespaced"))));
  EXPECT_TRUE(sim.Map({"apps", "v1", "Deployment"}));
  EXPECT_FALSE(sim.Map({"metrics.k8s.io", "v1", "NodeMetrics"}));
}

TEST(RestMapper, AGroupThatDoesNotAnswerHasNotLostItsKinds) {
  Simulation sim;
  sim.SetGroups(Group("metrics.k8s.io", Version("v1", "Stale", "")));
  const auto unknown =
      *sim.executor.Run(sim.mapper.ForGroupKind("metrics.k8s.io", "PodMetrics", sim.stop.token()));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kUnavailable)
      << "nobody said that there is no such kind";
}

async::Task<void> AskFor(RestMapper& mapper, std::string kind,
                         std::optional<Reply<RestMapping>>& answer) {
  answer = co_await mapper.ForGroupKind("", std::move(kind), {});
}

TEST(RestMapper, WhoAsksWhileAnotherAsksGetsTheSameAnswer) {
  Simulation sim;
  sim.server.faults.push_back(http::Response{429, {{"Retry-After", "1"}}, "{}"});
  std::optional<Reply<RestMapping>> first;
  std::optional<Reply<RestMapping>> second;
  async::Scope scope(sim.executor);
  scope.Spawn(AskFor(sim.mapper, "Pod", first));
  scope.Spawn(AskFor(sim.mapper, "Pod", second));
  sim.executor.Advance(1ms);
  EXPECT_FALSE(second) << "silence is no answer";
  sim.executor.Advance(30s);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(*first);
  EXPECT_TRUE(*second);
}

TEST(RestMapper, AQuestionThatFailedIsNotTakenForNoSuchKind) {
  Simulation sim;
  sim.server.down = true;
  for (int i = 0; i < 3; ++i) {
    const auto answer = sim.Map({"", "v1", "Pod"});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  }
  sim.server.down = false;
  sim.executor.Advance(1s);
  EXPECT_TRUE(sim.Map({"", "v1", "Pod"}));
}

TEST(Discovery, ReadsServersWithoutAggregation) {
  Simulation sim;
  sim.aggregated = false;
  sim.pages["/api"] = R"({"kind":"APIVersions","versions":["v1"]})";
  sim.pages["/apis"] = R"({"kind":"APIGroupList","groups":[
    {"name":"apps","versions":[{"version":"v1beta1"},{"version":"v1"}],"preferredVersion":{"version":"v1"}},
    {"name":"broken","versions":[{"version":"v1"}]}]})";
  sim.pages["/api/v1"] =
      R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true},{"name":"pods/status","kind":"Pod","namespaced":true}]})";
  sim.pages["/apis/apps/v1"] =
      R"({"resources":[{"name":"deployments","kind":"Deployment","namespaced":true}]})";
  auto pod = sim.Map({"", "v1", "Pod"});
  ASSERT_TRUE(pod);
  EXPECT_TRUE(pod->has_status);
  auto deployment =
      *sim.executor.Run(sim.mapper.ForGroupKind("apps", "Deployment", sim.stop.token()));
  EXPECT_EQ(deployment->gvr.version, "v1");
}

TEST(Discovery, ServersWithoutACoreGroupAreFine) {
  Simulation sim;
  sim.pages.erase("/api");
  EXPECT_TRUE(sim.Map({"apps", "v1", "Deployment"}));
}

TEST(OpenApi, ReadsADocumentAgainOnlyWhenItsHashChanged) {
  Simulation sim;
  OpenApi openapi(sim.client);
  auto read = [&] { return *sim.executor.Run(openapi.Read({"apps", "v1"}, sim.stop.token())); };
  auto publish = [&](std::string hash, std::string text) {
    std::string url = "/openapi/v3/apis/apps/v1?hash=" + hash;
    sim.pages["/openapi/v3"] =
        R"({"paths":{"apis/apps/v1":{"serverRelativeURL":")" + url + R"("}}})";
    sim.pages[url] = text;
  };
  publish(
      "A",
      R"({"components":{"schemas":{"x":{"x-kubernetes-group-version-kind":[{"group":"apps","version":"v1","kind":"Deployment"}]}}}})");
  auto first = read();
  ASSERT_TRUE(first && *first);
  EXPECT_NE(FindKindSchema(**first, {"apps", "v1", "Deployment"}), nullptr);
  EXPECT_EQ(FindKindSchema(**first, {"apps", "v2", "Deployment"}), nullptr);
  sim.executor.Advance(3s);
  EXPECT_EQ(*read(), *first);
  EXPECT_EQ(sim.server.requests.size(), 3u);
  publish("B", "{}");
  sim.executor.Advance(3s);
  EXPECT_NE(*read(), *first);
  EXPECT_EQ(openapi.HashOf({"apps", "v1"}), "B");
  EXPECT_EQ(*sim.executor.Run(openapi.Read({"none", "v1"}, sim.stop.token())), nullptr);
}

}  // namespace
}  // namespace kro::kube
