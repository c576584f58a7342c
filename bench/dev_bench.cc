// Question: what does `kro dev` cost on a laptop: how long until it answers, what does it take when nothing
// happens?
//
// Input: an empty cluster, in memory; started as a process of its own, asked over loopback HTTP as soon as
// its port is open. Baseline: the budgets, 20 ms, 30 MiB and no processor time.
//
//   dev_bench [RUNS] [IDLE_SECONDS]
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "e2e/kro_process.h"

namespace kro {
namespace {

using std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

// A port that nobody has now.
std::uint16_t FreePort() {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(probe);
  return ntohs(address.sin_port);
}

// One list of namespaces; whether the answer is a 200.
bool Ask(std::uint16_t port) {
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool answered = false;
  if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    constexpr std::string_view kRequest =
        "GET /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[13] = {};
    if (::send(connection, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) > 0 &&
        ::recv(connection, answer, 12, MSG_WAITALL) == 12) {
      answered = std::string_view(answer) == "HTTP/1.1 200";
    }
  }
  ::close(connection);
  return answered;
}

int Run(int runs, int idle_seconds) {
  const std::string log =
      std::filesystem::temp_directory_path() / fmt::format("dev_bench-{}.log", ::getpid());
  std::vector<double> started;
  for (int i = 0; i < runs; ++i) {
    const std::uint16_t port = FreePort();
    const auto begun = steady_clock::now();
    e2e::KroProcess process({"dev", "--port", std::to_string(port)}, log);
    while (!Ask(port)) {
      if (steady_clock::now() - begun > std::chrono::seconds(20)) {
        fmt::print(stderr, "no answer:\n{}\n", process.Log());
        return 1;
      }
    }
    started.push_back(Milliseconds(steady_clock::now() - begun).count());
    process.Stop();
  }
  std::ranges::sort(started);
  fmt::print("start to first answer    p50 {:.1f} ms, max {:.1f} ms of {} (budget 20 ms)\n",
             started[started.size() / 2], started.back(), runs);

  e2e::KroProcess process({"dev", "--port", std::to_string(FreePort())}, log);
  std::this_thread::sleep_for(std::chrono::seconds(3));  // until it has come to rest
  const auto before = process.CpuTime();
  std::this_thread::sleep_for(std::chrono::seconds(idle_seconds));
  const double used = (process.CpuTime() - before).count();
  fmt::print(
      "idle                     {:.1f} MiB resident (budget 30), {:.2f} % of a core over {} s\n",
      static_cast<double>(process.ResidentBytes()) / 1024 / 1024, 100 * used / idle_seconds,
      idle_seconds);
  process.Stop();
  std::error_code ignored;  // there is nothing to do about a file that stays
  std::filesystem::remove(log, ignored);
  return 0;
}

}  // namespace
}  // namespace kro

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 21;
  const int idle_seconds = argc > 2 ? std::atoi(argv[2]) : 20;
  return kro::Run(std::max(runs, 1), std::max(idle_seconds, 1));
}
