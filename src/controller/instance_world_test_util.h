// InstanceWorld: an instance controller with an API server, for tests of whole behaviours.
//
// The definition is compiled against the kinds of test/data, its CRD is made, and the controller
// serves it. What the controller asks of the server is counted; what the test asks as a user is not.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rgd.h"
#include "controller/definition.h"
#include "controller/graph_registry.h"
#include "controller/instance_controller.h"
#include "graph/compile.h"
#include "http/transport.h"
#include "json/yaml.h"
#include "kube/client.h"
#include "kube/rest_mapper.h"
#include "schema/crd_synthesis.h"
#include "schema/openapi.h"

namespace kro::controller {

// Holds back what `late` says until something else comes, and tells what `retell` makes of the rest.
class LateStream final : public http::ResponseStream {
 public:
  using Late = std::function<bool(std::string_view frames)>;
  using Retell = std::function<std::string(std::string frames)>;
  LateStream(std::unique_ptr<http::ResponseStream> inner, const Late& late, const Retell& retell)
      : inner_(std::move(inner)), late_(late), retell_(retell) {}

  int status() const override { return inner_->status(); }
  const http::Headers& headers() const override { return inner_->headers(); }
  async::Task<Result<std::string>> Read(Duration idle) override {
    while (true) {
      auto frames = co_await inner_->Read(idle);
      if (!frames || frames->empty()) co_return frames;
      held_ += retell_ ? retell_(*frames) : *frames;
      if (held_.empty() || (late_ && late_(*frames))) continue;
      co_return std::exchange(held_, std::string());
    }
  }

 private:
  std::unique_ptr<http::ResponseStream> inner_;
  const Late& late_;
  const Retell& retell_;
  std::string held_;
};

// Passes requests on; remembers each but watches, and can answer in the server's place.
class CountingTransport final : public http::Transport {
 public:
  explicit CountingTransport(http::Transport& next) : next_(next) {}

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    requests.push_back(request.method + " " + request.target.substr(0, request.target.find('?')));
    if (fault) {
      if (auto answer = fault(request)) co_return std::move(*answer);
    }
    co_return co_await next_.Send(std::move(request), std::move(cancel));
  }
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    auto stream = co_await next_.Open(std::move(request), std::move(cancel));
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    std::unique_ptr<http::ResponseStream> held =
        std::make_unique<LateStream>(std::move(*stream), late, retell);
    co_return held;
  }

  // What would be sent at rest: lists of informers are left out, as the watches are.
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    for (const std::string& request : requests) {
      if (request.find("/api") == std::string::npos) continue;
      calls.push_back(request);
    }
    return calls;
  }
  int Count(std::string_view method, std::string_view part = "") const {
    return static_cast<int>(std::ranges::count_if(requests, [&](const std::string& request) {
      return request.starts_with(method) && request.find(part) != std::string::npos;
    }));
  }

  std::vector<std::string> requests;
  std::function<std::optional<Result<http::Response>>(const http::Request&)> fault;
  LateStream::Late late;      // what watches tell only with what they tell next
  LateStream::Retell retell;  // what they tell instead

 private:
  http::Transport& next_;
};

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

inline json::Value Yaml(std::string_view text) {
  auto document = json::ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value()) << text;
  return document ? std::move(document->value) : json::Value();
}

