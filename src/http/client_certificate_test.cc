// Client certificates against a server that asks for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "http/client.h"
#include "http/naming_server_test_util.h"

namespace kro::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClientCertificate : public ::testing::Test {
 protected:
  void Connect(std::optional<Certificate> shown) {
    ClientConfig config{.url = server_.url, .roots = PemText{of_server_.pem}};
    if (shown) {
      config.certificate = PemText{shown->certificate_pem};
      config.key = PemText{shown->key_pem};
    }
    client_ = std::move(Client::Create(executor_, std::move(config)).value());
  }
  // What the server calls us, or the error.
  std::string Name() {
    auto response = async::RunBlocking(executor_, client_->Send({.target = "/"}, {}));
    return response ? response->body : response.error().message();
  }
  static Pem Text(const std::string& pem) { return PemText{pem}; }

  Authority of_server_;
  Authority of_clients_;
  async::RealExecutor executor_{2};
  NamingServer server_{of_server_, of_clients_};
  std::unique_ptr<Client> client_;
};

TEST_F(ClientCertificate, TellsTheServerWhoWeAre) {
  Connect(of_clients_.Issue("DNS:one", "one"));
  EXPECT_EQ(Name(), "one");
}

TEST_F(ClientCertificate, WithoutOneOrWithAForeignOneTheServerRefuses) {
  Connect(std::nullopt);
  EXPECT_THAT(Name(), HasSubstr("127.0.0.1"));
  Connect(of_server_.Issue("DNS:one", "one"));
  EXPECT_THAT(Name(), HasSubstr("127.0.0.1"));
  EXPECT_EQ(server_.connections, 0);
}

TEST_F(ClientCertificate, ANewOneTakesANewConnectionAndEndsStreams) {
  Connect(of_clients_.Issue("DNS:one", "one"));
  EXPECT_EQ(Name(), "one");
  auto stream = async::RunBlocking(executor_, client_->Open({.target = "/stream"}, {}));
  ASSERT_TRUE(stream) << stream.error().message();

  const Certificate two = of_clients_.Issue("DNS:two", "two");
  client_->SetCertificate(Text(two.certificate_pem), Text(two.key_pem));
  auto end = async::RunBlocking(executor_, (*stream)->Read(10s));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(end.error().message(), "the client certificate changed");
  EXPECT_EQ(Name(), "two");
}

TEST_F(ClientCertificate, NewRootsCountForNewConnections) {
  Connect(of_clients_.Issue("DNS:one", "one"));
  EXPECT_EQ(Name(), "one");
  // The server's authority is not trusted any more, then again.
  client_->SetRoots(Text(of_clients_.pem));
  EXPECT_THAT(Name(), HasSubstr("tls: "));
  client_->SetRoots(Text(of_server_.pem));
  EXPECT_EQ(Name(), "one");
}

}  // namespace
}  // namespace kro::http
