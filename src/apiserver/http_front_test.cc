#include "apiserver/http_front.h"

#include <gtest/gtest.h>

#include "apiserver/certificate_authority.h"
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
    auto sent = async::RunBlocking(executor,
                                   client->Send({.method = std::move(method),
                                                 .target = std::move(target),
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

// Over TLS who a client is stands in its certificate, and who shows none is nobody.
TEST(HttpFront, KnowsClientsByTheirCertificates) {
  auto authority = CertificateAuthority::Create();
  ASSERT_TRUE(authority) << authority.error().message();
  const auto again = CertificateAuthority::Read((*authority)->own());
  ASSERT_TRUE(again) << "what was written down is the same authority";
  const auto own = (*again)->IssueServer("IP:127.0.0.1");
  ASSERT_TRUE(own) << own.error().message();
  const std::string& roots = (*authority)->own().certificate_pem;

  async::RealExecutor executor(1);
  Server server(executor.clock(), IdSource(1), {});
  LocalTransport transport(server, executor);
  auto front = *http::Server::Listen(
      executor, {.tls = http::ServerTls{own->certificate_pem, own->key_pem, roots}},
      MakeFront(server, executor, WithoutCertificate::kAnonymous));
  async::Scope scope(executor);
  scope.Spawn(front->Run(scope.token()));
  const auto ask = [&](const std::optional<IssuedCertificate>& shown, std::string target) {
    http::ClientConfig config;
    config.url = "https://127.0.0.1:" + std::to_string(front->port());
    config.proxy = "";
    config.roots = http::PemText{roots};
    if (shown) {
      config.certificate = http::PemText{shown->certificate_pem};
      config.key = http::PemText{shown->key_pem};
    }
    auto client = *http::Client::Create(executor, config);
    auto sent = async::RunBlocking(
        executor, client->Send({.method = "GET", .target = std::move(target)}, {}));
    return sent ? *sent : http::Response{0, {}, sent.error().message()};
  };
  const std::string target(kConfigMaps);
  EXPECT_EQ(ask(*(*authority)->IssueClient(ClusterAdmin()), target).status, 200);
  const http::Response refused = ask(*(*authority)->IssueClient({"alice", {"dev", "ops"}}), target);
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("User \\\"alice\\\" cannot list"), std::string::npos) << refused.body;
  EXPECT_NE(ask(std::nullopt, target).body.find("system:anonymous"), std::string::npos);
  EXPECT_EQ(ask(std::nullopt, "/readyz").status, 200);
  const auto stranger = CertificateAuthority::Create();
  EXPECT_EQ(ask(*(*stranger)->IssueClient(ClusterAdmin()), target).status, 0)
      << "of another authority";
  scope.Cancel();
  async::RunBlocking(executor, scope.Join());
}

}  // namespace
}  // namespace kro::apiserver
