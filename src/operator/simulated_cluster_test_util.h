// A cluster and operators in one process and virtual time, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gvk.h"
#include "api/plural.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/simulated_executor.h"
#include "json/yaml.h"
#include "kube/client.h"
#include "operator/operator.h"

namespace kro::operator_ {

using namespace std::chrono_literals;

inline const api::Gvr kRgds{"kro.run", "v1alpha1", "resourcegraphdefinitions"};
inline const api::Gvr kResourceGroups{"kro.run", "v1alpha1", "resourcegroups"};
inline const api::Gvr kRevisions{"internal.kro.run", "v1alpha1", "graphrevisions"};
inline const api::Gvr kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
inline const api::Gvr kConfigMaps{"", "v1", "configmaps"};
inline const api::Gvr kLeases{"coordination.k8s.io", "v1", "leases"};

class MemorySink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  bool Has(std::string_view text) const {
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  std::vector<std::string> lines;
};

inline constexpr std::string_view kForbidden =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403})";

// The server's refusal of a watch.
class ForbiddenStream final : public http::ResponseStream {
 public:
  int status() const override { return 403; }
  const http::Headers& headers() const override { return headers_; }
  async::Task<Result<std::string>> Read(Duration) override {
    co_return std::exchange(body_, std::string());
  }

 private:
  http::Headers headers_;
  std::string body_{kForbidden};
};

// Counts while it is open.
class CountedStream final : public http::ResponseStream {
 public:
  CountedStream(std::unique_ptr<http::ResponseStream> inner, std::shared_ptr<int> open)
      : inner_(std::move(inner)), open_(std::move(open)) {
    ++*open_;
  }
  ~CountedStream() override { --*open_; }
  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }
  async::Task<Result<std::string>> Read(Duration idle) override { return inner_->Read(idle); }

 private:
  std::unique_ptr<http::ResponseStream> inner_;
  std::shared_ptr<int> open_;
};

// Notes what goes through; can be cut, as a network is.
class RecordingTransport final : public http::Transport {
 public:
  explicit RecordingTransport(http::Transport& inner) : inner_(inner) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    if (cut) co_return Fail(ErrorCode::kUnavailable, "connect: cut");
    requests.push_back(request);
    if (forbid && forbid(request)) co_return http::Response{403, {}, std::string(kForbidden)};
    if (fault) {
      if (auto answer = fault(request)) co_return std::move(*answer);
    }
    const bool child =
        request.method != "GET" && request.target.find("configmaps/") != std::string::npos;
    if (child) most_at_once = std::max(most_at_once, ++under_way_);
    auto response = co_await inner_.Send(request, std::move(cancel));
    if (child) --under_way_;
    if (hold_answer) co_await hold_answer(request);
    co_return response;
  }
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    if (cut) co_return Fail(ErrorCode::kUnavailable, "connect: cut");
    ++opened;
    streams.push_back(request);
    if (forbid && forbid(request)) co_return std::make_unique<ForbiddenStream>();
    if (refuse_watch && refuse_watch(request)) {
      co_return Fail(ErrorCode::kUnavailable, "connect: refused");
    }
    std::string resource = request.target.substr(0, request.target.find('?'));
    resource.erase(0, resource.rfind('/') + 1);
    auto stream = co_await inner_.Open(std::move(request), std::move(cancel));
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    auto& open = open_[resource];
    if (open == nullptr) open = std::make_shared<int>(0);
    co_return std::make_unique<CountedStream>(std::move(*stream), open);
  }

  // Watches of a resource that are open now.
  int OpenWatches(const std::string& resource) const {
    const auto open = open_.find(resource);
    return open == open_.end() ? 0 : *open->second;
  }

  int Writes() const {
    return static_cast<int>(std::ranges::count_if(
        requests, [](const http::Request& request) { return request.method != "GET"; }));
  }
  int Count(std::string_view method, std::string_view part) const {
    return static_cast<int>(std::ranges::count_if(requests, [&](const http::Request& request) {
      return request.method == method && request.target.find(part) != std::string::npos;
    }));
  }

  std::vector<http::Request> requests;
  std::vector<http::Request> streams;
  // What the server does not allow, watches too.
  std::function<bool(const http::Request&)> forbid;
  // Answers in the server's place.
  std::function<std::optional<Result<http::Response>>(const http::Request&)> fault;
  // Waits before an answer is told.
  std::function<async::Task<void>(const http::Request&)> hold_answer;
  std::function<bool(const http::Request&)> refuse_watch;
  int opened = 0;
  int most_at_once = 0;  // writes of config maps
  bool cut = false;

 private:
  http::Transport& inner_;
  std::map<std::string, std::shared_ptr<int>> open_;
  int under_way_ = 0;
};

// One operator process. Destroying it stops it in order; Kill leaves its lease to time out.
class Replica {
 public:
  Replica(async::SimulatedExecutor& executor, http::Transport& network, OperatorOptions options)
      : executor_(executor),
        transport(network),
        lease_transport(network),
        scope_(executor),
        op({executor, transport, lease_transport, Logger(sink), [this] { return Random(); }},
           std::move(options)) {
    scope_.Spawn(Run(*this));
  }
  ~Replica() { Stop(); }

