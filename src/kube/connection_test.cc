// Connections as a kubeconfig describes them, to a server that asks for a client certificate.
#include "kube/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "base/base64.h"
#include "http/naming_server_test_util.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() {
    environment_.variable = [](const std::string&) { return std::nullopt; };
    environment_.read_file = [this](const std::string& path) -> Result<std::string> {
      std::lock_guard lock(mutex_);
      auto file = files_.find(path);
      if (file == files_.end()) return Fail(ErrorCode::kNotFound, "no such file");
      return file->second;
    };
    Put("/etc/ca", of_server_.pem);
    PutPair("one");
  }
  void Put(const std::string& path, std::string text) {
    std::lock_guard lock(mutex_);
    files_[path] = std::move(text);
  }
  void PutPair(const char* name) {
    const http::Certificate pair = of_clients_.Issue("DNS:client", name);
    Put("/etc/cert", pair.certificate_pem);
    Put("/etc/key", pair.key_pem);
  }
  // With these lines as the cluster's and the user's.
  void Connect(const std::string& cluster, const std::string& user) {
    const std::string text = fmt::format(R"(
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters:
- name: c
  cluster:
    server: {}
    {}
users:
- name: u
  user:
    {}
)",
                                         server_.url, cluster, user);
    auto kubeconfig = Kubeconfig::Parse(text, "/etc/kubeconfig");
    ASSERT_TRUE(kubeconfig) << kubeconfig.error().message();
    auto config = kubeconfig->Resolve("", environment_);
    ASSERT_TRUE(config) << config.error().message();
    auto connection = Connection::Create(executor_, *config, environment_);
    ASSERT_TRUE(connection) << connection.error().message();
    connection_ = std::move(*connection);
  }
  // What the server calls us, or the error.
  std::string Name() {
    auto response =
        async::RunBlocking(executor_, connection_->transport().Send({.target = "/"}, {}));
    return response ? response->body : response.error().message();
  }
  bool IsSoon(const std::string& name) {
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < limit) {
      if (Name() == name) return true;
    }
    return false;
  }
  static std::string Data(const std::string& text) { return EncodeBase64(text); }

  http::Authority of_server_;
  http::Authority of_clients_;
  std::mutex mutex_;
  std::map<std::string, std::string> files_;  // guarded by mutex_
  Environment environment_;
  async::RealExecutor executor_{2};
  http::NamingServer server_{of_server_, of_clients_};
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, ShowsTheCertificateInTheKubeconfig) {
  const http::Certificate pair = of_clients_.Issue("DNS:client", "inside");
  Connect("certificate-authority-data: " + Data(of_server_.pem),
          fmt::format("{{client-certificate-data: {}, client-key-data: {}}}",
                      Data(pair.certificate_pem), Data(pair.key_pem)));
  EXPECT_EQ(Name(), "inside");
}

TEST_F(ConnectionTest, FollowsCertificateFilesThatAreReplaced) {
  Connect("certificate-authority: ca", "{client-certificate: cert, client-key: key}");
  EXPECT_EQ(Name(), "one");
  const int before = server_.connections;
  EXPECT_EQ(Name(), "one");
  EXPECT_EQ(server_.connections, before);  // the files are read, the connection stays
  auto stream =
      async::RunBlocking(executor_, connection_->transport().Open({.target = "/stream"}, {}));
  ASSERT_TRUE(stream) << stream.error().message();

  PutPair("two");
  EXPECT_TRUE(IsSoon("two"));
  auto end = async::RunBlocking(executor_, (*stream)->Read(10s));
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message(), HasSubstr("the client certificate changed"));
}

TEST_F(ConnectionTest, TrustsTheCaFileAloneAndFollowsIt) {
  Put("/etc/ca", of_clients_.pem);
  Connect("certificate-authority: ca", "{client-certificate: cert, client-key: key}");
  EXPECT_THAT(Name(), HasSubstr("tls: "));
  Put("/etc/ca", of_server_.pem);
  EXPECT_TRUE(IsSoon("one"));
}

TEST_F(ConnectionTest, ShowsTheCertificateOfAPlugin) {
  const http::Certificate pair = of_clients_.Issue("DNS:client", "plugin");
  json::Object status;
  status["clientCertificateData"] = pair.certificate_pem;
  status["clientKeyData"] = pair.key_pem;
  json::Object answer;
  answer["apiVersion"] = "client.authentication.k8s.io/v1";
  answer["kind"] = "ExecCredential";
  answer["status"] = std::move(status);
  Connect("certificate-authority: ca", fmt::format(R"(exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: printf
      args: ["%s", '{}'])",
                                                   json::Serialize(answer)));
  EXPECT_EQ(Name(), "plugin");
}

}  // namespace
}  // namespace kro::kube
