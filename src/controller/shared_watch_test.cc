// Many scopes of one kind: the watch that serves them all, on an API server that judges selectors.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/event.h"
#include "async/simulated_executor.h"
#include "controller/watch_fleet.h"
#include "json/yaml.h"

namespace kro::controller {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const api::Gvr kConfigMaps{"", "v1", "configmaps"};
constexpr int kSingle = 16;

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

// Knows which watches are open; can forbid, refuse streaming lists, keep events to itself and hold answers back.
class Gate final : public http::Transport {
 public:
  Gate(http::Transport& inner, async::Executor& executor)
      : inner_(inner), opened_(executor, async::EventReset::kManual) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    requests.push_back(request.target);
    if (forbid && forbid(request.target)) co_return http::Response{403, {}, Refusal(403)};
    const bool hold = held_ && held_(request.target);
    auto response = co_await inner_.Send(std::move(request), std::move(cancel));
    if (hold) static_cast<void>(co_await opened_.Wait(async::CancelToken()));
    co_return response;
  }
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    if (cut) co_return Fail(ErrorCode::kUnavailable, "connect: cut");
    requests.push_back(request.target);
    int refusal = 0;
    if (!streaming_lists && request.target.contains("sendInitialEvents")) refusal = 422;
    if (forbid && forbid(request.target)) refusal = 403;
    if (refusal != 0) co_return std::make_unique<Refused>(refusal);
    std::string target = request.target;
    auto stream = co_await inner_.Open(std::move(request), std::move(cancel));
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    co_return std::make_unique<Counted>(*this, std::move(target), std::move(*stream));
  }
  void Hold(std::function<bool(const std::string& target)> what) {
    held_ = std::move(what);
    opened_.Reset();
  }
  void Release() {
    held_ = nullptr;
    opened_.Set();
  }

  std::vector<std::string> open;  // targets of watches
  std::vector<std::string> requests;
  std::function<bool(const std::string& target)> forbid;
  bool streaming_lists = true;
  bool mute = false;
  bool cut = false;  // no watch can be opened

 private:
  static std::string Refusal(int code) {
    return fmt::format(
        R"({{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"{}","code":{}}})",
        code == 403 ? "Forbidden" : "Invalid", code);
  }
  class Refused final : public http::ResponseStream {
   public:
    explicit Refused(int code) : code_(code), body_(Refusal(code)) {}
    int status() const override { return code_; }
    const http::Headers& headers() const override { return headers_; }
    async::Task<Result<std::string>> Read(Duration) override {
      co_return std::exchange(body_, std::string());
    }

   private:
    int code_;
    std::string body_;
    http::Headers headers_;
  };
  class Counted final : public http::ResponseStream {
   public:
    Counted(Gate& gate, std::string target, std::unique_ptr<http::ResponseStream> inner)
        : gate_(gate), target_(std::move(target)), inner_(std::move(inner)) {
      gate_.open.push_back(target_);
    }
    ~Counted() override { gate_.open.erase(std::ranges::find(gate_.open, target_)); }
    int status() const override { return inner_->status(); }
    const http::Headers& headers() const override { return inner_->headers(); }
    async::Task<Result<std::string>> Read(Duration idle) override {
      while (true) {
        auto frames = co_await inner_->Read(idle);
        if (!gate_.mute || !frames || frames->empty()) co_return frames;
      }
    }

   private:
    Gate& gate_;
    std::string target_;
    std::unique_ptr<http::ResponseStream> inner_;
  };

  http::Transport& inner_;
  async::Event opened_;
  std::function<bool(const std::string& target)> held_;
};

// A lease, and what it was told.
struct Reader {
  std::string Names() const {
    std::string names;
    for (const auto& object : lease->Objects()) names += object->key().name + " ";
    return names;
  }
  std::unique_ptr<WatchFleet::Lease> lease;
  std::vector<std::string> told;
};

struct SharedWatch : testing::Test {
  ~SharedWatch() override {
    readers.clear();
    sim.Run(fleet.Shutdown());
  }

