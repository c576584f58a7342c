#include "http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/run_blocking.h"
#include "async/when_all.h"
#include "http/certificates_test_util.h"
#include "http/server.h"

namespace kro::http {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// {"kind":"PodList"}
const std::string kGzipped =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\xce\xcc\x4b\x51\xb2\x52\x0a\xc8\x4f"
    "\xf1\xc9\x2c\x2e\x51\xaa\x05\x00\x70\x51\x2a\x49\x12\x00\x00\x00"s;

// What the handlers saw.
struct Seen {
  explicit Seen(async::Executor& executor) : ended(executor, async::EventReset::kManual) {}
  std::atomic<std::size_t> written = 0;
  async::Event ended;  // a handler that never ends by itself has ended
};

// g++ 12 cannot compile a braced list of headers within an awaited expression.
Response Answer(int status, Headers headers, std::string body = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}
Response Redirect(std::string location) { return Answer(302, {{"Location", std::move(location)}}); }
Headers PlainText() { return {{"Content-Type", "text/plain"}}; }
Response Gzipped() { return Answer(200, {{"Content-Encoding", "gzip"}}, kGzipped); }
Response Split() { return Answer(200, {{"X", "a\r\nSet-Cookie: b"}}); }

async::Task<void> Serve(Request request, ResponseWriter& writer, async::CancelToken cancel,
                        async::Executor& executor, Seen& seen) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/stream") {
    static_cast<void>(co_await writer.Begin(200, PlainText()));
    for (const char* piece : {"one ", "two ", "three"}) {
      static_cast<void>(co_await writer.Write(piece));
    }
  } else if (path == "/forever") {
    static_cast<void>(co_await writer.Begin(200, {}));
    static_cast<void>(co_await writer.Write("first"));
    static_cast<void>(co_await async::Sleep(executor, 1h, cancel));
    seen.ended.Set();
  } else if (path == "/silent") {
    static_cast<void>(co_await async::Sleep(executor, 1h, cancel));
    seen.ended.Set();
  } else if (path == "/cut") {
    static_cast<void>(co_await writer.Begin(200, {}));
    static_cast<void>(co_await writer.Write("half"));
    writer.Abort();
  } else if (path == "/endless") {
    static_cast<void>(co_await writer.Begin(200, {}));
    while (true) {
      auto written = co_await writer.Write(std::string(64 * 1024, 'x'));
      if (!written) break;
      seen.written += 64 * 1024;
    }
    seen.ended.Set();
  } else if (path == "/numbers") {
    static_cast<void>(co_await writer.Begin(200, {}));
    for (int i = 0; i < 30'000; ++i) {
      if (!co_await writer.Write(std::to_string(i % 10) + std::string(999, '.'))) co_return;
    }
  } else if (path == "/big") {
    static_cast<void>(co_await writer.Respond(Answer(200, {}, std::string(8 * 1024 * 1024, 'b'))));
  } else if (path == "/gzip") {
    static_cast<void>(co_await writer.Respond(Gzipped()));
  } else if (path == "/redirect") {
    static_cast<void>(co_await writer.Respond(Redirect("/echo")));
  } else if (path == "/loop") {
    static_cast<void>(co_await writer.Respond(Redirect("/loop")));
  } else if (path == "/throw") {
    throw std::runtime_error("handler failed");
  } else if (path == "/split") {
    static_cast<void>(co_await writer.Respond(Split()));
  } else if (path == "/nothing") {
    co_return;
  } else {
    Headers headers;
    headers.Add("X-Method", request.method);
    headers.Add("X-Target", request.target);
    for (const auto& [name, value] : request.headers.fields()) headers.Add("Got-" + name, value);
    static_cast<void>(
        co_await writer.Respond(Answer(201, std::move(headers), std::move(request.body))));
  }
}

class World {
 public:
  explicit World(ServerConfig config = {}) : executor(2), seen(executor), scope_(executor) {
    const bool tls = config.tls.has_value();
    auto listening = Server::Listen(
        executor, std::move(config),
        [this](Request request, ResponseWriter& writer, async::CancelToken cancel) {
          return Serve(std::move(request), writer, std::move(cancel), executor, seen);
        });
    EXPECT_TRUE(listening);
    server_ = std::move(*listening);
    url = fmt::format("{}://127.0.0.1:{}", tls ? "https" : "http", server_->port());
    scope_.Spawn(server_->Run(scope_.token()));
  }
  ~World() {
    client_.reset();
    scope_.Cancel();
    async::RunBlocking(executor, scope_.Join());
  }

