#include "kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/certificates_test_util.h"
#include "kube/client.h"
#include "kube/fake_server_test_util.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

struct Simulation {
  async::SimulatedExecutor executor;
  FakeServer server{executor};
  async::CancelSource stop;
  std::map<std::string, std::string> files;
  Environment environment;

  Simulation() {
    environment.variable = [](const std::string&) { return std::nullopt; };
    environment.read_file = [this](const std::string& path) -> Result<std::string> {
      auto file = files.find(path);
      if (file == files.end()) return Fail(ErrorCode::kNotFound, "no such file");
      return file->second;
    };
    server.answer = [](const http::Request&) { return http::Response{200, {}, "{}"}; };
  }
  // What the server saw as `name`.
  std::string Header(http::Transport& transport, std::string name, http::Request request = {}) {
    auto sent = *executor.Run(transport.Send(std::move(request), stop.token()));
    if (!sent) return "error: " + sent.error().message();
    const std::string* value = server.requests.back().headers.Find(name);
    return value == nullptr ? "none" : *value;
  }
};

ClientConfig Https() {
  ClientConfig config;
  config.server = "https://example";
  return config;
}

TEST(Credentials, ATokenFileThatIsReplacedIsReadWithinAMinute) {
  Simulation sim;
  sim.files["/t"] = " one\n";
  ClientConfig config = Https();
  config.token_file = "/t";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer one");
  sim.files["/t"] = "two";
  sim.executor.Advance(10s);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer one");
  sim.executor.Advance(50s);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer two");
}

TEST(Credentials, AnUnreadableTokenFileLeavesTheOldToken) {
  Simulation sim;
  sim.files["/t"] = "one";
  ClientConfig config = Https();
  config.token_file = "/t";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer one");
  for (int i = 0; i < 2; ++i) {
    sim.executor.Advance(1min);
    if (i == 0) sim.files["/t"] = "\n";
    if (i == 1) sim.files.clear();
    EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer one");
  }
}

TEST(Credentials, WithoutAnyTokenTheRequestFails) {
  Simulation sim;
  ClientConfig config = Https();
  config.token_file = "/t";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  EXPECT_THAT(sim.Header(transport, "Authorization"),
              HasSubstr("getting credentials: read token file /t"));
}

TEST(Credentials, AnExplicitHeaderStays) {
  Simulation sim;
  ClientConfig config = Https();
  config.token = "mine";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  http::Request request;
  request.headers.Set("authorization", "explicit");
  EXPECT_EQ(sim.Header(transport, "Authorization", request), "explicit");
}

TEST(Credentials, ArePutOnlyOnHttps) {
  Simulation sim;
  ClientConfig config = Https();
  config.server = "http://example";
  config.token = "mine";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "none");
}

TEST(Credentials, BasicAuthenticationIsEncoded) {
  Simulation sim;
  ClientConfig config = Https();
  config.username = "user";
  config.password = "pass";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Basic dXNlcjpwYXNz");
}

TEST(Credentials, NeverShowInLogsOrErrors) {
  class LinesSink final : public LogSink {
   public:
    void Write(LogLevel, std::string_view line) override { text += line; }
    std::string text;
  } sink;
  Simulation sim;
  ClientConfig config = Https();
  config.token = "s3cret-token";
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment);
  Client client(transport, sim.executor, Logger(sink, LogLevel::kDebug), Client::Options{});
  json::Object data;
  data["password"] = "s3cret-data";
  json::Object secret;
  secret["apiVersion"] = "v1";
  secret["kind"] = "Secret";
  json::Object metadata;
  metadata["name"] = "a";
  secret["metadata"] = std::move(metadata);
  secret["stringData"] = std::move(data);
  const Gvr secrets{"", "v1", "secrets"};
  for (int status : {200, 400, 401, 403, 409, 422, 429, 500, 503}) {
    sim.server.answer = [status](const http::Request&) {
      http::Response response{status, {}, status == 200 ? "{}" : "refused"};
      response.headers.Set("Warning", "299 - \"careful\"");
      return response;
    };
    auto reply = *sim.executor.Run(client.Create(secrets, "default", secret, {}, sim.stop.token()));
    if (!reply) sink.text += reply.error().message();
  }
  sim.server.down = true;
  auto reply = *sim.executor.Run(client.Create(secrets, "default", secret, {}, sim.stop.token()));
  ASSERT_FALSE(reply);
  sink.text += reply.error().message();
  EXPECT_THAT(sink.text, HasSubstr("careful"));
  EXPECT_THAT(sink.text, Not(HasSubstr("s3cret")));
}