  void Put(const std::string& name, std::string_view rest = "") {
    auto object = json::ParseYamlDocument(fmt::format(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: '{}', namespace: default{}}}}}", name,
        rest));
    ASSERT_TRUE(object);
    auto reply = *sim.Run(user.Apply(kConfigMaps, object->value, {.field_manager = "user"}, {}));
    ASSERT_TRUE(reply) << reply.error().message();
  }
  void Delete(const std::string& name) {
    ASSERT_TRUE(*sim.Run(user.Delete(kConfigMaps, {"default", name}, {}, {})));
  }

  Reader& Read(std::string name, std::string labels = "", std::vector<json::FieldPath> reads = {}) {
    readers.push_back(std::make_unique<Reader>());
    Reader& reader = *readers.back();
    reader.lease = fleet.Acquire(
        {.gvr = kConfigMaps,
         .ns = "default",
         .name = std::move(name),
         .label_selector = std::move(labels),
         .sharing = Sharing::kShared},
        reads,
        {.on_change =
             [&reader](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
               const std::string_view sign = before == nullptr ? "+" : after == nullptr ? "-" : "~";
               reader.told.push_back(std::string(sign) +
                                     (after != nullptr ? after : before)->key().name);
             },
         .on_ready = [&reader] { reader.told.emplace_back("ready"); }});
    return reader;
  }
  // More than may have a watch each: "0", "1" and so on.
  void ReadMany(int count = kSingle + 4) {
    for (int i = 0; i < count; ++i) Read(std::to_string(i));
    Settle();
  }
  // The watch breaks, and when it comes back the server has forgotten what happened.
  void Forget(const std::function<void()>& happens) {
    gate.cut = true;
    server.EndWatches(apiserver::Server::WatchEnd::kBroken);
    happens();
    server.CompactHistory();
    gate.cut = false;
  }
  void Settle() { ASSERT_TRUE(sim.Advance(1s)); }
  const kube::Store& Store() const { return *readers.front()->lease->store(); }
  // Any request or watch of the kind as a whole.
  static bool OfTheKind(const std::string& target) {
    return target.starts_with("/api/v1/configmaps");
  }

  async::SimulatedExecutor sim;
  apiserver::Server server{sim.clock(), apiserver::IdSource(1), {}};
  apiserver::LocalTransport network{server, sim, {.latency = 2ms}};
  Gate gate{network, sim};
  NoLog sink;
  kube::Client user{network, sim, Logger(sink), {}};
  kube::Client client{gate, sim, Logger(sink), {}};
  WatchFleet fleet{client, [] { return 0.0; }};
  std::vector<std::unique_ptr<Reader>> readers;
};

TEST_F(SharedWatch, FewAreWatchedOneByOneWithTheRightsThatTakes) {
  gate.forbid = OfTheKind;
  Put("3");
  for (int i = 0; i < kSingle - 1; ++i) Read(std::to_string(i));
  Read("", "of=web");
  Read("3");
  Settle();
  EXPECT_EQ(gate.open.size(), kSingle);
  EXPECT_THAT(gate.requests, Not(testing::Contains(testing::ResultOf(OfTheKind, true))));
  EXPECT_EQ(readers[3]->Names(), "3 ");
}

TEST_F(SharedWatch, OneWatchOfTheKindTakesThePlaceOfManyAndKeepsWhatIsReferencedOnly) {
  for (int i = 0; i < 700; ++i) Put(std::to_string(i), i % 100 == 99 ? ", labels: {of: web}" : "");
  Read("", "of=web");
  ReadMany(40);
  EXPECT_THAT(gate.open, ElementsAre(HasSubstr("/api/v1/configmaps?")));
  EXPECT_EQ(fleet.size(), 1u);
  EXPECT_EQ(Store().size(), 47u);
  EXPECT_EQ(readers[0]->Names(), "199 299 399 499 599 699 99 ");
  EXPECT_EQ(readers[1]->Names(), "0 ");
  EXPECT_EQ(readers[40]->Names(), "39 ");
  // What nobody asked for comes and goes, and is not kept.
  Put("1000");
  Put("600", ", labels: {of: other}");
  Settle();
  EXPECT_EQ(Store().size(), 47u);
}

