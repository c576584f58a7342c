// How fast and how small is the embedded API server? Budgets (issue and design): start to first answer
// 20 ms; apply of a Deployment 60 us in process; list of 10,000 ConfigMaps 60 ms; 10,000 Deployments in
// 60 MiB.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <string>

#include "apiserver/server.h"

namespace kro::apiserver {
namespace {

const SystemClock kClock;

Server MakeServer() {
  return Server(kClock, IdSource(1), {.controllers = Controllers::kEssential});
}

http::Response Send(Server& server, std::string method, std::string target, std::string body = {},
                    std::string content_type = "application/json") {
  auto reply = server.Handle({.method = std::move(method),
                              .target = std::move(target),
                              .headers = {{"Content-Type", std::move(content_type)},
                                          {"User-Agent", "bench/1"}},
                              .body = std::move(body)});
  return std::get<http::Response>(std::move(reply));
}

std::string Deployment(int i, int replicas) {
  return fmt::format(
      R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web-{}","namespace":"default",)"
      R"("labels":{{"app":"web"}}}},"spec":{{"replicas":{},"selector":{{"matchLabels":{{"app":"web"}}}},)"
      R"("template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"name":"c",)"
      R"("image":"nginx:1.27","ports":[{{"containerPort":80}}],"env":[{{"name":"A","value":"x"}}],)"
      R"("resources":{{"requests":{{"cpu":"100m","memory":"64Mi"}}}}}}]}}}}}}}})",
      i, replicas);
}

const std::string kDeployments = "/apis/apps/v1/namespaces/default/deployments";

void StartToFirstAnswer(benchmark::State& state) {
  for (auto _ : state) {
    Server server = MakeServer();
    benchmark::DoNotOptimize(Send(server, "GET", "/api/v1/namespaces"));
  }
}
BENCHMARK(StartToFirstAnswer)->Unit(benchmark::kMillisecond);

void ApplyOfAChangedDeployment(benchmark::State& state) {
  Server server = MakeServer();
  int replicas = 0;
  const std::string target = kDeployments + "/web-0?fieldManager=bench";
  Send(server, "PATCH", target, Deployment(0, 1), "application/apply-patch+yaml");
  for (auto _ : state) {
    auto response = Send(server, "PATCH", target, Deployment(0, 1 + replicas++ % 100),
                         "application/apply-patch+yaml");
    if (response.status != 200) state.SkipWithError("not applied");
  }
}
BENCHMARK(ApplyOfAChangedDeployment)->Unit(benchmark::kMicrosecond);

void ApplyOfAnUnchangedDeployment(benchmark::State& state) {
  Server server = MakeServer();
  const std::string target = kDeployments + "/web-0?fieldManager=bench";
  for (auto _ : state) {
    Send(server, "PATCH", target, Deployment(0, 1), "application/apply-patch+yaml");
  }
}
BENCHMARK(ApplyOfAnUnchangedDeployment)->Unit(benchmark::kMicrosecond);

void ListOfTenThousandConfigMaps(benchmark::State& state) {
  Server server = MakeServer();
  for (int i = 0; i < 10'000; ++i) {
    Send(server, "POST", "/api/v1/namespaces/default/configmaps",
         fmt::format(
             R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c{}"}},"data":{{"k":"v"}}}})",
             i));
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(Send(server, "GET", "/api/v1/configmaps").body.size());
  }
}
BENCHMARK(ListOfTenThousandConfigMaps)->Unit(benchmark::kMillisecond);

double ResidentMiB() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

void MemoryOfTenThousandDeployments(benchmark::State& state) {
  for (auto _ : state) {
    const double before = ResidentMiB();
    Server server = MakeServer();
    for (int i = 0; i < 10'000; ++i) {
      Send(server, "PATCH", fmt::format("{}/web-{}?fieldManager=bench", kDeployments, i),
           Deployment(i, 1), "application/apply-patch+yaml");
    }
    state.counters["MiB"] = ResidentMiB() - before;
  }
}
BENCHMARK(MemoryOfTenThousandDeployments)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kro::apiserver
