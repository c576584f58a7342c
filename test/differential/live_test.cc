// The same as differential_test, with the answers of a real server (devcluster/) that runs now.
//
// KRO_DIFFERENTIAL_SEEDS drawn sequences of either sort (200 unless set) are played besides the written ones.
// With KRO_DIFFERENTIAL_RECORD=all the answers replace those that are recorded; with =missing only sequences
// that have none are played, and added.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "async/run_blocking.h"
#include "differential/answers.h"
#include "differential/play.h"
#include "e2e/devcluster.h"
#include "kube/connection.h"

namespace kro::differential {
namespace {

class RealWorld final : public World {
 public:
  RealWorld() {
    const kube::Environment environment = kube::Environment::OfProcess();
    auto config =
        kube::LoadConfig({.kubeconfig = cluster_.kubeconfig(), .context = {}}, environment);
    EXPECT_TRUE(config);
    if (!config) return;
    auto connection = kube::Connection::Create(executor_, *config, environment);
    EXPECT_TRUE(connection);
    if (connection) connection_ = std::move(*connection);
  }
  bool up() const { return connection_ != nullptr; }

  http::Response Send(http::Request request) override {
    auto sent =
        async::RunBlocking(executor_, connection_->transport().Send(std::move(request), {}));
    return sent ? *sent : http::Response{0, {}, sent.error().message()};
  }

  http::Response Follow(http::Request request) override {
    auto stream =
        async::RunBlocking(executor_, connection_->transport().Open(std::move(request), {}));
    if (!stream) return {0, {}, stream.error().message()};
    http::Response response{(*stream)->status(), (*stream)->headers(), ""};
    while (true) {
      auto piece = async::RunBlocking(executor_, (*stream)->Read(std::chrono::seconds(60)));
      if (!piece || piece->empty()) return response;
      response.body += *piece;
    }
  }

  void Wait() override {
    static_cast<void>(
        async::RunBlocking(executor_, async::Sleep(executor_, std::chrono::milliseconds(100), {})));
  }

 private:
  e2e::Devcluster cluster_{"differential"};
  async::RealExecutor executor_;
  std::unique_ptr<kube::Connection> connection_;
};

TEST(Differential, BothServersAnswerEqually) {
  const char* seeds = std::getenv("KRO_DIFFERENTIAL_SEEDS");
  const char* wanted = std::getenv("KRO_DIFFERENTIAL_RECORD");
  const std::string_view record = wanted == nullptr ? "" : wanted;
  Recording real{seeds == nullptr ? 200 : std::strtoull(seeds, nullptr, 10), {}};
  if (record == "missing") real = ReadRecording();
  const Suite suite = LoadSuite(real.seeds);
  {
    RealWorld world;
    ASSERT_TRUE(world.up());
    Define(world, suite);
    for (const Sequence& sequence : suite.sequences) {
      if (real.answers.contains(sequence.id)) continue;
      real.answers[sequence.id] = Play(world, sequence);
    }
  }
  EmbeddedWorld embedded;
  Define(embedded, suite);
  Transcripts found;
  for (const Sequence& sequence : suite.sequences) found[sequence.id] = Play(embedded, sequence);
  if (!record.empty()) WriteRecording(real);
  Compare(suite, real.answers, found);
}

}  // namespace
}  // namespace kro::differential