TEST_F(SharedWatch, WithoutStreamingListsItReadsPagesAndKeepsWhatIsReferencedOnly) {
  gate.streaming_lists = false;
  for (int i = 0; i < 700; ++i) Put(std::to_string(i));
  ReadMany();
  EXPECT_EQ(Store().size(), readers.size());
  EXPECT_THAT(gate.requests, testing::Contains(AllOf(HasSubstr("/api/v1/configmaps?limit=500"),
                                                     HasSubstr("continue="))));
}

TEST_F(SharedWatch, AListenerHearsOfItsOwnScopeOnly) {
  ReadMany();
  Reader& web = Read("", "of=web");
  Reader& same = Read("1");
  Settle();
  EXPECT_THAT(web.told, ElementsAre("ready"));
  Put("1");
  Put("a", ", labels: {of: web}");
  Put("2", ", labels: {of: web}");
  Put("2", ", labels: {of: web, more: x}");
  Put("2", ", labels: {of: other}");
  Delete("a");
  Delete("1");
  Settle();
  EXPECT_THAT(web.told, ElementsAre("ready", "+a", "+2", "~2", "-2", "-a"));
  EXPECT_THAT(readers[2]->told, testing::Contains("~2").Times(2));
  EXPECT_THAT(same.told, ElementsAre("+1", "-1"));
  EXPECT_EQ(readers[1]->told, (std::vector<std::string>{"ready", "ready", "+1", "-1"}));
  EXPECT_EQ(web.Names(), "");
  EXPECT_EQ(Store().size(), 1u);
}

TEST_F(SharedWatch, WhatWasPassedOverIsReadWhenItIsAskedFor) {
  Put("late");
  Put("web", ", labels: {of: web}");
  ReadMany();
  gate.requests.clear();
  Reader& late = Read("late");
  Reader& web = Read("", "of=web");
  Reader& none = Read("none");
  EXPECT_EQ(late.lease->store(), nullptr);
  Settle();
  EXPECT_EQ(gate.requests.size(), 3u);
  for (const Reader* reader : {&late, &web, &none}) EXPECT_THAT(reader->told, ElementsAre("ready"));
  EXPECT_EQ(late.Names(), "late ");
  EXPECT_EQ(web.Names(), "web ");
  EXPECT_EQ(none.Names(), "");
  // An object that was kept already, for another.
  Reader& both = Read("", "of in (web)");
  Settle();
  EXPECT_EQ(both.Names(), "web ");
}

TEST_F(SharedWatch, WhatIsAskedForDuringTheFirstListIsReadAfterIt) {
  Put("late");
  gate.streaming_lists = false;
  gate.Hold(OfTheKind);
  ReadMany();
  Reader& late = Read("late");
  Settle();
  EXPECT_EQ(late.lease->store(), nullptr);
  EXPECT_NE(readers.front()->lease->store(), nullptr);  // its own watch still serves it
  gate.Release();
  Settle();
  EXPECT_EQ(late.Names(), "late ");
  EXPECT_THAT(late.told, ElementsAre("ready"));
  EXPECT_THAT(gate.open, ElementsAre(HasSubstr("/api/v1/configmaps?")));
}

struct DuringRead {
  std::string what;
  std::function<void(SharedWatch&)> happens;
  std::string by_name;    // what "late" is then
  std::string by_labels;  // and "of=web"
};