  Client& client() {
    if (!client_) Connect({.url = url});
    return *client_;
  }
  void Connect(ClientConfig config) {
    auto made = Client::Create(executor, std::move(config));
    ASSERT_TRUE(made) << made.error().message();
    client_ = std::move(*made);
  }
  Result<Response> Send(Request request, async::CancelToken cancel = {}) {
    return async::RunBlocking(executor, client().Send(std::move(request), std::move(cancel)));
  }
  Result<std::unique_ptr<ResponseStream>> Open(Request request, async::CancelToken cancel = {}) {
    return async::RunBlocking(executor, client().Open(std::move(request), std::move(cancel)));
  }
  Result<std::string> Read(ResponseStream& stream, Duration idle = 10s) {
    return async::RunBlocking(executor, stream.Read(idle));
  }
  // The bytes until the end, or the error.
  Result<std::string> ReadAll(ResponseStream& stream) {
    std::string all;
    while (true) {
      auto bytes = Read(stream);
      if (!bytes || bytes->empty()) return bytes ? Result<std::string>(all) : bytes;
      all += *bytes;
    }
  }
  void WaitUntilHandlerEnded() {
    EXPECT_TRUE(
        async::RunBlocking(executor, seen.ended.WaitUntil(executor.clock().Monotonic() + 20s, {})));
  }

  async::RealExecutor executor;
  Seen seen;
  std::string url;

 private:
  async::Scope scope_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

async::Task<Result<std::string>> OpenAndReadAll(Client& client, std::string target) {
  Request request{.target = std::move(target)};
  auto stream = co_await client.Open(std::move(request), {});
  if (!stream) co_return std::unexpected(stream.error());
  std::string all;
  while (true) {
    auto bytes = co_await (*stream)->Read(30s);
    if (!bytes || bytes->empty()) co_return bytes ? Result<std::string>(all) : bytes;
    all += *bytes;
  }
}

// The port of a server that has gone.
std::uint16_t UnusedPort(async::RealExecutor& executor) {
  auto server = Server::Listen(executor, {}, nullptr);
  return (*server)->port();
}

TEST(Client, SendsMethodTargetHeadersAndBody) {
  World world;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    auto response = world.Send({.method = method,
                                .target = "/echo/../a%2Fb?limit=5&x=%20",
                                .headers = {{"X-One", "1"}, {"X-Empty", ""}},
                                .body = "{\"a\":1}"});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(*response->headers.Find("x-method"), method);
    EXPECT_EQ(*response->headers.Find("x-target"), "/echo/../a%2Fb?limit=5&x=%20");
    EXPECT_EQ(*response->headers.Find("got-x-one"), "1");
    ASSERT_NE(response->headers.Find("got-x-empty"), nullptr);
    EXPECT_EQ(response->headers.Find("got-content-type"), nullptr);
    EXPECT_EQ(response->headers.Find("got-expect"), nullptr);
    EXPECT_EQ(response->body, "{\"a\":1}");
  }
}

