#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/fake_server_test_util.h"

namespace kro::kube {
namespace {

using namespace std::chrono_literals;

const Gvr kConfigMaps{"", "v1", "configmaps"};
const std::string kPath = "/api/v1/namespaces/default/configmaps";

class LinesSink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

struct Simulation {
  LinesSink sink;
  async::SimulatedExecutor executor;
  FakeServer server{executor};
  Client client{server, executor, Logger(sink), Client::Options{}};
  async::CancelSource stop;

  Duration Elapsed() const { return executor.clock().Now() - async::SimulatedExecutor::kStart; }
  Reply<json::Value> Get(std::string name) {
    return *executor.Run(client.Get(kConfigMaps, {"default", name}, {}, stop.token()));
  }
};

http::Response Throttle(std::string after) {
  http::Response response{429, {}, ""};
  if (!after.empty()) response.headers.Set("Retry-After", after);
  return response;
}

TEST(Client, SendsAgainAfterTheTimeTheServerNames) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.server.faults = {Throttle("2"), Throttle("3")};
  EXPECT_TRUE(sim.Get("a"));
  EXPECT_EQ(sim.Elapsed(), 5s);
}

TEST(Client, GivesUpAfterTenRepeatsAndKeepsTheDelay) {
  Simulation sim;
  for (int i = 0; i < 20; ++i) sim.server.faults.push_back(Throttle("1"));
  auto got = sim.Get("a");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::kThrottled);
  EXPECT_EQ(got.error().status().retry_after, 1s);
  EXPECT_EQ(sim.server.requests.size(), 11u);
}

TEST(Client, DoesNotRepeatWithoutASecondsHeader) {
  for (std::string after : {"", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    Simulation sim;
    sim.server.faults = {Throttle(after)};
    EXPECT_FALSE(sim.Get("a"));
    EXPECT_EQ(sim.server.requests.size(), 1u);
  }
}

TEST(Client, ABrokenConnectionRepeatsReadsOnly) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  sim.server.faults = {Fail(ErrorCode::kUnavailable, "connection reset")};
  EXPECT_TRUE(sim.Get("a"));
  EXPECT_EQ(sim.Elapsed(), 1s);
  sim.server.faults = {Fail(ErrorCode::kUnavailable, "connection reset")};
  auto patched = *sim.executor.Run(sim.client.Patch(
      kConfigMaps, {"default", "a"}, PatchType::kMerge, json::Object(), {}, sim.stop.token()));
  ASSERT_FALSE(patched);
  EXPECT_EQ(patched.error().code(), ErrorCode::kUnavailable);
}

async::Task<void> GetInto(Client& client, async::CancelToken cancel,
                          std::optional<Reply<json::Value>>& result) {
  result = co_await client.Get(kConfigMaps, {"default", "a"}, {}, cancel);
}

TEST(Client, CancellingEndsTheWaitAtOnce) {
  Simulation sim;
  sim.server.faults = {Throttle("100")};
  async::Scope scope(sim.executor);
  std::optional<Reply<json::Value>> result;
  scope.Spawn(GetInto(sim.client, scope.token(), result));
  sim.executor.Advance(1s);
  scope.Cancel();
  sim.executor.RunUntilIdle();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->error().code(), ErrorCode::kCancelled);
  sim.executor.Run(scope.Join());
}

TEST(Client, AStatusFailureInsideA200IsAnError) {
  Simulation sim;
  sim.server.faults = {http::Response{200, {}, FakeServer::StatusBody(409, "Conflict", "stale")}};
  auto got = sim.Get("a");
  ASSERT_FALSE(got);
  EXPECT_TRUE(IsConflict(got.error()));
}

TEST(Client, LogsWarningsOfTheServer) {
  Simulation sim;
  sim.server.faults = {http::Response{200, {{"Warning", "299 - \"deprecated\""}}, "{}"}};
  EXPECT_TRUE(sim.Get("a"));
  ASSERT_EQ(sim.sink.lines.size(), 1u);
  EXPECT_NE(sim.sink.lines[0].find("deprecated"), std::string::npos);
}

