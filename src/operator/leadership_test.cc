// Two replicas, one lease: who works when, and that nobody writes without the lease.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/transport.h"
#include "operator/endpoints.h"
#include "operator/fenced_transport.h"
#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kWeb = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string}}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
)";

OperatorOptions Electing(std::string identity) {
  OperatorOptions options;
  options.leader_election = LeaderElection::kOn;
  options.lease_namespace = "default";
  options.identity = std::move(identity);
  return options;
}

std::string HolderOf(SimulatedCluster& c) {
  return std::string(json::FindString(c.Get(kLeases, "controller.kro.run", "default"),
                                      {"spec", "holderIdentity"}));
}

std::string Probe(const Replica& replica, std::string target) {
  const http::Response response = AnswerProbe(replica.op, {.target = std::move(target)});
  return fmt::format("{} {}", response.status, response.body);
}

TEST(Leadership, OneWorksTheOtherStandsBy) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  auto second = c.Start(Electing("two"));
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(HolderOf(c), "one");
  EXPECT_TRUE(first->op.leads());
  EXPECT_FALSE(second->op.leads());
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_EQ(second->transport.Count("POST", "graphrevisions"), 0);
  EXPECT_EQ(second->transport.opened, 0);  // a follower watches nothing

  // Both are ready; each says what it does.
  EXPECT_EQ(Probe(*first, "/readyz"), "200 ok");
  EXPECT_EQ(Probe(*second, "/readyz"), "200 ok");
  EXPECT_THAT(Probe(*second, "/readyz?verbose"), HasSubstr("standing by for one"));
  EXPECT_EQ(Probe(*first, "/healthz"), "200 ok");
}

TEST(Leadership, AFollowerThatIsWarmReadsAndWritesNothing) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  c.ApplyAndSettle(kWeb);
  OperatorOptions warm = Electing("two");
  warm.warmup = Warmup::kOn;
  auto second = c.Start(warm);
  EXPECT_GE(second->transport.opened, 5);  // definitions of both forms, revisions, CRDs
  c.Patch(kRgds, "web", "metadata: {annotations: {kro.run/allow-breaking-changes: 'true'}}");
  c.Advance(10s);
  EXPECT_EQ(second->transport.Writes(), 0);

  // As leader it opens none of them again, and serves.
  const int watches = second->transport.opened;
  first.reset();
  c.Advance(10s);
  EXPECT_TRUE(second->op.leads());
  EXPECT_EQ(Probe(*second, "/readyz"), "200 ok");
  c.ApplyAndSettle(
      "{apiVersion: kro.run/v1alpha1, kind: Web, metadata: {name: a, namespace: default}, spec: "
      "{text: x}}");
  EXPECT_FALSE(c.Get(kConfigMaps, "a", "default").is_null());
  EXPECT_LE(second->transport.opened, watches + 2);  // instances and their children

  // One that never leads stops too.
  OperatorOptions third = Electing("three");
  third.warmup = Warmup::kOn;
  c.Start(third)->Stop();
}

TEST(Leadership, ALeaseRecordIsThatOfKubernetes) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  const json::Value lease = c.Get(kLeases, "controller.kro.run", "default");
  EXPECT_EQ(c.Integer(lease, {"spec", "leaseDurationSeconds"}), 15);
  EXPECT_EQ(c.Integer(lease, {"spec", "leaseTransitions"}), 0);
  EXPECT_THAT(std::string(json::FindString(lease, {"spec", "renewTime"})),
              testing::MatchesRegex("[0-9-]+T[0-9:]+\\.[0-9]{6}Z"));
}

TEST(Leadership, Trap24_ACleanStopHandsOverAtOnce) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  auto second = c.Start(Electing("two"));
  first->Stop();
  ASSERT_TRUE(first->ended->has_value());
  c.Advance(5s);
  EXPECT_EQ(HolderOf(c), "two");
  EXPECT_TRUE(second->op.leads());
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST(Leadership, Row59And60_WhoIsCutOffStopsBeforeTheOtherBegins) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  auto second = c.Start(Electing("two"));
  c.ApplyAndSettle(kWeb);

  // Only the lease's connection breaks: the worst case, since writes would still get through.
  first->lease_transport.cut = true;
  bool overlapped = false;
  for (int i = 0; i < 300; ++i) {
    c.Advance(100ms);
    overlapped = overlapped || (first->op.leads() && second->op.leads());
  }
  EXPECT_FALSE(overlapped);
  ASSERT_TRUE(first->ended);
  ASSERT_FALSE(first->ended->has_value());
  EXPECT_EQ(first->ended->error().code(), ErrorCode::kExhausted);
  EXPECT_THAT(first->ended->error().message(), HasSubstr("leader election lost"));
  EXPECT_TRUE(second->op.leads());

  // From then on nothing of the first goes out.
  const std::size_t before = first->transport.requests.size();
  c.ApplyAndSettle(std::string(kWeb) + "\n");
  c.Patch(kRgds, "web", "spec: {schema: {shortNames: [wb]}}");
  c.Advance(10s);
  EXPECT_EQ(first->transport.requests.size(), before);
  EXPECT_THAT(c.Names(kRevisions), testing::ElementsAre("web-r00001", "web-r00002"));
}