// The kinds that test/data knows.
inline const graph::Kinds& RecordedKinds() {
  static const graph::Kinds kinds = [] {
    const auto read = [](const std::string& name) {
      std::ifstream file(std::string(KRO_SOURCE_DIR) + "/test/data/conformance/fixtures/" + name,
                         std::ios::binary);
      return *json::Parse(std::string{std::istreambuf_iterator<char>(file), {}});
    };
    const auto gvk_of = [](const json::Value& value) {
      return api::Gvk{std::string(json::FindString(value, {"group"})),
                      std::string(json::FindString(value, {"version"})),
                      std::string(json::FindString(value, {"kind"}))};
    };
    graph::Kinds all;
    const json::Value documents = read("openapi.json");
    for (const auto& document : documents.at("cases").as_array()) {
      std::string_view api_version = json::FindString(document, {"path"});
      api_version.remove_prefix(api_version.find('/') + 1);
      all.AddGroupVersion(api_version);
      const auto set = std::make_shared<schema::SchemaSet>();
      for (const auto& component : document.at("components").at("schemas").as_object()) {
        const auto* gvks = json::Find(component.value(), "x-kubernetes-group-version-kind");
        if (gvks == nullptr) continue;
        for (const auto& entry : gvks->get_array()) {
          const api::Gvk gvk = gvk_of(entry);
          if (gvk.ApiVersion() == api_version) {
            EXPECT_TRUE(set->AddKind(document, gvk));
          }
        }
      }
      all.AddSchemas(set);
    }
    const json::Value mappings = read("kinds.json");
    for (const auto& entry : mappings.at("cases").as_array()) {
      const api::Gvk gvk = gvk_of(entry);
      all.AddMapping(gvk,
                     {{gvk.group, gvk.version, std::string(json::FindString(entry, {"resource"}))},
                      entry.at("namespaced").as_bool()});
    }
    return all;
  }();
  return kinds;
}

inline const api::Gvr kConfigMaps{"", "v1", "configmaps"};
inline const api::Gvr kDeployments{"apps", "v1", "deployments"};

// How a world runs what it awaits, and lets a moment pass.
struct WorldClock {
  async::Executor& executor;
  std::function<void(async::Task<void>)> run;
  std::function<void()> moment;
  int patience = 2000;  // moments
};

class InstanceWorld {
 public:
  InstanceWorld(WorldClock clock, http::Transport& server, Settings settings = DefaultSettings())
      : clock_(std::move(clock)),
        server_(server),
        settings_(std::move(settings)),
        user_(server, clock_.executor, Logger(log_), {}) {}
  ~InstanceWorld() { StopController(); }

  static Settings DefaultSettings() {
    Settings settings;
    settings.version = "test";
    return settings;
  }

  // Compiles `spec`, makes the CRD and serves the API, as revision 1 or the next.
  void Define(std::string_view name, std::string_view spec_yaml) {
    auto spec = api::DecodeRgdSpec(Yaml(spec_yaml));
    ASSERT_TRUE(spec.has_value()) << spec.error().front().message;
    graph::CompileOptions options;
    options.omit = graph::OmitFunction::kEnabled;
    auto graph = graph::Compile(name, *spec, RecordedKinds(), options);
    ASSERT_TRUE(graph.has_value()) << graph.error().front().message;
    InstallCrd((*graph)->crd);
    const auto latest = graphs_.Latest(name);
    graphs_.Put({.owner = std::string(name),
                 .revision = latest ? latest->revision + 1 : 1,
                 .spec_hash = {},
                 .state = RevisionState::kActive,
                 .graph = *graph});
    InstanceApi api{.rgd_name = std::string(name),
                    .rgd_uid = "rgd-" + std::string(name),
                    .gvk = (*graph)->gvk,
                    .gvr = (*graph)->gvr,
                    .namespaced = (*graph)->namespaced};
    apis_.insert_or_assign(std::string(name), api);
    if (controller_ == nullptr) {
      StartController();
    } else {
      Serve(std::move(api));
    }
  }

  // A new revision while no controller runs.
  void Redefine(std::string_view name, std::string_view spec_yaml) {
    auto spec = api::DecodeRgdSpec(Yaml(spec_yaml));
    ASSERT_TRUE(spec.has_value());
    auto graph = graph::Compile(name, *spec, RecordedKinds(), {});
    ASSERT_TRUE(graph.has_value()) << graph.error().front().message;
    graphs_.Put({.owner = std::string(name),
                 .revision = graphs_.Latest(name)->revision + 1,
                 .spec_hash = {},
                 .state = RevisionState::kActive,
                 .graph = *graph});
  }
  // A new revision that did not compile.
  void FailRevision(std::string_view name) {
    graphs_.Put({.owner = std::string(name),
                 .revision = graphs_.Latest(name)->revision + 1,
                 .spec_hash = {},
                 .state = RevisionState::kFailed,
                 .graph = nullptr});
  }