TEST(Client, HeadHasHeadersAndNoBody) {
  World world;
  auto response = world.Send({.method = "HEAD", .target = "/big"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(*response->headers.Find("Content-Length"), "8388608");
  EXPECT_EQ(response->body, "");
}

TEST(Client, PutsThePathOfItsUrlBeforeTheTarget) {
  World world;
  world.Connect({.url = world.url + "/k8s/clusters/c1/"});
  EXPECT_EQ(*world.Send({.target = "/api"})->headers.Find("X-Target"), "/k8s/clusters/c1/api");
}

TEST(Client, CarriesBigBodiesBothWays) {
  World world;
  const std::string body(5 * 1024 * 1024, 'q');
  auto echoed = world.Send({.method = "POST", .target = "/echo", .body = body});
  ASSERT_TRUE(echoed) << echoed.error().message();
  EXPECT_EQ(echoed->body == body, true);
  EXPECT_EQ(world.Send({.target = "/big"})->body.size(), 8u * 1024 * 1024);
}

TEST(Client, RefusesAnAnswerAboveItsLimit) {
  World world;
  world.Connect({.url = world.url, .max_response_bytes = 1000});
  auto response = world.Send({.target = "/big"});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kExhausted);
}

TEST(Client, AsksForGzipAndDecodesIt) {
  World world;
  auto response = world.Send({.target = "/gzip"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "{\"kind\":\"PodList\"}");
  EXPECT_EQ(response->headers.Find("Content-Encoding"), nullptr);
  EXPECT_EQ(*world.Send({.target = "/echo"})->headers.Find("Got-Accept-Encoding"), "gzip");
}

TEST(Client, LeavesBytesAsTheyAreWithoutCompression) {
  World world;
  world.Connect({.url = world.url, .compression = Compression::kNone});
  EXPECT_EQ(world.Send({.target = "/gzip"})->body, kGzipped);
  EXPECT_EQ(world.Send({.target = "/echo"})->headers.Find("Got-Accept-Encoding"), nullptr);
}

TEST(Client, FollowsRedirectsOfGetOnlyAndNotForEver) {
  World world;
  EXPECT_EQ(world.Send({.target = "/redirect"})->status, 201);
  EXPECT_EQ(world.Open({.target = "/redirect"}).value()->status(), 201);
  EXPECT_EQ(world.Send({.method = "POST", .target = "/redirect"})->status, 302);
  EXPECT_EQ(world.Send({.target = "/loop"}).error().code(), ErrorCode::kUnavailable);
}

TEST(Client, RefusesWhatWouldSmuggleALine) {
  World world;
  const Request requests[] = {
      {.target = "/a\r\nX: y"},
      {.target = "/a b"},
      {.target = "a"},
      {.method = "GET /x", .target = "/a"},
      {.target = "/a", .headers = {{"X", "a\r\nY: b"}}},
      {.target = "/a", .headers = {{"X: Y", "b"}}},
  };
  for (const Request& request : requests) {
    auto response = world.Send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kInvalid);
  }
}

TEST(Client, SendsThroughAProxyAndKeepsTheHostOfTheServer) {
  World world;  // plays the proxy: it echoes what it is asked to forward
  world.Connect({.url = "http://api.example:6443/base", .proxy = world.url});
  auto answer = world.Send({.target = "/version"});
  ASSERT_TRUE(answer) << answer.error().message();
  ASSERT_NE(answer->headers.Find("Got-Host"), nullptr);
  EXPECT_EQ(*answer->headers.Find("Got-Host"), "api.example:6443");
  EXPECT_EQ(*answer->headers.Find("X-Target"), "http://api.example:6443/base/version");
}

TEST(Client, AProxyThatIsAwayIsUnavailable) {
  World world;
  world.Connect({.url = "http://api.example:6443", .proxy = "http://127.0.0.1:1"});
  auto answer = world.Send({.target = "/version"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
}

TEST(Client, StreamsABodyToItsEnd) {
  World world;
  auto stream = world.Open({.target = "/stream"});
  ASSERT_TRUE(stream) << stream.error().message();
  EXPECT_EQ((*stream)->status(), 200);
  EXPECT_EQ(*(*stream)->headers().Find("content-type"), "text/plain");
  EXPECT_EQ(world.ReadAll(**stream), "one two three");
  EXPECT_EQ(world.Read(**stream), "");  // the end stays the end
}

TEST(Client, GivesBytesOfAStreamAsTheyCome) {
  World world;
  auto stream = world.Open({.target = "/forever"});
  EXPECT_EQ(world.Read(**stream), "first");
}

TEST(Client, CancellingEndsAReadAndTheServersHandler) {
  World world;
  async::CancelSource cancel;
  auto stream = world.Open({.target = "/forever"}, cancel.token());
  EXPECT_EQ(world.Read(**stream), "first");
  cancel.Cancel();
  EXPECT_EQ(world.Read(**stream).error().code(), ErrorCode::kCancelled);
  world.WaitUntilHandlerEnded();
}

TEST(Client, DroppingAStreamEndsItsTransfer) {
  World world;
  world.Open({.target = "/forever"}).value().reset();
  world.WaitUntilHandlerEnded();
}

TEST(Client, CancelEndsARequestThatIsNotAnswered) {
  World world;
  async::CancelSource cancel;
  async::CancelSource* source = &cancel;
  world.executor.PostAt(world.executor.clock().Monotonic() + 20ms, [source] { source->Cancel(); });
  EXPECT_EQ(world.Send({.target = "/silent"}, cancel.token()).error().code(),
            ErrorCode::kCancelled);
  world.WaitUntilHandlerEnded();
}

TEST(Client, ARequestWhoseTimeIsOverIsNotSent) {
  World world;
  const MonotonicTime now = world.executor.clock().Monotonic();
  auto late = world.Send({.method = "PATCH", .target = "/endless", .not_after = now - 1ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(late.error().message().find("too late to be sent"), std::string::npos);
  EXPECT_EQ(world.seen.written, 0u);
  auto early = world.Send({.method = "PATCH", .target = "/echo", .not_after = now + 1h});
  ASSERT_TRUE(early) << early.error().message();
  EXPECT_EQ(early->status, 201);
}

TEST(Client, ACancelledTokenSendsNothing) {
  World world;
  async::CancelSource cancel;
  cancel.Cancel();
  EXPECT_EQ(world.Send({.target = "/echo"}, cancel.token()).error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(world.Open({.target = "/echo"}, cancel.token()).error().code(), ErrorCode::kCancelled);
}

TEST(Client, AnIdleStreamIsUnavailable) {
  World world;
  auto stream = world.Open({.target = "/forever"});
  EXPECT_EQ(world.Read(**stream, 10s), "first");
  for (int i = 0; i < 2; ++i) {
    auto bytes = world.Read(**stream, 20ms);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code(), ErrorCode::kUnavailable);
    EXPECT_NE(bytes.error().message().find("nothing received for 20ms"), std::string::npos);
  }
}

TEST(Client, ARequestEndsAfterItsTimeout) {
  World world;
  auto response = world.Send({.target = "/silent", .timeout = 20ms});
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message().find("no answer within 20ms"), std::string::npos);
  EXPECT_EQ(world.Open({.target = "/silent", .timeout = 20ms}).error().code(),
            ErrorCode::kUnavailable);
}

TEST(Client, ABodyCutShortIsUnavailableAfterWhatCame) {
  World world;
  auto stream = world.Open({.target = "/cut"});
  ASSERT_TRUE(stream);
  EXPECT_EQ(world.Read(**stream), "half");
  EXPECT_EQ(world.Read(**stream).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(world.Send({.target = "/cut"}).error().code(), ErrorCode::kUnavailable);
}

TEST(Client, UnreadBytesStopTheSender) {
  World world({.write_timeout = 300ms});
  auto stream = world.Open({.target = "/endless"});
  world.WaitUntilHandlerEnded();  // since it could not write for that long
  // What fits into the client's buffer and those of the two sockets.
  EXPECT_LT(world.seen.written, 64u * 1024 * 1024);
}

TEST(Client, ReadingGoesOnAfterTheSenderWasStopped) {
  World world;
  auto stream = world.Open({.target = "/numbers"});
  auto all = world.ReadAll(**stream);
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_EQ(all->size(), 30'000'000u);
  for (std::size_t i = 0; i < 30'000; ++i) {
    ASSERT_EQ((*all)[i * 1000], static_cast<char>('0' + i % 10));
  }
}

TEST(Client, ARefusedConnectionNamesThePlace) {
  World world;
  const std::uint16_t port = UnusedPort(world.executor);
  world.Connect({.url = fmt::format("http://127.0.0.1:{}", port)});
  auto response = world.Send({.target = "/api"});
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(response.error().message(),
            fmt::format("connect to 127.0.0.1:{}: connection refused", port));
}

TEST(Client, AHandshakeThatStallsEndsAtTheLimitOfConnecting) {
  // A listener that accepts into its backlog and never says a word.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  World world;
  world.Connect({.url = fmt::format("https://127.0.0.1:{}", ntohs(address.sin_port)),
                 .connect_timeout = 100ms});
  auto stalled = world.Send({.target = "/"});
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(stalled.error().message().find("connect to 127.0.0.1"), std::string::npos);
  ::close(listener);
}

TEST(Client, ManyStreamsAtOnce) {
  World world;
  std::vector<async::Task<Result<std::string>>> tasks;
  for (int i = 0; i < 100; ++i) tasks.push_back(OpenAndReadAll(world.client(), "/stream"));
  auto results =
      async::RunBlocking(world.executor, async::WhenAll(world.executor, std::move(tasks)));
  for (const auto& result : results) EXPECT_EQ(result, "one two three");
}

TEST(Client, RefusesConfigurationsThatMakeNoSense) {
  async::RealExecutor executor(1);
  const ClientConfig configs[] = {
      {.url = "ftp://a"},
      {.url = "https://a?x=y"},
      {.url = ""},
      {.url = "https://a", .roots = PemText{"x"}, .verify = VerifyPeer::kNo},
      {.url = "https://a", .certificate = PemText{"x"}},
      {.url = "https://a", .proxy = "gopher://p"},
  };
  for (const ClientConfig& config : configs) {
    auto client = Client::Create(executor, config);
    ASSERT_FALSE(client) << config.url;
    EXPECT_EQ(client.error().code(), ErrorCode::kInvalid);
  }
}

TEST(ClientTls, VerifiesTheServerByTheGivenRoots) {
  const Authority authority;
  const Certificate leaf = authority.Issue("IP:127.0.0.1");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  world.Connect({.url = world.url, .roots = PemText{authority.pem}});
  auto response = world.Send({.target = "/echo"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(world.ReadAll(**world.Open({.target = "/stream"})), "one two three");
}

TEST(ClientTls, StreamsThatStayOpenDoNotKeepOthersWaitingWithoutHttp2) {
  const Authority authority;
  const Certificate leaf = authority.Issue("IP:127.0.0.1");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  world.Connect({.url = world.url, .roots = PemText{authority.pem}});
  std::vector<async::Task<Result<std::unique_ptr<ResponseStream>>>> tasks;
  for (int i = 0; i < 50; ++i) {
    tasks.push_back(world.client().Open({.target = "/forever", .timeout = 20s}, {}));
  }
  auto streams =
      async::RunBlocking(world.executor, async::WhenAll(world.executor, std::move(tasks)));
  for (const auto& stream : streams) {
    ASSERT_TRUE(stream) << stream.error().message();
    EXPECT_EQ(world.Read(**stream), "first");
  }
}

TEST(ClientTls, ReadsRootsFromAFile) {
  const Authority authority;
  const Certificate leaf = authority.Issue("IP:127.0.0.1");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  const std::string path = testing::TempDir() + fmt::format("kro-roots-{}.pem", getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(authority.pem.c_str(), file);
  std::fclose(file);
  world.Connect({.url = world.url, .roots = PemFile{path}});
  EXPECT_TRUE(world.Send({.target = "/echo"}));
  std::remove(path.c_str());
}

TEST(ClientTls, RefusesAServerOfAnotherAuthority) {
  const Authority authority, other;
  const Certificate leaf = authority.Issue("IP:127.0.0.1");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  const std::vector<std::optional<Pem>> all_roots = {PemText{other.pem}, PemText{""},
                                                     PemFile{"/nonexistent"}, std::nullopt};
  for (const std::optional<Pem>& roots : all_roots) {
    world.Connect({.url = world.url, .roots = roots});
    auto response = world.Send({.target = "/echo"});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(response.error().frames().back(), "connect to " + world.url.substr(8));
    EXPECT_NE(response.error().message().find("tls: "), std::string::npos)
        << response.error().message();
  }
}

TEST(ClientTls, RefusesACertificateForAnotherName) {
  const Authority authority;
  const Certificate leaf = authority.Issue("DNS:kubernetes");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  world.Connect({.url = world.url, .roots = PemText{authority.pem}});
  EXPECT_FALSE(world.Send({.target = "/echo"}));
}

TEST(ClientTls, VerifiesTheConfiguredNameButSendsTheHost) {
  const Authority authority;
  const Certificate leaf = authority.Issue("DNS:kubernetes");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  world.Connect({.url = world.url, .roots = PemText{authority.pem}, .server_name = "kubernetes"});
  auto response = world.Send({.target = "/echo"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(*response->headers.Find("got-host"), world.url.substr(8));
}

TEST(ClientTls, AsksNothingOfTheServerWhenVerificationIsOff) {
  const Authority authority;
  const Certificate leaf = authority.Issue("DNS:kubernetes");
  World world({.tls = ServerTls{leaf.certificate_pem, leaf.key_pem}});
  world.Connect({.url = world.url, .verify = VerifyPeer::kNo});
  EXPECT_TRUE(world.Send({.target = "/echo"}));
}

TEST(Server, AnswersForAHandlerThatDoesNot) {
  World world;
  EXPECT_EQ(world.Send({.target = "/throw"})->status, 500);
  EXPECT_EQ(world.Send({.target = "/nothing"})->status, 500);
  EXPECT_EQ(world.Send({.target = "/split"})->status, 500);  // its answer was refused
  EXPECT_EQ(world.Send({.target = "/echo"})->status, 201);
}

TEST(Server, RefusesABodyAboveItsLimit) {
  World world({.max_body_bytes = 10});
  auto response = world.Send({.method = "POST", .target = "/echo", .body = "more than ten"});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 413);
}

TEST(Server, APortInUseIsUnavailable) {
  async::RealExecutor executor(1);
  auto first = Server::Listen(executor, {}, nullptr);
  auto second = Server::Listen(executor, {.port = (*first)->port()}, nullptr);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
}

TEST(Server, RefusesACertificateThatIsNone) {
  async::RealExecutor executor(1);
  auto server = Server::Listen(executor, {.tls = ServerTls{"x", "y"}}, nullptr);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code(), ErrorCode::kInvalid);
}

TEST(Server, StoppingEndsStreamsAndIdleConnections) {
  std::unique_ptr<ResponseStream> stream;
  World world;
  world.Send({.target = "/echo"}).value();
  stream = std::move(world.Open({.target = "/forever"}).value());
  EXPECT_EQ(world.Read(*stream), "first");
  stream.reset();
}

}  // namespace
}  // namespace kro::http
