// Connections that end at the wrong moment; by the numbers of kube-client spec section 27.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "async/run_blocking.h"
#include "async/when_all.h"
#include "http/client.h"
#include "http/raw_server_test_util.h"

namespace {

// Where "moving.test" is.
std::atomic<std::uint32_t> moving_to = 0;

}  // namespace

// In place of the resolver's, for names of these tests.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Original = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto original = reinterpret_cast<Original>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node == nullptr || std::strcmp(node, "moving.test") != 0) {
    return original(node, service, hints, result);
  }
  in_addr address{.s_addr = moving_to};
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address, text, sizeof(text));
  return original(text, service, hints, result);
}

namespace kro::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClientFaults : public testing::Test {
 protected:
  void Connect(ClientConfig config) {
    auto made = Client::Create(executor_, std::move(config));
    ASSERT_TRUE(made) << made.error().message();
    client_ = std::move(*made);
  }
  Result<Response> Send(std::string method) {
    Request request{.method = std::move(method), .target = "/", .timeout = 60s};
    if (request.method != "GET") request.body = "{}";
    return async::RunBlocking(executor_, client_->Send(std::move(request), {}));
  }
  std::vector<Result<Response>> SendMany(int count, const std::string& method) {
    std::vector<async::Task<Result<Response>>> tasks;
    for (int i = 0; i < count; ++i) {
      Request request{.method = method, .target = "/", .timeout = 60s};
      if (method != "GET") request.body = "{}";
      tasks.push_back(client_->Send(std::move(request), {}));
    }
    return async::RunBlocking(executor_, async::WhenAll(executor_, std::move(tasks)));
  }

  async::RealExecutor executor_{2};
  std::unique_ptr<Client> client_;
};

TEST_F(ClientFaults, Item20_AGoAwayInTheMiddleIsNotSeen) {
  const Authority authority;
  RawServer server(
      [](RawConnection& connection) {
        Http2Side side(connection);
        // Every connection but the last is told to go; what came before is still answered.
        for (int count = 1;; ++count) {
          const std::uint32_t stream = side.NextRequest();
          if (stream == 0) return;
          if (connection.number < 3 && count > 20) continue;
          if (connection.number < 3 && count == 20) side.GoAway(stream);
          side.Answer(stream);
        }
      },
      &authority);
  Connect({.url = server.url, .roots = PemText{authority.pem}});
  for (const auto& response : SendMany(200, "GET")) {
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "ok");
  }
  EXPECT_GE(server.connections, 4);
}

TEST_F(ClientFaults, Item21_AWriteThatAGoAwayLeftBehindIsToldOfOrDoneOnce) {
  const Authority authority;
  std::atomic<int> done = 0;
  RawServer server(
      [&](RawConnection& connection) {
        Http2Side side(connection);
        const std::uint32_t first = side.NextRequest();
        if (first == 0) return;
        side.Answer(first);
        ++done;
        while (const std::uint32_t stream = side.NextRequest()) {
          if (connection.number == 0) {
            side.GoAway(first);  // this one was not looked at
            continue;
          }
          side.Answer(stream);
          ++done;
        }
      },
      &authority);
  Connect({.url = server.url, .roots = PemText{authority.pem}});
  ASSERT_TRUE(Send("POST"));
  const auto second = Send("POST");
  if (!second) {
    EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(done, second ? 2 : 1);
  EXPECT_TRUE(Send("POST"));  // the next one finds its way
}

// A connection that loses everything both ways ends after 30 s of silence and 15 s of probes, or when what was
// sent is not acknowledged for 45 s. The kernel keeps these times.
TEST_F(ClientFaults, Item22_ADeadConnectionIsNoticedWithin45Seconds) {
  RawServer server([](RawConnection& connection) {
    std::string received;
    while (connection.Read(received)) {
      if (!received.ends_with("\r\n\r\n")) continue;
      connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwatch");
    }
  });
  Connect({.url = server.url});
  auto stream = async::RunBlocking(executor_, client_->Open({.target = "/"}, {}));
  ASSERT_TRUE(stream) << stream.error().message();
  int found = 0;
  DIR* folder = opendir("/proc/self/fd");
  ASSERT_NE(folder, nullptr);
  while (const dirent* entry = readdir(folder)) {
    const int socket = std::atoi(entry->d_name);
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        peer.sin_family != AF_INET || ntohs(peer.sin_port) != server.port) {
      continue;
    }
    ++found;
    const auto option = [&](int level, int name) {
      int value = 0;
      socklen_t length = sizeof(value);
      getsockopt(socket, level, name, &value, &length);
      return value;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE) +
                  option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT),
              45);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 45'000);
  }
  closedir(folder);
  EXPECT_EQ(found, 1);
}

// The server takes the second request of each connection and closes without a word, as it does when its idle
// time runs out while the request is on its way.
TEST_F(ClientFaults, Item24_WhenAnIdleConnectionEndsAReadIsRepeatedAndAWriteIsNot) {
  std::atomic<int> reads = 0;
  std::atomic<int> writes = 0;
  RawServer server([&](RawConnection& connection) {
    std::string received;
    for (int count = 1; connection.Read(received);) {
      const bool read = received.starts_with("GET ");
      if (!(read ? received.ends_with("\r\n\r\n") : received.ends_with("\r\n\r\n{}"))) continue;
      ++(read ? reads : writes);
      received.clear();
      if (count++ == 2) return;
      connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  Connect({.url = server.url});
  ASSERT_TRUE(Send("GET"));
  const auto read = Send("GET");
  EXPECT_TRUE(read) << read.error().message();
  EXPECT_EQ(reads, 3);

  Connect({.url = server.url});
  ASSERT_TRUE(Send("POST"));
  const auto write = Send("POST");
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(writes, 2);
}

TEST_F(ClientFaults, Item27_ANameThatMovesIsFollowedByTheNextConnection) {
  const auto serve = [](const char* text) {
    return [text](RawConnection& connection) {
      std::string received;
      while (connection.Read(received)) {
        if (!received.ends_with("\r\n\r\n")) continue;
        connection.Write(
            std::string("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n") +
            text);
        return;
      }
    };
  };
  RawServer old_place(serve("old"));
  RawServer new_place(serve("new"), nullptr, "127.0.0.2", old_place.port);
  ASSERT_TRUE(new_place.listens);
  moving_to = inet_addr("127.0.0.1");
  Connect({.url = "http://moving.test:" + std::to_string(old_place.port), .proxy = ""});
  auto response = Send("GET");
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "old");
  moving_to = inet_addr("127.0.0.2");
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (response && response->body == "old" && std::chrono::steady_clock::now() < limit) {
    response = Send("GET");
  }
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "new");
}

}  // namespace
}  // namespace kro::http
