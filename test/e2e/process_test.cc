// `kro controller` as a kubelet sees it: how it starts, what it does on signals, and how it ends.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "e2e/cluster_user.h"
#include "e2e/kro_process.h"
#include "e2e/test_cluster.h"
#include "http/client.h"
#include "http/server.h"

namespace kro::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kDefinition = R"(apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: note}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Note
    spec: {text: string}
  resources:
  - id: map
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {text: "${schema.spec.text}"}
)";

const std::vector<std::string> kElecting = {
    "--leader-elect",
    "--leader-election-namespace=default",
    "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s",
    "--leader-election-retry-period=400ms",
};

class ProcessTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { cluster_ = TestCluster::Start("process"); }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override {
    ASSERT_NE(cluster_, nullptr) << "the cluster did not start";
    kubeconfig_ = cluster_->kubeconfig();
    folder_ = fs::temp_directory_path() /
              fmt::format("kro-process-test-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (HasFailure()) fmt::print(stderr, "{}\n", Log());
    process_.reset();
    fs::remove_all(folder_);
  }

  // An API server at a port where nobody listens.
  void NameAnUnreachableCluster() {
    kubeconfig_ = folder_ / "kubeconfig";
    std::ofstream(kubeconfig_) << R"(apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
)";
  }

  void Start(std::vector<std::string> flags) {
    process_ = std::make_unique<ControllerProcess>(kubeconfig_, folder_ / "log", std::move(flags));
  }
  void StartWithProbes(std::vector<std::string> flags) {
    flags.emplace_back("--health-probe-bind-address=:0");
    Start(std::move(flags));
    probes_ = process_->WaitForPort("health probe");
  }
  // Ready when it returns.
  void StartAndWait(std::vector<std::string> flags) {
    StartWithProbes(std::move(flags));
    ASSERT_TRUE(
        Until([&] { return Ask("127.0.0.1", probes_, {.target = "/readyz"}).status == 200; }));
  }
  // A status of 0 if nobody answers.
  http::Response Ask(std::string_view host, std::uint16_t port, http::Request request) {
    auto client = http::Client::Create(executor_, {.url = fmt::format("http://{}:{}", host, port)});
    auto response = async::RunBlocking(executor_, (*client)->Send(std::move(request), {}));
    return response ? *response : http::Response{.status = 0};
  }
  // The exit status of one that ends by itself.
  int EndOf(std::vector<std::string> flags) {
    Start(std::move(flags));
    return process_->Wait();
  }
  template <typename Holds>
  static bool Until(Holds holds) {
    const auto begun = std::chrono::steady_clock::now();
    while (!holds()) {
      if (std::chrono::steady_clock::now() - begun > std::chrono::seconds(60)) return false;
      std::this_thread::sleep_for(milliseconds(5));  // another process decides when
    }
    return true;
  }
  std::string Log() const { return process_ == nullptr ? "" : process_->Log(); }
  void ExpectSaid(std::string_view text) {
    EXPECT_TRUE(Until([&] { return Log().find(text) != std::string::npos; })) << text;
  }

  static std::unique_ptr<TestCluster> cluster_;
  fs::path folder_;
  std::string kubeconfig_;
  std::uint16_t probes_ = 0;
  async::RealExecutor executor_{1};
  std::unique_ptr<ControllerProcess> process_;
};

std::unique_ptr<TestCluster> ProcessTest::cluster_;

TEST_F(ProcessTest, Row57_ASignalInTheMiddleOfPassesEndsItInOrder) {
  ClusterUser user(kubeconfig_);
  StartAndWait(kElecting);
  user.Apply(kDefinition);
  user.WaitFor("kro.run/v1alpha1 ResourceGraphDefinition note", {"status", "state"}, "Active");
  for (int i = 0; i < 50; ++i) {
    user.Apply(
        fmt::format("apiVersion: kro.run/v1alpha1\nkind: Note\n"
                    "metadata: {{name: n{}, namespace: default}}\nspec: {{text: a}}\n",
                    i));
  }
  EXPECT_EQ(process_->Stop(), 0);
  EXPECT_THAT(Log(), HasSubstr("\"msg\":\"stopped\""));
  // The lease is given back, and what was left undone is done by the next one.
  const auto lease = user.Get("coordination.k8s.io/v1 Lease default/controller.kro.run");
  ASSERT_TRUE(lease);
  EXPECT_EQ(json::FindString(*lease, {"spec", "holderIdentity"}), "");
  StartAndWait(kElecting);
  user.WaitFor("kro.run/v1alpha1 Note default/n49", {"status", "state"}, "ACTIVE");
  EXPECT_EQ(process_->Stop(), 0);
}

