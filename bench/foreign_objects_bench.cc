// Question: what does a kind cost that has a hundred thousand objects of others, of which kro made two?
//
// Input: one definition of two ConfigMaps with one instance, and 100,000 ConfigMaps of 1 KiB that nobody of kro's
// made. The API server is the embedded one, in this process and over HTTP; the operator is a process of its own, whose
// resident memory is read from /proc. Baseline: the same operator before the others' objects are there.
//
//   foreign_objects_bench [--objects 100000]
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "apiserver/http_front.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "async/scope.h"
#include "e2e/cluster_user.h"
#include "e2e/kro_process.h"
#include "http/server.h"

namespace kro {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kDefinition = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: webs}
spec:
  schema: {apiVersion: v1alpha1, kind: Web, spec: {text: string}, status: {text: "${second.data.text}"}}
  resources:
  - id: first
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-first"}
      data: {text: "${schema.spec.text}"}
  - id: second
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-second"}
      data: {text: "${first.data.text}"}
)";
constexpr std::string_view kInstance = "kro.run/v1alpha1 Web default/a";

// The embedded server on a port of its own.
class World {
 public:
  World() {
    scope_.Spawn(front_->Run(scope_.token()));
    std::ofstream(kubeconfig) << fmt::format(R"(apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{}"}}}}]
users: [{{name: u, user: {{}}}}]
)",
                                             front_->port());
  }
  ~World() {
    scope_.Cancel();
    async::RunBlocking(executor_, scope_.Join());
  }

  void AddForeign(int objects) { async::RunBlocking(executor_, Add(objects)); }

  const std::string kubeconfig = testing::TempDir() + "foreign-objects.kubeconfig";

 private:
  async::Task<void> Add(int objects) {
    const std::string data(1024, 'x');
    for (int i = 0; i < objects; ++i) {
      const http::Request create{
          .method = "POST",
          .target = "/api/v1/namespaces/default/configmaps",
          .headers = {{"Content-Type", "application/json"}},
          .body = fmt::format(
              R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"foreign-{}"}},"data":{{"k":"{}"}}}})",
              i, data)};
      const auto reply = server_.Handle(create);
      const auto* response = std::get_if<http::Response>(&reply);
      EXPECT_TRUE(response != nullptr && response->status == 201);
      // Watches are served in between.
      if (i % 100 == 0) co_await async::Sleep(executor_, std::chrono::microseconds(1), {});
    }
  }

  async::RealExecutor executor_{1};
  apiserver::Server server_{executor_.clock(), apiserver::IdSource(1), {}};
  apiserver::LocalTransport transport_{server_, executor_};
  std::unique_ptr<http::Server> front_ =
      *http::Server::Listen(executor_, {}, apiserver::MakeFront(server_, executor_));
  async::Scope scope_{executor_};
};

void Print(std::string_view what, std::string_view value, std::string_view goal) {
  std::printf("| %s | %s | %s |\n", std::string(what).c_str(), std::string(value).c_str(),
              std::string(goal).c_str());
  std::fflush(stdout);
}

std::string Mebibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

int Main(int objects) {
  World world;
  e2e::ClusterUser user(world.kubeconfig);
  const std::string log = world.kubeconfig + ".log";
  auto controller = std::make_unique<e2e::ControllerProcess>(world.kubeconfig, log);
  const auto resident = [&] {
    // Memory is given back some seconds after much work.
    std::this_thread::sleep_for(std::chrono::seconds(8));
    return controller->ResidentBytes();
  };
  const auto edit = [&](const std::string& text) {
    user.Apply(
        fmt::format("{{apiVersion: kro.run/v1alpha1, kind: Web, metadata: {{name: a, namespace: "
                    "default}}, spec: {{text: {}}}}}",
                    text));
    return user.WaitFor(kInstance, {"status", "text"}, text, std::chrono::minutes(2));
  };
  user.WaitUntil("kro's CRDs are there", [&] {
    return user
        .Get("apiextensions.k8s.io/v1 CustomResourceDefinition resourcegraphdefinitions.kro.run")
        .has_value();
  });
  user.Apply(kDefinition);
  user.WaitFor("kro.run/v1alpha1 ResourceGraphDefinition webs", {"status", "state"}, "Active");
  edit("one");
  Print("what", "kro", "must be");
  Print("---", "---", "---");
  const std::uint64_t before = resident();
  Print("RSS with one instance", Mebibytes(before), "");
  const auto started = steady_clock::now();
  world.AddForeign(objects);
  std::fprintf(stderr, "%d objects made in %.1f s\n", objects,
               std::chrono::duration<double>(steady_clock::now() - started).count());
  Print(fmt::format("the same after {} ConfigMaps of others were made", objects),
        Mebibytes(resident()), "");
  edit("two");
  controller->Stop();
  controller = std::make_unique<e2e::ControllerProcess>(world.kubeconfig, log);
  const auto restarted = steady_clock::now();
  edit("three");
  Print("start → an edit of the instance is done",
        fmt::format("{:.1f} s",
                    std::chrono::duration<double>(steady_clock::now() - restarted).count()),
        "");
  const std::uint64_t after = resident();
  Print("RSS after that start", Mebibytes(after), "that with one instance + 1 MiB");
  const bool good = after <= before + (1 << 20) && !testing::UnitTest::GetInstance()->Failed();
  if (!good) std::printf("%s\n", controller->Log().c_str());
  return good ? 0 : 1;
}

}  // namespace
}  // namespace kro

int main(int argc, char** argv) {
  const std::string_view flag = argc == 3 ? argv[1] : "";
  return kro::Main(flag == "--objects" ? std::atoi(argv[2]) : 100'000);
}
