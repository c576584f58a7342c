// How fast and how small is the embedded API server?
//
// Budgets: start to first answer 20 ms, also of the first server of a process; apply of a Deployment 60 µs in
// process and 5,000 a second over loopback HTTP; list of 10,000 ConfigMaps 60 ms; 10,000 Deployments in 60 MiB.
// The Deployment has one container and is applied by one manager; every apply changes it.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <string>

#include "apiserver/http_front.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/run_blocking.h"

namespace kro::apiserver {
namespace {

const SystemClock kClock;

Server MakeServer() {
  return Server(kClock, IdSource(1), {.controllers = Controllers::kEssential});
}

http::Response Send(Server& server, std::string method, std::string target, std::string body = {},
                    std::string content_type = "application/json") {
  auto reply = server.Handle(
      {.method = std::move(method),
       .target = std::move(target),
       .headers = {{"Content-Type", std::move(content_type)}, {"User-Agent", "bench/1"}},
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

// The first server of a process reads schemas that the others then share: each run is a process of its own.
void StartToFirstAnswerOfAProcess(benchmark::State& state) {
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
      Server server = MakeServer();
      _exit(Send(server, "GET", "/api/v1/namespaces").status == 200 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) state.SkipWithError("no answer");
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
}
// Before any other benchmark makes a server in this process.
BENCHMARK(StartToFirstAnswerOfAProcess)->UseManualTime()->Unit(benchmark::kMillisecond);

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
    Send(
        server, "POST", "/api/v1/namespaces/default/configmaps",
        fmt::format(
            R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c{}"}},"data":{{"k":"v"}}}})",
            i));
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(Send(server, "GET", "/api/v1/configmaps").body.size());
  }
}
BENCHMARK(ListOfTenThousandConfigMaps)->Unit(benchmark::kMillisecond);

// One connection that is kept alive.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Ask(const std::string& request) {
    return connected_ && send(socket_, request.data(), request.size(), MSG_NOSIGNAL) ==
                             static_cast<ssize_t>(request.size());
  }

  // The status of the answer, 0 if none came.
  int Hear() {
    constexpr std::string_view kLength = "Content-Length: ";
    text_.clear();
    std::size_t wanted = std::string::npos;
    while (text_.size() < wanted) {
      const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (count <= 0) return 0;
      text_.append(buffer_.data(), static_cast<std::size_t>(count));
      const std::size_t end = text_.find("\r\n\r\n");
      if (wanted != std::string::npos || end == std::string::npos) continue;
      const std::size_t at = text_.find(kLength);
      if (at == std::string::npos) return 0;
      std::size_t length = 0;
      std::from_chars(text_.data() + at + kLength.size(), text_.data() + text_.size(), length);
      wanted = end + 4 + length;
    }
    return std::atoi(text_.c_str() + 9);
  }

 private:
  int socket_;
  bool connected_ = false;
  std::string text_;
  std::array<char, 16384> buffer_;
};

// Four clients keep one request each under way.
void ApplyOverLoopback(benchmark::State& state) {
  async::RealExecutor executor(1);
  Server server(executor.clock(), IdSource(1), {.controllers = Controllers::kEssential});
  LocalTransport drive(server, executor);
  auto front = *http::Server::Listen(executor, {}, MakeFront(server, executor));
  async::Scope scope(executor);
  scope.Spawn(front->Run(scope.token()));
  {
    std::array<Connection, 4> clients{Connection(front->port()), Connection(front->port()),
                                      Connection(front->port()), Connection(front->port())};
    int round = 0;
    std::int64_t applies = 0;
    for (auto _ : state) {
      ++round;
      for (std::size_t i = 0; i < clients.size(); ++i) {
        const std::string body = Deployment(static_cast<int>(i), 1 + round % 100);
        clients[i].Ask(fmt::format(
            "PATCH {}/web-{}?fieldManager=bench HTTP/1.1\r\nHost: x\r\nUser-Agent: bench/1\r\n"
            "Content-Type: application/apply-patch+yaml\r\nContent-Length: {}\r\n\r\n{}",
            kDeployments, i, body.size(), body));
      }
      for (Connection& client : clients) {
        const int status = client.Hear();
        if (status != 200 && status != 201) state.SkipWithError("not applied");
        ++applies;
      }
    }
    state.SetItemsProcessed(applies);
  }
  scope.Cancel();
  async::RunBlocking(executor, scope.Join());
}
BENCHMARK(ApplyOverLoopback)->UseRealTime()->Unit(benchmark::kMicrosecond);

double HeapMiB() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / (1 << 20);
}

void MemoryOfTenThousandDeployments(benchmark::State& state) {
  for (auto _ : state) {
    const double before = HeapMiB();
    Server server = MakeServer();
    for (int i = 0; i < 10'000; ++i) {
      Send(server, "PATCH", fmt::format("{}/web-{}?fieldManager=bench", kDeployments, i),
           Deployment(i, 1), "application/apply-patch+yaml");
    }
    state.counters["MiB"] = HeapMiB() - before;
  }
}
BENCHMARK(MemoryOfTenThousandDeployments)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kro::apiserver