TEST(Leadership, WhoStoodStillWritesNothingWhenItGoesOn) {
  // A process that was stopped wakes with work at hand, and has not looked at its lease yet.
  async::SimulatedExecutor executor;
  struct Network final : http::Transport {
    async::Task<Result<http::Response>> Send(http::Request request, async::CancelToken) override {
      sent.push_back(std::move(request));
      co_return http::Response{.status = 200};
    }
    async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(http::Request,
                                                                    async::CancelToken) override {
      co_return Fail(ErrorCode::kUnavailable, "no streams here");
    }
    std::vector<http::Request> sent;
  } network;
  MonotonicTime until = executor.clock().Monotonic() + 10s;
  FencedTransport fence(network, executor.clock(), [&] { return until; });
  const auto send = [&](std::string method) {
    return *executor.Run(fence.Send({.method = std::move(method), .target = "/"}, {}));
  };
  EXPECT_TRUE(send("PATCH"));
  EXPECT_EQ(network.sent.back().not_after, until);  // held against the clock again where it is sent
  executor.Advance(11s);
  auto late = send("PATCH");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(send("GET"));
  EXPECT_EQ(network.sent.size(), 2u);
  // Nobody took over, and the lease is renewed.
  until = executor.clock().Monotonic() + 10s;
  EXPECT_TRUE(send("PATCH"));
  fence.Close();
  EXPECT_EQ(send("GET").error().code(), ErrorCode::kCancelled);
}

TEST(Leadership, AnApiServerThatIsAwayForAMomentEndsNothing) {
  SimulatedCluster c;
  auto first = c.Start(Electing("one"));
  first->lease_transport.cut = true;
  c.Advance(6s);
  first->lease_transport.cut = false;
  c.Advance(10s);
  EXPECT_TRUE(first->op.leads());
  EXPECT_FALSE(first->ended);
}

TEST(Leadership, AClockThatIsWrongDoesNotMatter) {
  SimulatedCluster c;
  // A lease that a dead process left, renewed in what looks like the far past.
  c.Apply(R"(
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: controller.kro.run, namespace: default}
spec: {holderIdentity: gone, leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z', leaseTransitions: 3}
)");
  auto first = c.Start(Electing("one"));
  c.Advance(10s);
  EXPECT_FALSE(first->op.leads());  // it waits out what it has not seen end
  c.Advance(10s);
  EXPECT_TRUE(first->op.leads());
  EXPECT_EQ(
      c.Integer(c.Get(kLeases, "controller.kro.run", "default"), {"spec", "leaseTransitions"}), 4);
}

TEST(Leadership, OptionsThatMakeNoSenseAreRefused) {
  SimulatedCluster c;
  OperatorOptions options = Electing("one");
  options.renew_deadline = 20s;
  auto first = c.Start(options);
  ASSERT_TRUE(first->ended);
  EXPECT_EQ(first->ended->error().code(), ErrorCode::kInvalid);
}

TEST(Stopping, Row57_FinishesWhatIsUnderWay) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.Apply(kWeb);
  c.Advance(5ms);
  replica->Stop();
  ASSERT_TRUE(replica->ended);
  EXPECT_TRUE(replica->ended->has_value());
  replica = c.Start();
  EXPECT_EQ(c.State("web"), "Active");
  EXPECT_THAT(c.Names(kRevisions), testing::ElementsAre("web-r00001"));
}

class Row58 : public testing::Test {
 protected:
  // Before it could reach anything.
  std::unique_ptr<Replica> StartCutOff(OperatorOptions options) {
    auto replica = std::make_unique<Replica>(c.executor, c.network, std::move(options));
    replica->transport.cut = replica->lease_transport.cut = true;
    return replica;
  }
  static void Heal(Replica& replica) {
    replica.transport.cut = replica.lease_transport.cut = false;
  }

  SimulatedCluster c;
};