TEST(Client, ListsInPagesOfOneVersion) {
  Simulation sim;
  for (int i = 0; i < 12; ++i) sim.server.Put(kPath, fmt::format("c{:02}", i));
  ListOptions options;
  options.limit = 5;
  auto list = *sim.executor.Run(sim.client.List(kConfigMaps, "default", options, sim.stop.token()));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items.size(), 12u);
  EXPECT_EQ(sim.server.requests.size(), 3u);
  EXPECT_EQ(json::FindString(list->items[11], {"kind"}), "ConfigMap");
}

TEST(Client, ListsInOnePieceWhenTheContinueTokenExpired) {
  Simulation sim;
  for (int i = 0; i < 12; ++i) sim.server.Put(kPath, fmt::format("c{:02}", i));
  sim.server.expire_continue = true;
  ListOptions options;
  options.limit = 5;
  auto list = *sim.executor.Run(sim.client.List(kConfigMaps, "default", options, sim.stop.token()));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items.size(), 12u);
  EXPECT_EQ(sim.server.requests.size(), 3u);
}

TEST(Client, AStaleUpdateIsAConflict) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  auto object = sim.Get("a");
  sim.server.Put(kPath, "a");
  auto updated = *sim.executor.Run(sim.client.Update(kConfigMaps, *object, {}, sim.stop.token()));
  ASSERT_FALSE(updated);
  EXPECT_EQ(updated.error().code(), ErrorCode::kConflict);
}

TEST(Client, ApplySendsNoManagedFieldsAndNamesItsManager) {
  Simulation sim;
  auto object = *json::Parse(
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default","managedFields":[]}})");
  ApplyOptions options;
  options.on_conflict = OnConflict::kTakeOver;
  options.field_manager = "kro.run/applyset";
  auto applied =
      *sim.executor.Run(sim.client.Apply(kConfigMaps, object, options, sim.stop.token()));
  ASSERT_TRUE(applied);
  const http::Request& request = sim.server.requests.back();
  EXPECT_EQ(request.target, kPath + "/a?fieldManager=kro.run%2Fapplyset&force=true");
  EXPECT_EQ(*request.headers.Find("content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(request.body.find("managedFields"), std::string::npos);
}

TEST(Client, DeletesOnlyTheObjectThatWasSeen) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  DeleteOptions options;
  options.uid = "another";
  auto refused = *sim.executor.Run(
      sim.client.Delete(kConfigMaps, {"default", "a"}, options, sim.stop.token()));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(IsConflict(refused.error()));
  options.uid = "uid-1";
  auto deleted = *sim.executor.Run(
      sim.client.Delete(kConfigMaps, {"default", "a"}, options, sim.stop.token()));
  ASSERT_TRUE(deleted);
  EXPECT_FALSE(deleted->remaining);
  EXPECT_TRUE(IsNotFound(sim.Get("a").error()));
}

TEST(Client, MetadataIsKeptWhenTheServerSendsWholeObjects) {
  Simulation sim;
  json::Object extra;
  extra["data"] = "large";
  sim.server.Put(kPath, "a", extra);
  GetOptions options;
  options.content = Content::kMetadata;
  auto got =
      *sim.executor.Run(sim.client.Get(kConfigMaps, {"default", "a"}, options, sim.stop.token()));
  ASSERT_TRUE(got);
  EXPECT_EQ(json::Find(*got, "data"), nullptr);
  EXPECT_EQ(json::FindString(*got, {"kind"}), "PartialObjectMetadata");
}

TEST(Client, RefusesNamesThatWouldChangeThePath) {
  Simulation sim;
  for (std::string name : {"", "..", "a/b", "a%2fb"}) {
    auto got = sim.Get(name);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), ErrorCode::kInvalid) << name;
  }
  EXPECT_TRUE(sim.server.requests.empty());
}