TEST_F(ProcessTest, ASecondSignalEndsItAtOnce) {
  StartAndWait({});
  // Both are there before it can begin to stop.
  process_->Signal(SIGSTOP);
  process_->Signal(SIGTERM);
  process_->Signal(SIGINT);
  process_->Signal(SIGCONT);
  EXPECT_EQ(process_->Wait(), 130);
  EXPECT_THAT(Log(), Not(HasSubstr("\"msg\":\"stopped\"")));
}

TEST_F(ProcessTest, WhoLosesTheLeaseEndsWith1) {
  StartAndWait(kElecting);
  ExpectSaid("became leader");
  ClusterUser user(kubeconfig_);
  user.Patch("coordination.k8s.io/v1 Lease default/controller.kro.run",
             "spec: {holderIdentity: another}");
  EXPECT_EQ(process_->Wait(), 1);
  EXPECT_THAT(Log(), HasSubstr("leader election lost"));
}

TEST_F(ProcessTest, Row58_AnUnreachableServerIsWaitedFor) {
  NameAnUnreachableCluster();
  StartAndWait(kElecting);  // ready
  ExpectSaid("lease cannot be read");
  EXPECT_TRUE(process_->IsRunning());
  EXPECT_EQ(process_->Stop(), 0);

  StartWithProbes({});
  ExpectSaid("API server cannot be reached");
  EXPECT_EQ(Ask("127.0.0.1", probes_, {.target = "/healthz"}).status, 200);
  EXPECT_EQ(Ask("127.0.0.1", probes_, {.target = "/readyz"}).status, 503);
  EXPECT_EQ(process_->Stop(), 0);
}

TEST_F(ProcessTest, WhatCannotStartEndsWith1AndFlagsThatMakeNoSenseWith2) {
  const auto taken = http::Server::Listen(executor_, {}, nullptr);
  ASSERT_TRUE(taken);
  const std::string port = fmt::format("127.0.0.1:{}", (*taken)->port());
  EXPECT_EQ(EndOf({"--metrics-bind-address=" + port}), 1);
  EXPECT_THAT(Log(), HasSubstr("unable to listen"));
  EXPECT_EQ(EndOf({"--health-probe-bind-address=" + port}), 1);
  kubeconfig_ = folder_ / "nothing";
  EXPECT_EQ(EndOf({}), 1);
  kubeconfig_ = cluster_->kubeconfig();

  EXPECT_EQ(EndOf({"--instance-requeue-interval=soon"}), 2);
  EXPECT_EQ(EndOf({"--no-such-flag"}), 2);
  EXPECT_EQ(EndOf({"--feature-gates=Foo=true"}), 2);  // row 62
  EXPECT_THAT(Log(), HasSubstr("unrecognized feature gate: Foo"));
  EXPECT_EQ(EndOf({"--leader-elect", "--leader-election-namespace=default",
                   "--leader-election-renew-deadline=20s"}),
            2);
}

TEST_F(ProcessTest, AnswersOnEveryAddress) {
  StartAndWait({});
  EXPECT_EQ(Ask("127.0.0.1", probes_, {.target = "/healthz"}).status, 200);
  if (!http::Server::Listen(executor_, {.address = "::1"}, nullptr)) GTEST_SKIP() << "no IPv6 here";
  EXPECT_EQ(Ask("[::1]", probes_, {.target = "/healthz"}).status, 200);
  EXPECT_EQ(process_->Stop(), 0);
}

TEST_F(ProcessTest, ItsLogLevelChangesWhileItRuns) {
  StartAndWait({"--debug", "--metrics-bind-address=:0"});
  const std::uint16_t port = process_->WaitForPort("metrics");
  const auto level = [&](http::Request request) {
    return Ask("127.0.0.1", port, std::move(request)).body;
  };
  process_->Signal(SIGUSR1);
  ExpectSaid(R"("msg":"log level changed","to":"debug")");
  EXPECT_EQ(level({.target = "/debug/log-level"}), "debug\n");
  process_->Signal(SIGUSR1);
  ExpectSaid(R"("msg":"log level changed","to":"info")");
  EXPECT_EQ(level({.method = "PUT", .target = "/debug/log-level?level=error"}), "error\n");
  EXPECT_EQ(level({.target = "/debug/log-level"}), "error\n");
  EXPECT_EQ(process_->Stop(), 0);
}

TEST_F(ProcessTest, SaysItsGatesAndWhichFlagsDoNothing) {
  StartAndWait({"--feature-gates=InstanceConditionEvents=1", "--pprof-bind-address=:6060",
                "--zap-stacktrace-level=panic"});
  ExpectSaid(R"("msg":"feature gates","InstanceConditionEvents":true,)"
             R"("InstanceConditionMetrics":false,"CELOmitFunction":false)");
  ExpectSaid("--pprof-bind-address does nothing");
  ExpectSaid("--zap-stacktrace-level does nothing");
  EXPECT_EQ(process_->Stop(), 0);
}

}  // namespace
}  // namespace kro::e2e