  void StartController() {
    counted_ = std::make_unique<CountingTransport>(server_);
    client_ = std::make_unique<kube::Client>(*counted_, clock_.executor, Logger(log_),
                                             kube::Client::Options{});
    mapper_ = std::make_unique<kube::RestMapper>(*client_);
    controller_ = std::make_unique<InstanceController>(
        InstanceController::Dependencies{.executor = clock_.executor,
                                         .client = *client_,
                                         .mapper = *mapper_,
                                         .graphs = graphs_,
                                         .logger = Logger(log_),
                                         .random = [] { return 0.5; }},
        settings_);
    scope_ = std::make_unique<async::Scope>(clock_.executor);
    scope_->Spawn(controller_->Run(scope_->token()));
    for (const auto& [name, api] : apis_) Serve(api);
    Settle();
  }

  // As a process that is killed: what is under way is dropped.
  void StopController() {
    if (controller_ == nullptr) return;
    scope_->Cancel();
    clock_.run(scope_->Join());
    controller_.reset();
    scope_.reset();
    mapper_.reset();
    client_.reset();
  }

  void Serve(InstanceApi api) { clock_.run(ServeTask(*controller_, std::move(api))); }

  // As a user, by server-side apply.
  json::Value Apply(std::string_view yaml, std::string manager = "user") {
    json::Value object = Yaml(yaml);
    json::Value answer;
    clock_.run(ApplyTask(user_, GvrOf(object), object, answer, std::move(manager)));
    return answer;
  }
  void Patch(const api::Gvr& gvr, std::string_view ns, std::string_view name, std::string_view yaml,
             std::string subresource = {}) {
    clock_.run(PatchTask(user_, gvr, {std::string(ns), std::string(name)}, Yaml(yaml),
                         std::move(subresource)));
  }
  void Delete(const api::Gvr& gvr, std::string_view ns, std::string_view name) {
    clock_.run(DeleteTask(user_, gvr, {std::string(ns), std::string(name)}));
  }
  // Null if there is none.
  json::Value Get(const api::Gvr& gvr, std::string_view ns, std::string_view name) {
    json::Value answer;
    clock_.run(GetTask(user_, gvr, {std::string(ns), std::string(name)}, answer));
    return answer;
  }

  // Lets time pass until `holds`.
  testing::AssertionResult Until(const std::function<bool()>& holds) {
    for (int i = 0; i < clock_.patience; ++i) {
      if (holds()) return testing::AssertionSuccess();
      clock_.moment();
    }
    return testing::AssertionFailure() << "not within the patience of the world";
  }
  testing::AssertionResult UntilIs(const api::Gvr& gvr, std::string_view ns, std::string_view name,
                                   std::initializer_list<std::string_view> path,
                                   std::string_view value) {
    auto result = Until([&] {
      const json::Value object = Get(gvr, ns, name);
      return json::FindString(object, path) == value;
    });
    if (!result) result << ": " << json::Serialize(Get(gvr, ns, name));
    return result;
  }
  testing::AssertionResult UntilActive(const api::Gvr& gvr, std::string_view ns,
                                       std::string_view name) {
    auto result = Until([&] { return IsReady(Get(gvr, ns, name)); });
    if (!result) result << ": " << json::Serialize(Get(gvr, ns, name));
    return result;
  }
  testing::AssertionResult UntilGone(const api::Gvr& gvr, std::string_view ns,
                                     std::string_view name) {
    auto result = Until([&] { return Get(gvr, ns, name).is_null(); });
    if (!result) result << ": " << json::Serialize(Get(gvr, ns, name));
    return result;
  }

