// Metrics over HTTPS, with files as cert-manager keeps them.
#include "operator/serving_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "http/certificates_test_util.h"
#include "http/client.h"

namespace kro::operator_ {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

async::Task<void> Answer(http::Request, http::ResponseWriter& writer, async::CancelToken) {
  http::Response response{.status = 200, .headers = {}, .body = "metrics"};
  static_cast<void>(co_await writer.Respond(std::move(response)));
}

class ServingCertificateTest : public testing::Test {
 protected:
  void Put(const http::Certificate& pair) {
    PutFile("tls.crt", pair.certificate_pem);
    PutFile("tls.key", pair.key_pem);
  }
  void PutFile(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + name) << text;
  }
  // What a scraper that trusts `roots` gets.
  std::string Scrape(const http::Authority& roots) {
    auto client = http::Client::Create(executor_,
                                       {.url = fmt::format("https://127.0.0.1:{}", server_->port()),
                                        .roots = http::PemText{roots.pem}});
    auto response = async::RunBlocking(executor_, (*client)->Send({.target = "/metrics"}, {}));
    return response ? response->body : response.error().message();
  }
  async::Task<void> Run(async::CancelToken cancel) { co_await server_->Run(cancel); }

  const std::string folder_ = testing::TempDir();
  async::RealExecutor executor_;
  std::unique_ptr<http::Server> server_;
};

async::Task<void> JoinAll(async::Scope& scope) {
  scope.Cancel();
  co_await scope.Join();
}

TEST_F(ServingCertificateTest, IsFollowedWhenItsFilesAreReplaced) {
  const http::Authority before;
  const http::Authority after;
  Put(before.Issue("IP:127.0.0.1"));
  ServingCertificate files(folder_ + "tls.crt", folder_ + "tls.key");
  auto first = files.Read(executor_.clock().Monotonic());
  ASSERT_TRUE(first) << first.error().message();
  auto server = http::Server::Listen(executor_, {.tls = *first}, Answer);
  ASSERT_TRUE(server) << server.error().message();
  server_ = std::move(*server);
  async::Scope scope(executor_);
  scope.Spawn(Run(scope.token()));
  scope.Spawn(files.Follow(executor_, *server_, Logger(StderrSink(), LogLevel::kError), 20ms,
                           scope.token()));
  EXPECT_EQ(Scrape(before), "metrics");
  EXPECT_THAT(Scrape(after), HasSubstr("tls: "));

  // Half a pair changes nothing; the whole one counts from the next connection on.
  const http::Certificate pair = after.Issue("IP:127.0.0.1");
  PutFile("tls.key", pair.key_pem);
  EXPECT_EQ(Scrape(before), "metrics");
  PutFile("tls.crt", pair.certificate_pem);
  const auto limit = std::chrono::steady_clock::now() + 60s;
  while (Scrape(after) != "metrics" && std::chrono::steady_clock::now() < limit) {
  }
  EXPECT_EQ(Scrape(after), "metrics");
  EXPECT_THAT(Scrape(before), HasSubstr("tls: "));
  async::RunBlocking(executor_, JoinAll(scope));
}

TEST_F(ServingCertificateTest, WithoutAPairNothingIsServed) {
  PutFile("tls.crt", "no certificate");
  PutFile("tls.key", "no key");
  ServingCertificate files(folder_ + "tls.crt", folder_ + "tls.key");
  const auto read = files.Read(executor_.clock().Monotonic());
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), HasSubstr("tls.crt: no certificate"));
}

}  // namespace
}  // namespace kro::operator_