TEST_F(SharedWatch, WhatTheWatchTellsDuringAReadIsLaterThanWhatIsRead) {
  const DuringRead cases[] = {
      {"nothing", [](SharedWatch&) {}, "late ", "late "},
      {"it is deleted", [](SharedWatch& w) { w.Delete("late"); }, "", ""},
      {"it is replaced by a namesake",
       [](SharedWatch& w) {
         w.Delete("late");
         w.Put("late");
       },
       "late ", ""},
      {"it loses its labels", [](SharedWatch& w) { w.Put("late", ", labels: {of: other}"); },
       "late ", ""},
      {"it is deleted and all is listed again",
       [](SharedWatch& w) { w.Forget([&] { w.Delete("late"); }); }, "", ""},
  };
  ReadMany();
  for (const DuringRead& one : cases) {
    SCOPED_TRACE(one.what);
    Put("late", ", labels: {of: web}");
    Settle();
    gate.Hold([](const std::string& target) { return target.contains("namespaces/default"); });
    Reader& by_name = Read("late");
    Reader& by_labels = Read("", "of=web");
    Settle();
    EXPECT_EQ(by_name.lease->store(), nullptr);
    one.happens(*this);
    ASSERT_TRUE(sim.Advance(10s));
    gate.Release();
    ASSERT_TRUE(sim.Advance(10s));
    EXPECT_EQ(by_name.Names(), one.by_name);
    EXPECT_EQ(by_labels.Names(), one.by_labels);
    EXPECT_NE(by_name.lease->store(), nullptr);
    readers.resize(kSingle + 4);
    Settle();
  }
}

TEST_F(SharedWatch, AReadThatFailsIsTriedAgain) {
  Put("late");
  ReadMany();
  gate.forbid = [](const std::string& target) { return target.contains("namespaces/default"); };
  Reader& late = Read("late");
  ASSERT_TRUE(sim.Advance(1min));
  EXPECT_EQ(late.lease->store(), nullptr);
  gate.forbid = nullptr;
  ASSERT_TRUE(sim.Advance(1min));
  EXPECT_EQ(late.Names(), "late ");
}

TEST_F(SharedWatch, WhereTheKindMayNotBeWatchedEachIsWatchedByItself) {
  for (const bool streams : {true, false}) {
    SCOPED_TRACE(streams);
    gate.streaming_lists = streams;
    gate.forbid = OfTheKind;
    Put("19");
    ReadMany();
    EXPECT_EQ(gate.open.size(), readers.size());
    EXPECT_EQ(readers[19]->Names(), "19 ");
    EXPECT_EQ(readers[18]->told, std::vector<std::string>{"ready"});
    // It is not asked again.
    gate.requests.clear();
    Read("more");
    Settle();
    EXPECT_EQ(gate.requests.size(), streams ? 1u : 3u);
    EXPECT_THAT(gate.requests, Not(testing::Contains(testing::ResultOf(OfTheKind, true))));
    // Unless nothing of the kind was watched for a while.
    readers.clear();
    Settle();
    EXPECT_THAT(gate.open, IsEmpty());
    gate.forbid = nullptr;
    ReadMany();
    EXPECT_EQ(gate.open.size(), 1u);
    readers.clear();
    Settle();
  }
}

TEST_F(SharedWatch, RightsThatAreTakenAwayEndIt) {
  ReadMany();
  ASSERT_EQ(gate.open.size(), 1u);
  gate.forbid = OfTheKind;
  Forget([&] { Put("1"); });
  ASSERT_TRUE(sim.Advance(1min));
  EXPECT_EQ(gate.open.size(), readers.size());
}

TEST_F(SharedWatch, WhatIsGivenBackIsNotKept) {
  Put("0");
  Put("1");
  Put("2", ", labels: {of: web}");
  Put("3", ", labels: {of: web}");
  ReadMany();
  Read("", "of=web");
  readers.erase(readers.begin() + 1, readers.begin() + 3);
  Settle();
  EXPECT_EQ(Store().size(), 3u);  // 0, and 2 and 3 for their labels
  readers.pop_back();
  Settle();
  EXPECT_EQ(Store().size(), 2u);
  // It is read anew for who comes back.
  Put("1", ", labels: {of: other}");
  Reader& back = Read("1");
  Settle();
  EXPECT_EQ(back.Names(), "1 ");
  EXPECT_FALSE(back.lease->Objects().front()->Label("of").empty());
  // Few go on sharing; the last ends it.
  readers.resize(1);
  Settle();
  EXPECT_EQ(gate.open.size(), 1u);
  EXPECT_EQ(Store().size(), 1u);
  readers.clear();
  Settle();
  EXPECT_THAT(gate.open, IsEmpty());
  EXPECT_EQ(fleet.size(), 0u);
}