  // ACTIVE, and Ready True for the current generation.
  static bool IsReady(const json::Value& instance) {
    if (json::FindString(instance, {"status", "state"}) != "ACTIVE") return false;
    return json::FindString(Condition(instance, "Ready"), {"status"}) == "True" &&
           *json::Find(Condition(instance, "Ready"), "observedGeneration") ==
               *json::Find(instance, {"metadata", "generation"});
  }
  static json::Value Condition(const json::Value& object, std::string_view type) {
    const json::Value* conditions = json::Find(object, {"status", "conditions"});
    if (conditions == nullptr || !conditions->is_array()) return nullptr;
    for (const json::Value& condition : conditions->as_array()) {
      if (json::FindString(condition, {"type"}) == type) return condition;
    }
    return nullptr;
  }

  // Lets what is under way come to rest.
  void Settle() {
    for (int i = 0; i < 20; ++i) clock_.moment();
  }

  // What the controller asks from now on.
  void ResetCalls() { counted_->requests.clear(); }
  CountingTransport& calls() { return *counted_; }
  kube::Client& user() { return user_; }
  NoLog& log() { return log_; }

 private:
  static async::Task<void> ServeTask(InstanceController& controller, InstanceApi api) {
    auto served = co_await controller.Serve(std::move(api), {});
    EXPECT_TRUE(served.has_value()) << (served ? "" : served.error().message());
  }
  static async::Task<void> ApplyTask(kube::Client& client, api::Gvr gvr, json::Value object,
                                     json::Value& answer, std::string manager = "user") {
    auto reply = co_await client.Apply(
        gvr, object,
        {.field_manager = std::move(manager), .on_conflict = kube::OnConflict::kTakeOver}, {});
    EXPECT_TRUE(reply.has_value()) << (reply ? "" : reply.error().message());
    if (reply) answer = std::move(*reply);
  }
  static async::Task<void> PatchTask(kube::Client& client, api::Gvr gvr, kube::ObjectKey key,
                                     json::Value patch, std::string subresource) {
    auto reply = co_await client.Patch(gvr, key, kube::PatchType::kMerge, patch,
                                       {.subresource = subresource, .field_manager = "hand"}, {});
    EXPECT_TRUE(reply.has_value()) << (reply ? "" : reply.error().message());
  }
  static async::Task<void> DeleteTask(kube::Client& client, api::Gvr gvr, kube::ObjectKey key) {
    auto reply = co_await client.Delete(gvr, key, {}, {});
    EXPECT_TRUE(reply.has_value()) << (reply ? "" : reply.error().message());
  }
  static async::Task<void> GetTask(kube::Client& client, api::Gvr gvr, kube::ObjectKey key,
                                   json::Value& answer) {
    auto reply = co_await client.Get(gvr, key, {}, {});
    if (reply) answer = std::move(*reply);
  }

  void InstallCrd(const json::Value& crd) {
    json::Value answer;
    clock_.run(ApplyTask(user_, kCrds, crd, answer));
    const std::string name(json::FindString(crd, {"metadata", "name"}));
    EXPECT_TRUE(Until([&] {
      return json::FindString(Condition(Get(kCrds, "", name), "Established"), {"status"}) == "True";
    }));
  }

  api::Gvr GvrOf(const json::Value& object) {
    const auto gvk =
        api::ParseGvk(json::FindString(object, {"apiVersion"}), json::FindString(object, {"kind"}));
    for (const auto& [name, api] : apis_) {
      if (api.gvk == *gvk) return api.gvr;
    }
    if (gvk->kind == "CustomResourceDefinition") return kCrds;
    auto mapping = RecordedKinds().MappingOf(*gvk);
    EXPECT_TRUE(mapping.has_value()) << gvk->ToString();
    return mapping->gvr;
  }

  WorldClock clock_;
  http::Transport& server_;
  const Settings settings_;
  NoLog log_;
  kube::Client user_;
  GraphRegistry graphs_;
  std::map<std::string, InstanceApi> apis_;
  std::unique_ptr<CountingTransport> counted_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<kube::RestMapper> mapper_;
  std::unique_ptr<InstanceController> controller_;
  std::unique_ptr<async::Scope> scope_;
};

}  // namespace kro::controller