TEST(Credentials, ImpersonationEscapesExtraKeys) {
  http::Headers headers;
  AddImpersonation({"jane", "u", {"a", "b"}, {{"Example.com/Scope", {"x", "y"}}}}, headers);
  std::vector<std::pair<std::string, std::string>> expected = {
      {"Impersonate-User", "jane"},
      {"Impersonate-Uid", "u"},
      {"Impersonate-Group", "a"},
      {"Impersonate-Group", "b"},
      {"Impersonate-Extra-example.com%2Fscope", "x"},
      {"Impersonate-Extra-example.com%2Fscope", "y"},
  };
  EXPECT_EQ(headers.fields(), expected);
}

ClientConfig WithPlugin() {
  ClientConfig config = Https();
  config.exec = ExecConfig{};
  config.exec->api_version = "client.authentication.k8s.io/v1";
  config.exec->command = "plugin";
  return config;
}

TEST(ExecCredentials, RunsOnceAndAgainWhenExpired) {
  Simulation sim;
  int runs = 0;
  ExecCredentials plugin(sim.executor, WithPlugin(), [&](const Command& command) -> Result<std::string> {
    ++runs;
    EXPECT_EQ(
        command.env.back().second,
        R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}})");
    return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t)" +
           std::to_string(runs) + R"(","expirationTimestamp":"2026-01-01T01:00:00+00:30"}})";
  });
  AuthenticatedTransport transport(sim.server, sim.executor, WithPlugin(), sim.environment,
                                   &plugin);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer t1");
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer t1");
  sim.executor.Advance(31min);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer t2");
}

TEST(ExecCredentials, ARefusedTokenIsRefreshedForTheNextRequest) {
  Simulation sim;
  int runs = 0;
  ExecCredentials plugin(sim.executor, WithPlugin(), [&](const Command&) -> Result<std::string> {
    return R"({"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t)" +
           std::to_string(++runs) + R"("}})";
  });
  AuthenticatedTransport transport(sim.server, sim.executor, WithPlugin(), sim.environment,
                                   &plugin);
  sim.server.answer = [](const http::Request&) { return http::Response{401, {}, ""}; };
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer t1");
  EXPECT_EQ(sim.server.requests.size(), 1u);
  EXPECT_EQ(sim.Header(transport, "Authorization"), "Bearer t2");
}

TEST(ExecCredentials, HoweverManyRequestsWaitTheProgramRunsOnce) {
  Simulation sim;
  int runs = 0;
  ExecCredentials plugin(sim.executor, WithPlugin(), [&](const Command&) -> Result<std::string> {
    ++runs;
    return R"({"apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t"}})";
  });
  AuthenticatedTransport transport(sim.server, sim.executor, WithPlugin(), sim.environment,
                                   &plugin);
  async::Scope scope(sim.executor);
  const auto send = [](http::Transport& to, async::CancelToken cancel) -> async::Task<void> {
    (void)co_await to.Send({}, std::move(cancel));
  };
  for (int i = 0; i < 20; ++i) scope.Spawn(send(transport, sim.stop.token()));
  sim.executor.Run(scope.Join());
  EXPECT_EQ(sim.server.requests.size(), 20u);
  EXPECT_EQ(runs, 1);
}

TEST(ExecCredentials, TellsOfTheClusterOnlyOnRequest) {
  ClientConfig config = WithPlugin();
  config.path_prefix = "/prefix";
  config.tls.server_name = "api";
  config.tls.ca.data = "roots";
  config.exec->cluster_extension = json::Object{{"audience", "us"}};
  EXPECT_EQ(ExecInfo(config).find("cluster"), std::string::npos);
  config.exec->provide_cluster_info = true;
  EXPECT_EQ(
      ExecInfo(config),
      R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false,)"
      R"("cluster":{"server":"https://example/prefix","tls-server-name":"api",)"
      R"("certificate-authority-data":"cm9vdHM=","config":{"audience":"us"}}}})");
}