TEST_F(SharedWatch, WhatIsGivenBackWhileTheFirstPageIsOnItsWayIsReadAgainForWhoComesBack) {
  for (int i = 0; i < 600; ++i) Put(std::to_string(i));
  gate.streaming_lists = false;
  gate.Hold(OfTheKind);
  ReadMany();
  readers.erase(readers.begin());
  gate.Release();
  gate.Hold([](const std::string& target) { return target.contains("continue="); });
  Settle();
  // The first page had it, and it was dropped.
  Reader& back = Read("0");
  readers.erase(readers.begin() + 16);  // this was kept
  Settle();
  gate.Release();
  Settle();
  EXPECT_EQ(back.Names(), "0 ");
  EXPECT_EQ(Store().size(), readers.size());
}

TEST_F(SharedWatch, AUserThatReadsMoreGetsItWhileTheOthersReadOn) {
  for (const char* name : {"0", "1"}) {
    auto object = json::ParseYamlDocument(fmt::format(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: '{}', namespace: default}}, data: "
        "{{k: v}}}}",
        name));
    ASSERT_TRUE(*sim.Run(user.Apply(kConfigMaps, object->value, {.field_manager = "user"}, {})));
  }
  ReadMany();
  Reader& more = Read("1", "", {*json::FieldPath::Parse("data")});
  EXPECT_NE(readers[1]->lease->store(), nullptr);
  EXPECT_EQ(more.lease->store(), nullptr);
  Settle();
  ASSERT_EQ(more.Names(), "1 ");
  EXPECT_EQ(json::FindString(more.lease->Objects().front()->value(), {"data", "k"}), "v");
  EXPECT_EQ(readers[0]->Names(), "0 ");
  EXPECT_EQ(gate.open.size(), 1u);
}

TEST_F(SharedWatch, ARefreshListsAgainWhileTheOldContentsAreRead) {
  Put("0");
  ReadMany();
  readers[0]->told.clear();
  readers[0]->lease->Refresh();
  EXPECT_EQ(readers[0]->Names(), "0 ");
  Settle();
  EXPECT_EQ(readers[0]->Names(), "0 ");
  EXPECT_THAT(readers[0]->told, ElementsAre("ready"));
  EXPECT_EQ(gate.open.size(), 1u);
}

TEST_F(SharedWatch, WhenItMissedSomethingItIsFilledAnew) {
  Put("0");
  Put("foreign");
  ReadMany();
  async::Scope scope(sim);
  scope.Spawn(fleet.Check(1h, scope.token()));
  for (Reader* reader : {readers[0].get(), readers[1].get()}) reader->told.clear();
  gate.mute = true;
  Put("foreign", ", labels: {of: other}");
  ASSERT_TRUE(sim.Advance(1h + 1min));
  EXPECT_THAT(readers[0]->told, IsEmpty());
  Delete("0");
  Put("1");
  ASSERT_TRUE(sim.Advance(59min));
  gate.mute = false;
  ASSERT_TRUE(sim.Advance(2min));
  EXPECT_THAT(readers[0]->told, ElementsAre("ready"));
  EXPECT_EQ(readers[0]->Names(), "");
  EXPECT_EQ(readers[1]->Names(), "1 ");
  EXPECT_EQ(Store().size(), 1u);
  scope.Cancel();
  sim.Run(scope.Join());
}

}  // namespace
}  // namespace kro::controller
