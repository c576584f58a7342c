#include "world.h"

#include <utility>

#include "api/crd_manifests.h"

namespace kro::simulation {
namespace {

using namespace std::chrono_literals;

class NoLog final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};
NoLog no_log;

// What a process can still reach; nothing once it is closed.
class Gate final : public http::Transport {
 public:
  explicit Gate(http::Transport& inner) : inner_(inner) {}
  void Close() { closed_ = true; }

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override {
    if (closed_) co_return Fail(ErrorCode::kUnavailable, "the process is gone");
    auto response = co_await inner_.Send(std::move(request), std::move(cancel));
    if (closed_) co_return Fail(ErrorCode::kUnavailable, "the process is gone");
    co_return response;
  }
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override {
    if (closed_) co_return Fail(ErrorCode::kUnavailable, "the process is gone");
    co_return co_await inner_.Open(std::move(request), std::move(cancel));
  }

 private:
  http::Transport& inner_;
  bool closed_ = false;
};

}  // namespace

class World::Process {
 public:
  Process(async::SimulatedExecutor& executor, http::Transport& transport, Logger logger,
          std::uint64_t seed, const operator_::OperatorOptions& options)
      : gate_(transport),
        random_(seed),
        op_({executor, gate_, gate_, std::move(logger),
             [this] { return std::uniform_real_distribution<double>(0, 1)(random_); }},
            options),
        scope_(executor) {
    scope_.Spawn(Run(*this));
  }

  void Stop() { stop_.Cancel(); }
  void Kill() {
    gate_.Close();
    stop_.Cancel();
  }
  bool done() const { return ended_.has_value(); }
  const std::optional<Result<void>>& ended() const { return ended_; }
  async::Task<void> Join() { return scope_.Join(); }

 private:
  static async::Task<void> Run(Process& self) {
    self.ended_ = co_await self.op_.Run(self.stop_.token());
  }

  Gate gate_;
  std::mt19937_64 random_;
  async::CancelSource stop_;
  std::optional<Result<void>> ended_;
  operator_::Operator op_;
  async::Scope scope_;
};