TEST_F(Row58, WhoElectsAsksForTheLeaseForEverAndIsReady) {
  auto replica = StartCutOff(Electing("one"));
  c.Advance(1h);
  EXPECT_FALSE(replica->ended);
  EXPECT_EQ(Probe(*replica, "/readyz"), "200 ok");
  EXPECT_EQ(Probe(*replica, "/healthz"), "200 ok");
  EXPECT_FALSE(replica->op.leads());
  Heal(*replica);
  c.Advance(10s);
  EXPECT_TRUE(replica->op.leads());
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Row58, WithoutElectionItWaitsTwoMinutesAndEnds) {
  for (const CrdInstallation crds : {CrdInstallation::kInstall, CrdInstallation::kLeave}) {
    OperatorOptions options;
    options.crds = crds;
    auto replica = StartCutOff(options);
    c.Advance(110s);
    EXPECT_FALSE(replica->ended);
    EXPECT_EQ(AnswerProbe(replica->op, {.target = "/readyz"}).status, 503);
    c.Advance(1min);
    ASSERT_TRUE(replica->ended);
    ASSERT_FALSE(replica->ended->has_value());
    EXPECT_EQ(replica->ended->error().code(), ErrorCode::kUnavailable);
  }
}

TEST_F(Row58, WithoutElectionItGoesOnWithinTwoMinutes) {
  auto replica = StartCutOff({});
  c.Advance(1min);
  Heal(*replica);
  c.Advance(10s);
  c.ApplyAndSettle(kWeb);
  EXPECT_EQ(c.State("web"), "Active");
}

TEST_F(Row58, AStopNeedsNoServer) {
  for (const LeaderElection election : {LeaderElection::kOn, LeaderElection::kOff}) {
    OperatorOptions options = Electing("one");
    options.leader_election = election;
    auto replica = StartCutOff(options);
    c.Advance(5s);
    replica->Stop();
    ASSERT_TRUE(replica->ended);
    EXPECT_TRUE(replica->ended->has_value());
  }
}

TEST(Metrics, CarryUpstreamsNames) {
  SimulatedCluster c;
  auto replica = c.Start();
  c.ApplyAndSettle(kWeb);
  const std::string text = AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body;
  for (const char* expected :
       {"rgd_graph_build_total{name=\"web\"} 1",
        "rgd_graph_revision_issue_total{reason=\"no_revision\"} 1",
        "graph_revision_registry_entries{state=\"active\"} 1", "rest_client_requests_total{",
        "controller_runtime_reconcile_total{controller=\"ResourceGraphDefinition\"",
        "process_resident_memory_bytes"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
  c.Delete(kRgds, "web");
  c.Advance(3s);
  EXPECT_THAT(AnswerMetrics(replica->op, {.target = "/metrics"}, Debug::kOff).body,
              Not(HasSubstr("rgd_graph_build_total{name=\"web\"}")));
}

TEST(Endpoints, ChecksCanBeListedAndLeftOut) {
  SimulatedCluster c;
  Replica cut(c.executor, c.network, {});
  cut.transport.cut = true;
  c.Advance(1s);
  EXPECT_EQ(Probe(cut, "/readyz"),
            "503 [-]leader-election failed: starting\nreadyz check failed\n");
  EXPECT_EQ(Probe(cut, "/readyz?exclude=leader-election"), "200 ok");
  EXPECT_EQ(Probe(cut, "/readyz?exclude=caches&exclude=leader-election"), "200 ok");
  EXPECT_EQ(Probe(cut, "/readyz?verbose&exclude=leader-election&exclude=x"),
            "200 [+]leader-election excluded: ok\n"
            "warn: some health checks cannot be excluded: no matches for \"x\"\n"
            "readyz check passed\n");
  // Only what is excluded by its whole name; and one that is asked for alone is not.
  EXPECT_THAT(Probe(cut, "/readyz?exclude=leader"), HasSubstr("503"));
  EXPECT_THAT(Probe(cut, "/readyz/leader-election?exclude=leader-election"), HasSubstr("503"));
  EXPECT_EQ(Probe(cut, "/healthz?quiet=verbose"), "200 ok");
  EXPECT_THAT(Probe(cut, "/healthz?verbose"), HasSubstr("[+]ping ok"));
}

TEST(Endpoints, AnswerWhatTheyKnowAndNothingElse) {
  SimulatedCluster c;
  auto replica = c.Start();
  EXPECT_EQ(AnswerMetrics(replica->op, {.target = "/debug"}, Debug::kOff).status, 404);
  const http::Response debug = AnswerMetrics(replica->op, {.target = "/debug"}, Debug::kOn);
  EXPECT_TRUE(json::Parse(debug.body));
  EXPECT_EQ(AnswerMetrics(replica->op, {.target = "/x"}, Debug::kOn).status, 404);
  EXPECT_EQ(AnswerMetrics(replica->op, {.method = "POST", .target = "/metrics"}, Debug::kOn).status,
            405);
  EXPECT_EQ(AnswerProbe(replica->op, {.target = "/readyz/caches"}).status, 200);
  EXPECT_EQ(AnswerProbe(replica->op, {.target = "/readyz/nothing"}).status, 404);
}

}  // namespace
}  // namespace kro::operator_
