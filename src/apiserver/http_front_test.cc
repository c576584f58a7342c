#include "apiserver/http_front.h"

#include <gtest/gtest.h>

#include "apiserver/local_transport.h"
#include "async/run_blocking.h"
#include "http/client.h"

namespace kro::apiserver {
namespace {

// A server on a port of its own, and a client of it.
struct Front {
  async::RealExecutor executor{1};
  Server server{executor.clock(), IdSource(1), {}};
  LocalTransport transport{server, executor};
  std::unique_ptr<http::Server> front =
      *http::Server::Listen(executor, {}, MakeFront(server, executor));
  async::Scope scope{executor};
  std::unique_ptr<http::Client> client;

  Front() {
    scope.Spawn(front->Run(scope.token()));
    http::ClientConfig config;
    config.url = "http://127.0.0.1:" + std::to_string(front->port());
    config.proxy = "";
    client = *http::Client::Create(executor, config);
  }
  ~Front() {
    client.reset();
    scope.Cancel();
    async::RunBlocking(executor, scope.Join());
  }
  http::Response Send(std::string method, std::string target, std::string body = {}) {
    auto sent = async::RunBlocking(
        executor, client->Send({.method = std::move(method), .target = std::move(target),
                                .headers = {{"Content-Type", "application/json"}},
                                .body = std::move(body)},
                               {}));
    return sent ? *sent : http::Response{0, {}, sent.error().message()};
  }
};

constexpr std::string_view kConfigMaps = "/api/v1/namespaces/default/configmaps";

TEST(HttpFront, AnswersOverTheNetwork) {
  Front front;
  EXPECT_EQ(front.Send("GET", "/readyz").body, "ok");
  auto created = front.Send("POST", std::string(kConfigMaps),
                            R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}})");
  EXPECT_EQ(created.status, 201) << created.body;
}

TEST(HttpFront, SendsEventsAsTheyHappen) {
  Front front;
  auto stream = async::RunBlocking(
      front.executor,
      front.client->Open({.target = std::string(kConfigMaps) + "?watch=1&resourceVersion=0"}, {}));
  ASSERT_TRUE(stream);
  front.Send("POST", std::string(kConfigMaps),
             R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}})");
  std::string events;
  while (events.find("\"name\":\"a\"") == std::string::npos) {
    auto bytes = async::RunBlocking(front.executor, (*stream)->Read(std::chrono::seconds(30)));
    ASSERT_TRUE(bytes && !bytes->empty());
    events += *bytes;
  }
  EXPECT_NE(events.find("ADDED"), std::string::npos);
}

}  // namespace
}  // namespace kro::apiserver