namespace {

std::vector<json::Value> CrdsOf(WorldOptions::Crds which) {
  if (which == WorldOptions::Crds::kWhole) return api::AllCrds();
  const auto any = [] {
    return json::Object{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  };
  const auto text = [](std::string_view value) {
    return json::Object{{"type", "string"}, {"default", json::Value(value)}};
  };
  std::vector<json::Value> crds;
  for (json::Value& crd : api::AllCrds()) {
    json::Object schema = any();
    schema["properties"] = json::Object{{"group", text("kro.run")}, {"scope", text("Namespaced")}};
    // A field that may be selected by must be known.
    json::Object snapshot = any();
    snapshot["properties"] = json::Object{{"name", json::Object{{"type", "string"}}}};
    json::Object spec = any();
    spec["properties"] =
        json::Object{{"schema", std::move(schema)}, {"snapshot", std::move(snapshot)}};
    json::Object root{{"type", "object"}};
    root["properties"] = json::Object{{"spec", std::move(spec)}, {"status", any()}};
    json::Value* versions = json::Find(*json::Find(crd, "spec"), "versions");
    for (json::Value& version : versions->as_array()) {
      version.as_object()["schema"] = json::Object{{"openAPIV3Schema", root}};
    }
    crds.push_back(std::move(crd));
  }
  return crds;
}

std::optional<ShortDocuments> Shortened(http::Transport& network, ShortDocuments::Cache* cache) {
  if (cache == nullptr) return std::nullopt;
  return std::optional<ShortDocuments>(std::in_place, network, *cache);
}

}  // namespace

World::World(WorldOptions options, operator_::OperatorOptions operation)
    : executor(options.seed),
      server(executor.clock(), apiserver::IdSource(options.seed),
             {.controllers = options.controllers, .controller_latency = 0ms}, options.state),
      audit(executor.clock(), options.detail),
      options_(std::move(options)),
      operation_(std::move(operation)),
      network_(server, executor,
               {.latency = 1ms,
                .audit =
                    [this](const auto& answered) {
                      audit.Add(answered);
                      if (options_.observe) options_.observe(answered);
                    }}),
      short_documents_(Shortened(network_, options_.documents)),
      faults(short_documents_ ? static_cast<http::Transport&>(*short_documents_) : network_, server,
             executor, options_.schedule, [this](const apiserver::Fault& fault) { Crash(fault); }),
      random_(options_.seed) {
  if (options_.state.objects.empty()) InstallCrds();
  Advance(100ms);
}

void World::InstallCrds() {
  for (const json::Value& crd : CrdsOf(options_.crds)) {
    Ask({.method = "POST",
         .target = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldManager=setup",
         .headers = {{"Content-Type", "application/json"}},
         .body = json::Serialize(crd)});
  }
}

World::~World() {
  if (process_ != nullptr) StopOperator(Stop::kKill);
  for (auto& process : dying_) executor.Run(process->Join(), 10min);
}

void World::StartOperator() {
  if (process_ != nullptr || ended_) return;
  faults.Revive();
  crashed_ = false;
  LogSink& sink = options_.log != nullptr ? *options_.log : no_log;
  process_ = std::make_unique<Process>(executor, faults, Logger(sink), random_(), operation_);
}

void World::StopOperator(Stop how) {
  crashed_ = false;
  if (process_ == nullptr) return;
  if (how == Stop::kKill) {
    process_->Kill();
  } else {
    process_->Stop();
  }
  executor.Run(process_->Join(), 10min);
  process_.reset();
}

void World::EndOperator() {
  crashed_ = false;
  ended_ = true;
  if (process_ == nullptr) return;
  process_->Kill();
  dying_.push_back(std::move(process_));
}

std::string World::OperatorEnd() const {
  if (ended_) return "it was ended";
  if (process_ == nullptr || !process_->done()) return {};
  const auto& ended = process_->ended();
  return *ended ? "it was stopped" : ended->error().message();
}

http::Response World::Ask(http::Request request) {
  auto reply = server.Handle(request);
  if (std::holds_alternative<apiserver::Server::Hold>(reply)) {
    reply = server.Handle(request, apiserver::Server::Attempt::kResumed);
  }
  auto* response = std::get_if<http::Response>(&reply);
  return response == nullptr ? http::Response{} : std::move(*response);
}

json::Value World::Get(std::string_view path) {
  const http::Response response = Ask({.target = std::string(path)});
  if (response.status != 200) return nullptr;
  auto value = json::Parse(response.body);
  return value ? std::move(*value) : json::Value(nullptr);
}

apiserver::SavedState World::Save() const {
  apiserver::SavedState state{.revision = server.revision(), .objects = {}};
  server.ForEachObject([&state](const apiserver::ObjectChange& object) {
    // Everybody is an administrator here, whom the first roles of a cluster say nothing.
    if (object.group == "rbac.authorization.k8s.io") return;
    state.objects.push_back({.group = std::string(object.group),
                             .resource = std::string(object.resource),
                             .revision = object.revision,
                             .definition = object.definition,
                             .members = std::string(object.members)});
  });
  return state;
}

bool World::Advance(Duration duration) {
  if (!executor.Advance(duration)) return false;
  std::erase_if(dying_, [this](const std::unique_ptr<Process>& process) {
    if (!process->done()) return false;
    executor.Run(process->Join(), 10min);
    return true;
  });
  return true;
}

void World::Crash(const apiserver::Fault& fault) {
  if (process_ == nullptr) return;
  crashed_ = true;
  ++crashes_;
  process_->Kill();
  dying_.push_back(std::move(process_));
  executor.PostAt(executor.clock().Monotonic() + fault.length, [this] {
    if (crashed_) StartOperator();
  });
}

}  // namespace kro::simulation