  void Stop() {
    if (joined_) return;
    joined_ = true;
    stop_.Cancel();
    executor_.Run(scope_.Join(), 10min);
  }

  async::SimulatedExecutor& executor_;
  MemorySink sink;
  RecordingTransport transport;
  RecordingTransport lease_transport;

 private:
  static async::Task<void> Run(Replica& self) {
    self.ended = co_await self.op.Run(self.stop_.token());
  }
  double Random() { return std::uniform_real_distribution<double>(0, 1)(engine_); }

  std::mt19937_64 engine_{1};
  async::CancelSource stop_;
  async::Scope scope_;
  bool joined_ = false;

 public:
  std::optional<Result<void>> ended;
  Operator op;
};

class SimulatedCluster {
 public:
  explicit SimulatedCluster(std::uint64_t seed = 0)
      : executor(seed), server(executor.clock(), apiserver::IdSource(seed), {}) {}

  std::unique_ptr<Replica> Start(OperatorOptions options = {}) {
    if (options.settings.version.empty()) options.settings.version = "test";
    auto replica = std::make_unique<Replica>(executor, network, std::move(options));
    Advance(2s);
    return replica;
  }

  void Advance(Duration duration) {
    ASSERT_TRUE(executor.Advance(duration)) << "tasks wake each other for ever";
  }

  // Server-side apply of every document, as the field manager "tester".
  std::vector<kube::Reply<json::Value>> Apply(std::string_view yaml) {
    std::vector<kube::Reply<json::Value>> replies;
    auto documents = json::ParseYaml(yaml);
    EXPECT_TRUE(documents);
    for (json::Document& document : *documents) {
      kube::ApplyOptions options{.field_manager = "tester"};
      options.on_conflict = kube::OnConflict::kTakeOver;
      const api::Gvr gvr = CollectionOf(document.value);
      replies.push_back(*executor.Run(client.Apply(gvr, document.value, options, {})));
    }
    return replies;
  }
  // Applies and lets everything come to rest.
  void ApplyAndSettle(std::string_view yaml) {
    for (auto& reply : Apply(yaml)) {
      ASSERT_TRUE(reply) << reply.error().message();
    }
    Advance(2s);
  }

  // Null if there is none.
  json::Value Get(const api::Gvr& gvr, std::string name, std::string ns = "") {
    auto reply = *executor.Run(client.Get(gvr, {std::move(ns), std::move(name)}, {}, {}));
    return reply ? *reply : json::Value(nullptr);
  }
  std::vector<json::Value> List(const api::Gvr& gvr) {
    auto reply = *executor.Run(client.List(gvr, "", {}, {}));
    return reply ? reply->items : std::vector<json::Value>{};
  }
  std::vector<std::string> Names(const api::Gvr& gvr) {
    std::vector<std::string> names;
    for (const json::Value& item : List(gvr)) {
      names.emplace_back(json::FindString(item, {"metadata", "name"}));
    }
    std::ranges::sort(names);
    return names;
  }
  void Patch(const api::Gvr& gvr, std::string name, std::string_view patch, std::string ns = "") {
    auto reply =
        *executor.Run(client.Patch(gvr, {std::move(ns), std::move(name)}, kube::PatchType::kMerge,
                                   json::ParseYamlDocument(patch)->value, {}, {}));
    EXPECT_TRUE(reply) << reply.error().message();
  }
  void Delete(const api::Gvr& gvr, std::string name, std::string ns = "",
              kube::Propagation propagation = kube::Propagation::kServerDefault) {
    auto reply = *executor.Run(
        client.Delete(gvr, {std::move(ns), std::move(name)}, {.propagation = propagation}, {}));
    EXPECT_TRUE(reply) << reply.error().message();
  }

  // "True/Ready/message" of one condition.
  std::string Condition(const json::Value& object, std::string_view type) {
    const json::Value* conditions = json::Find(object, {"status", "conditions"});
    if (conditions == nullptr || !conditions->is_array()) return "none";
    for (const json::Value& condition : conditions->get_array()) {
      if (json::FindString(condition, {"type"}) != type) continue;
      return std::string(json::FindString(condition, {"status"})) + "/" +
             std::string(json::FindString(condition, {"reason"})) + "/" +
             std::string(json::FindString(condition, {"message"}));
    }
    return "none";
  }
  std::string ConditionOf(std::string rgd, std::string_view type) {
    return Condition(Get(kRgds, std::move(rgd)), type);
  }
  std::string State(std::string rgd) {
    return std::string(json::FindString(Get(kRgds, std::move(rgd)), {"status", "state"}));
  }
  std::int64_t Integer(const json::Value& object, std::initializer_list<std::string_view> path) {
    const json::Value* found = json::Find(object, path);
    return found != nullptr && found->is_int64() ? found->get_int64() : -1;
  }

  static api::Gvr CollectionOf(const json::Value& object) {
    auto gvk =
        api::ParseGvk(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
    EXPECT_TRUE(gvk);
    return {gvk->group, gvk->version, api::Plural(gvk->kind)};
  }

  async::SimulatedExecutor executor;
  apiserver::Server server;
  apiserver::LocalTransport network{server, executor, {.latency = 2ms}};
  MemorySink sink;
  kube::Client client{network, executor, Logger(sink), {.user_agent = "tester"}};
};

}  // namespace kro::operator_