// Checklist 33.
TEST(Client, KeepsToItsRateOfRequestsAndLetsWatchesThrough) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  const auto gets_after = [&](double per_second, double burst, Duration elapsed) {
    RateLimiter rate(sim.executor, per_second, burst);
    Client client(sim.server, sim.executor, Logger(sim.sink), {.rate_limiter = &rate});
    sim.server.requests.clear();
    async::Scope scope(sim.executor);
    std::vector<std::optional<Reply<json::Value>>> results(300);
    for (auto& result : results) scope.Spawn(GetInto(client, scope.token(), result));
    sim.executor.Advance(elapsed);
    EXPECT_TRUE(*sim.executor.Run(client.Watch(kConfigMaps, "default", {}, scope.token())));
    const int gets = sim.server.Count("GET", "/configmaps/a");
    scope.Cancel();
    sim.executor.Run(scope.Join());
    return gets;
  };
  EXPECT_EQ(gets_after(100, 150, 0s), 150);
  EXPECT_EQ(gets_after(100, 150, 500ms), 200);
  EXPECT_EQ(gets_after(100, 150, 1500ms), 300);
  EXPECT_EQ(gets_after(-1, 150, 0s), 300);
}

TEST(RateLimiter, WhoGivesUpLeavesItsTurnToOthers) {
  async::SimulatedExecutor executor;
  RateLimiter rate(executor, 1, 1);
  ASSERT_TRUE(*executor.Run(rate.Acquire({})));
  async::CancelSource impatient;
  impatient.Cancel();
  EXPECT_FALSE(*executor.Run(rate.Acquire(impatient.token())));
  const WallTime before = executor.clock().Now();
  ASSERT_TRUE(*executor.Run(rate.Acquire({})));
  EXPECT_EQ(executor.clock().Now() - before, 1s);
}

class Hears final : public ClientObserver {
 public:
  void Repeated(std::string_view method, int code) override {
    repeated.push_back(fmt::format("{} {}", method, code));
  }
  void Waited(std::string_view, Duration waited) override { waits.push_back(waited); }

  std::vector<std::string> repeated;
  std::vector<Duration> waits;
};

TEST(Client, TellsOfRepeatsAndWaits) {
  Simulation sim;
  sim.server.Put(kPath, "a");
  Hears heard;
  RateLimiter rate(sim.executor, 1, 1);
  Client client(sim.server, sim.executor, Logger(sim.sink),
                {.rate_limiter = &rate, .observer = &heard});
  sim.server.faults = {Throttle("0"), Fail(ErrorCode::kUnavailable, "connection reset"),
                       Throttle("2")};
  ASSERT_TRUE(*sim.executor.Run(client.Get(kConfigMaps, {"default", "a"}, {}, {})));
  EXPECT_THAT(heard.repeated, testing::ElementsAre("GET 0", "GET 429", "GET 200"));
  // The wait that the server asked for is not the limiter's.
  EXPECT_THAT(heard.waits, testing::ElementsAre(0s, 1s, 0s, 0s));
}

TEST(ConcurrencyLimiter, GrowsWithGoodAnswersAndShrinksWhenThrottled) {
  async::SimulatedExecutor executor;
  ConcurrencyLimiter limiter(executor, {.minimum = 2, .initial = 4, .maximum = 8});
  async::CancelSource stop;
  for (int round = 0; round < 20; ++round) {
    int n = limiter.limit();
    MonotonicTime started{};
    for (int i = 0; i < n; ++i) started = **executor.Run(limiter.Acquire(stop.token()));
    executor.Advance(5ms);
    for (int i = 0; i < n; ++i) limiter.Release(started, ConcurrencyLimiter::Outcome::kGood);
  }
  EXPECT_GT(limiter.limit(), 5);
  int before = limiter.limit();
  executor.Advance(2s);
  auto started = **executor.Run(limiter.Acquire(stop.token()));
  limiter.Release(started, ConcurrencyLimiter::Outcome::kThrottled);
  EXPECT_LT(limiter.limit(), before);
}

// After one answer of 5 ms and 20 rounds of as many as the limit allows, of which every tenth takes `slow`.
int LimitAfterRounds(Duration usual, Duration slow) {
  async::SimulatedExecutor executor;
  ConcurrencyLimiter limiter(executor, {});
  const MonotonicTime first = **executor.Run(limiter.Acquire({}));
  executor.Advance(5ms);
  limiter.Release(first, ConcurrencyLimiter::Outcome::kGood);
  for (int round = 0; round < 20; ++round) {
    const int n = limiter.limit();
    MonotonicTime started{};
    for (int i = 0; i < n; ++i) started = **executor.Run(limiter.Acquire({}));
    executor.Advance(usual);
    for (int i = 0; i < n - n / 10; ++i) {
      limiter.Release(started, ConcurrencyLimiter::Outcome::kGood);
    }
    executor.Advance(slow - usual);
    for (int i = 0; i < n / 10; ++i) limiter.Release(started, ConcurrencyLimiter::Outcome::kGood);
  }
  return limiter.limit();
}