TEST(ExecCredentials, ACertificateIsShownOnceAndAgainWhenItChanges) {
  Simulation sim;
  const http::Authority authority;
  http::Certificate current = authority.Issue("DNS:one");
  ExecCredentials plugin(sim.executor, WithPlugin(), [&](const Command&) -> Result<std::string> {
    json::Object status;
    status["clientCertificateData"] = current.certificate_pem;
    status["clientKeyData"] = current.key_pem;
    json::Object answer;
    answer["apiVersion"] = "client.authentication.k8s.io/v1";
    answer["status"] = std::move(status);
    return json::Serialize(answer);
  });
  std::vector<std::string> shown;
  AuthenticatedTransport transport(sim.server, sim.executor, WithPlugin(), sim.environment, &plugin,
                                   [&](const std::string& certificate, const std::string& key) {
                                     EXPECT_EQ(key, current.key_pem);
                                     shown.push_back(certificate);
                                   });
  EXPECT_EQ(sim.Header(transport, "Authorization"), "none");
  EXPECT_EQ(sim.Header(transport, "Authorization"), "none");
  EXPECT_EQ(shown.size(), 1u);
  // The server does not take it any more; the program has a new one.
  sim.server.answer = [](const http::Request&) { return http::Response{401, {}, ""}; };
  EXPECT_EQ(sim.Header(transport, "Authorization"), "none");
  EXPECT_EQ(shown.size(), 1u);
  current = authority.Issue("DNS:two");
  EXPECT_EQ(sim.Header(transport, "Authorization"), "none");
  EXPECT_EQ(shown, (std::vector<std::string>{shown[0], current.certificate_pem}));
}

TEST(ExecCredentials, SaysWhyTheProgramGaveNone) {
  Simulation sim;
  ClientConfig config = WithPlugin();
  config.exec->install_hint = "apt install plugin";
  Result<std::string> output = Fail(ErrorCode::kUnavailable, "exec: executable plugin not found");
  ExecCredentials plugin(sim.executor, config, [&](const Command&) { return output; });
  AuthenticatedTransport transport(sim.server, sim.executor, config, sim.environment, &plugin);
  EXPECT_EQ(sim.Header(transport, "Authorization"),
            "error: getting credentials: exec: executable plugin not found\n\napt install plugin");
  output = Fail(ErrorCode::kUnavailable, "exec: executable plugin failed with exit code 3");
  EXPECT_EQ(sim.Header(transport, "Authorization"),
            "error: getting credentials: exec: executable plugin failed with exit code 3");

  config.exec->interactive = ExecConfig::Interactive::kAlways;
  ExecCredentials asks(sim.executor, config, [&](const Command&) { return output; });
  AuthenticatedTransport other(sim.server, sim.executor, config, sim.environment, &asks);
  EXPECT_THAT(sim.Header(other, "Authorization"),
              HasSubstr("getting credentials: exec plugin cannot support interactive mode: "));
}

TEST(ExecCredentials, ExplainsABadAnswer) {
  ExecConfig exec = *WithPlugin().exec;
  const std::pair<std::string, std::string> kCases[] = {
      {"nonsense", "decoding stdout: "},
      {R"({"apiVersion":"client.authentication.k8s.io/v1beta1"})",
       "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin "
       "returned version client.authentication.k8s.io/v1beta1"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1"})",
       "exec plugin didn't return a status field"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1","status":{}})",
       "exec plugin didn't return a token or cert/key pair"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1","status":{"clientKeyData":"k"}})",
       "exec plugin returned only certificate or key, not both"},
      {R"({"apiVersion":"client.authentication.k8s.io/v1","status":{"clientKeyData":"k","clientCertificateData":"c"}})",
       "failed parsing client key/certificate: certificate: no start line"},
  };
  for (const auto& [text, message] : kCases) {
    auto answer = ParseExecAnswer(text, exec);
    ASSERT_FALSE(answer) << text;
    EXPECT_THAT(answer.error().message(), HasSubstr(message));
  }
}

TEST(ExecCredentials, RunsAProgramWithItsEnvironment) {
  auto output = RunCommand({"sh", {"-c", "printf %s \"$KRO_TEST\""}, {{"KRO_TEST", "value"}}});
  ASSERT_TRUE(output);
  EXPECT_EQ(*output, "value");
  EXPECT_EQ(RunCommand({"sh", {"-c", "exit 3"}, {}}).error().message(),
            "exec: executable sh failed with exit code 3");
  EXPECT_EQ(RunCommand({"no-such-plugin", {}, {}}).error().message(),
            "exec: executable no-such-plugin not found");
}

}  // namespace
}  // namespace kro::kube