TEST(ConcurrencyLimiter, ShrinksWhenARoundIsSlowNotForSomeSlowAnswers) {
  EXPECT_GT(LimitAfterRounds(10ms, 200ms), 40);
  EXPECT_LT(LimitAfterRounds(100ms, 200ms), 16);
}

TEST(ConcurrencyLimiter, ComesBackWithinSomeRoundsFromWhatAnOverloadLeft) {
  async::SimulatedExecutor executor;
  ConcurrencyLimiter limiter(executor, {.minimum = 8, .initial = 32});
  const auto fill = [&](Duration took, ConcurrencyLimiter::Outcome outcome) {
    const int n = limiter.limit();
    MonotonicTime started{};
    for (int i = 0; i < n; ++i) started = **executor.Run(limiter.Acquire({}));
    executor.Advance(took);
    for (int i = 0; i < n; ++i) limiter.Release(started, outcome);
    return n;
  };
  for (int i = 0; i < 6; ++i) fill(5ms, ConcurrencyLimiter::Outcome::kThrottled);
  ASSERT_EQ(limiter.limit(), 8);
  // 8 → 32 by quarters takes seven rounds of 32 answers.
  int answers = 0;
  while (limiter.limit() < 32) answers += fill(24ms, ConcurrencyLimiter::Outcome::kGood);
  EXPECT_LT(answers, 300);
  for (int i = 0; i < 2; ++i) fill(24ms, ConcurrencyLimiter::Outcome::kGood);
  EXPECT_EQ(limiter.limit(), 34);
}

TEST(ConcurrencyLimiter, StartsOverWhenItsLimitWasNotReachedForAWhile) {
  async::SimulatedExecutor executor;
  ConcurrencyLimiter limiter(executor, {.minimum = 2, .initial = 6, .rest = 1s});
  const auto ask = [&](ConcurrencyLimiter::Outcome outcome) {
    const MonotonicTime started = **executor.Run(limiter.Acquire({}));
    executor.Advance(5ms);
    limiter.Release(started, outcome);
  };
  for (int i = 0; i < 5; ++i) ask(ConcurrencyLimiter::Outcome::kThrottled);
  EXPECT_EQ(limiter.limit(), 2);
  // Who asks one by one never reaches it.
  for (int i = 0; i < 190; ++i) ask(ConcurrencyLimiter::Outcome::kGood);
  EXPECT_EQ(limiter.limit(), 2);
  for (int i = 0; i < 20; ++i) ask(ConcurrencyLimiter::Outcome::kGood);
  EXPECT_EQ(limiter.limit(), 6);
}

TEST(ConcurrencyLimiter, KeepsWhatItLearntWhileItsLimitIsReached) {
  async::SimulatedExecutor executor;
  ConcurrencyLimiter limiter(executor, {.minimum = 2, .initial = 6, .rest = 1s});
  for (int i = 0; i < 5; ++i) {
    const MonotonicTime started = **executor.Run(limiter.Acquire({}));
    executor.Advance(5ms);
    limiter.Release(started, ConcurrencyLimiter::Outcome::kThrottled);
  }
  ASSERT_EQ(limiter.limit(), 2);
  // Two slow requests fill it for longer than the rest.
  ASSERT_TRUE(*executor.Run(limiter.Acquire({})));
  ASSERT_TRUE(*executor.Run(limiter.Acquire({})));
  executor.Advance(3s);
  async::CancelSource stop;
  stop.Cancel();
  EXPECT_FALSE(*executor.Run(limiter.Acquire(stop.token())));
  EXPECT_EQ(limiter.limit(), 2);
}

}  // namespace
}  // namespace kro::kube
