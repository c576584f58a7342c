#include "operator/operator.h"

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <string_view>
#include <utility>

#include "api/constants.h"
#include "async/event.h"
#include "async/on_pool.h"
#include "controller/definition_controller.h"
#include "controller/graph_registry.h"
#include "controller/instance_controller.h"
#include "controller/instance_service.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/lease.h"
#include "kube/rest_mapper.h"
#include "operator/fenced_transport.h"
#include "operator/install_crds.h"
#include "operator/metered_transport.h"
#include "operator/prometheus_metrics.h"

namespace kro::operator_ {
namespace {

using async::CancelToken;
using async::Task;

class ServedInstances final : public controller::InstanceService {
 public:
  explicit ServedInstances(controller::InstanceController& instances) : instances_(instances) {}
  Task<Result<void>> Serve(controller::InstanceApi api, CancelToken cancel) override {
    return instances_.Serve(std::move(api), std::move(cancel));
  }
  Task<void> Stop(api::Gvr gvr) override { return instances_.Stop(std::move(gvr)); }
  std::size_t Count(const api::Gvr& gvr) const override { return instances_.Count(gvr); }

 private:
  controller::InstanceController& instances_;
};

// As long as upstream waits for its informers at the start.
constexpr Duration kLongestUnreachable = std::chrono::minutes(2);
constexpr Duration kReachPause = std::chrono::seconds(2);
constexpr Duration kBeat = std::chrono::seconds(10);
constexpr Duration kLongestSilence = std::chrono::minutes(1);
constexpr Duration kLeaseTolerance = std::chrono::seconds(20);
// Every request has a deadline, so no pass takes this long unless it is stuck.
constexpr Duration kLongestWork = std::chrono::minutes(15);
// For events that are not written yet when all work has stopped.
constexpr Duration kLastWords = std::chrono::seconds(1);

kube::Client::Options LeaseClientOptions(const OperatorOptions& options);
// "active".
std::string Label(controller::RevisionState state);
kube::LeaseOptions LeaseOptionsOf(const OperatorOptions& options);
// About what a graph takes, without the programs of its expressions.
std::size_t WeightOf(const graph::Graph& graph);

}  // namespace

struct Operator::Impl {
  Impl(Dependencies dependencies, OperatorOptions given)
      : d(std::move(dependencies)),
        options(std::move(given)),
        log(d.logger.With({{"logger", "setup"}})),
        fence(d.transport, d.executor.clock(), [this] { return MayWriteUntil(); }),
        transport(fence, d.executor.clock(),
                  [this](const MeteredTransport::Exchange& exchange) {
                    metrics.Requested({.method = exchange.method,
                                       .host = options.api_server,
                                       .code = exchange.code,
                                       .took = exchange.took,
                                       .sent = exchange.sent,
                                       .received = exchange.received});
                  }),
        rate_limiter(d.executor, options.client_qps, options.client_burst),
        limiter(d.executor, {}),
        client(transport, d.executor, d.logger, ClientOptions(), &limiter),
        lease_client(d.lease_transport, d.executor, d.logger, LeaseClientOptions(options)),
        mapper(client),
        events(client, d.random),
        lease_events(client, d.random),
        instances({d.executor, client, mapper, graphs, d.logger, d.random, metrics, &events},
                  options.settings),
        served(instances),
        definitions({d.executor, client, mapper, graphs, served, metrics, d.logger, d.random},
                    options.settings),
        elector(lease_client, LeaseOptionsOf(options), d.random,
                [this](const std::string& leader) {
                  log.Info("leader election", {{"leader", leader}});
                }),
        ending(d.executor, async::EventReset::kManual),
        definitions_done(d.executor, async::EventReset::kManual),
        instances_done(d.executor, async::EventReset::kManual) {}

  Task<Result<void>> AcquireAndLead(CancelToken stop);
  Task<Result<void>> Lead(CancelToken stop);
  Task<void> RunDefinitions();
  // Notes that the loop and the pool still turn.
  Task<void> Beat(CancelToken cancel);
  void TellOfLeading(std::string_view what);
  Task<void> RunInstances();
  Task<void> HoldLease(CancelToken until);
  // Until the server answers; an error if it does not do so for a long time.
  Task<Result<void>> Reach(CancelToken stop);
  std::optional<MonotonicTime> MayWriteUntil() const;
  kube::Client::Options ClientOptions();
  // Stops the parts one after the other; false if the time ran out.
  Task<bool> StopInOrder();
  Task<bool> StopPart(async::CancelSource& source, async::Event& done, MonotonicTime deadline);

  Dependencies d;
  const OperatorOptions options;
  const Logger log;  // of the process itself
  PrometheusMetrics metrics;
  FencedTransport fence;
  MeteredTransport transport;
  kube::RateLimiter rate_limiter;
  kube::ConcurrencyLimiter limiter;
  kube::Client client;
  kube::Client lease_client;
  kube::RestMapper mapper;
  kube::EventRecorder events;        // of the objects that are worked on
  kube::EventRecorder lease_events;  // of the lease
  controller::GraphRegistry graphs;
  controller::InstanceController instances;
  ServedInstances served;
  controller::DefinitionController definitions;
  kube::LeaderElector elector;

  async::CancelSource stop_definitions;
  async::CancelSource stop_instances;
  async::CancelSource abandon;  // what is under way
  async::Event ending;          // a stop was asked for, or leadership was lost
  async::Event definitions_done;
  async::Event instances_done;
  std::optional<Error> lost;
  std::atomic<bool> leading = false;
  std::atomic<MonotonicTime> beat{MonotonicTime::min()};  // the lowest: not yet
};

Operator::Operator(Dependencies dependencies, OperatorOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(options))) {}

Operator::~Operator() = default;

Task<Result<void>> Operator::Run(CancelToken stop) {
  Impl& self = *impl_;
  const bool elect = self.options.leader_election == LeaderElection::kOn;
  if (elect) {
    if (auto fit = kube::CheckLeaseOptions(LeaseOptionsOf(self.options)); !fit) co_return fit;
  }
  self.log.Info("starting",
                {{"version", self.options.settings.version}, {"leader_election", elect}});
  async::Scope pulse(self.d.executor);
  pulse.Spawn(self.Beat(pulse.token()));
  if (elect && self.options.warmup == Warmup::kOn) {
    pulse.Spawn(self.definitions.Watch(pulse.token()));
  }
  auto ended = co_await self.AcquireAndLead(std::move(stop));
  pulse.Cancel();
  co_await pulse.Join();
  co_return ended;
}

Task<Result<void>> Operator::Impl::AcquireAndLead(CancelToken stop) {
  Impl& self = *this;
  const bool elect = options.leader_election == LeaderElection::kOn;
  // Who elects goes on asking for the lease.
  if (!elect) {
    auto reached = co_await self.Reach(stop);
    if (stop.cancelled()) co_return Result<void>{};
    if (!reached) co_return reached;
  }
  if (elect) {
    self.metrics.SetLeader(api::kLeaseName, false);
    auto acquired = co_await self.elector.Acquire(stop);
    if (!acquired) co_return Result<void>{};  // stopped while it waited
    self.metrics.SetLeader(api::kLeaseName, true);
    self.log.Info("became leader", {{"identity", self.options.identity}});
  }
  co_return co_await self.Lead(std::move(stop));
}

std::vector<HealthCheck> Operator::Liveness() const {
  const Impl& self = *impl_;
  const MonotonicTime now = self.d.executor.clock().Monotonic();
  std::vector<HealthCheck> checks = {{.name = "ping", .ok = true, .detail = "answering"}};
  const auto seconds = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration);
  };
  if (const MonotonicTime beat = self.beat; beat != MonotonicTime::min()) {
    const Duration silent = now - beat;
    checks.push_back({.name = "loop",
                      .ok = silent < kLongestSilence,
                      .detail = fmt::format("turned {} ago", seconds(silent))});
  }
  if (self.leading && self.options.leader_election == LeaderElection::kOn) {
    const Duration age = now - self.elector.renewed();
    checks.push_back({.name = "leader-election",
                      .ok = age < self.options.lease_duration + kLeaseTolerance,
                      .detail = fmt::format("renewed {} ago", seconds(age))});
  }
  const Duration longest = std::max(self.definitions.LongestPass(), self.instances.LongestLook());
  checks.push_back({.name = "work",
                    .ok = longest < kLongestWork,
                    .detail = fmt::format("the longest has taken {}", seconds(longest))});
  return checks;
}

std::vector<HealthCheck> Operator::Readiness() const {
  if (!impl_->leading) {
    const bool elects = impl_->options.leader_election == LeaderElection::kOn;
    const std::string leader = impl_->elector.leader();
    return {{.name = "leader-election",
             .ok = elects,
             .detail = !elects          ? "starting"
                       : leader.empty() ? "standing by, nobody leads"
                                        : "standing by for " + leader}};
  }
  std::vector<HealthCheck> checks = {{.name = "leader-election", .ok = true, .detail = "leading"}};
  const std::vector<std::string> unread = impl_->definitions.Unread();
  checks.push_back(
      {.name = "caches",
       .ok = unread.empty(),
       .detail = unread.empty() ? "read" : fmt::format("being read: {}", fmt::join(unread, ", "))});
  return checks;
}

std::string Operator::MetricsText() const {
  using controller::Measurement;
  using controller::RevisionState;
  Impl& self = *impl_;
  std::vector<Measurement> measured = self.instances.Measure();
  for (Measurement& one : self.definitions.Measure()) measured.push_back(std::move(one));
  for (const RevisionState state :
       {RevisionState::kPending, RevisionState::kActive, RevisionState::kFailed}) {
    measured.push_back({.name = "graph_revision_registry_entries",
                        .help = "Revisions in memory, by state.",
                        .type = Measurement::Type::kGauge,
                        .labels = {{"state", Label(state)}},
                        .value = static_cast<double>(self.graphs.Count(state))});
  }
  for (const auto& [states, times] : self.graphs.transitions()) {
    measured.push_back({.name = "graph_revision_registry_transitions_total",
                        .help = "Changes of the state of revisions in memory.",
                        .type = Measurement::Type::kCounter,
                        .labels = {{"from", Label(states.first)}, {"to", Label(states.second)}},
                        .value = static_cast<double>(times)});
  }
  measured.push_back({.name = "graph_revision_registry_evictions_total",
                      .help = "Revisions that were dropped from memory.",
                      .type = Measurement::Type::kCounter,
                      .labels = {},
                      .value = static_cast<double>(self.graphs.evictions())});
  const auto workers = [&](const char* name, std::size_t count) {
    measured.push_back({.name = "controller_runtime_max_concurrent_reconciles",
                        .help = "Workers of a controller.",
                        .type = Measurement::Type::kGauge,
                        .labels = {{"controller", name}},
                        .value = static_cast<double>(count)});
  };
  const auto& settings = self.options.settings;
  workers("ResourceGraphDefinition",
          controller::DefinitionController::Workers(settings.rgd_workers));
  workers("graphrevision", controller::DefinitionController::Workers(settings.revision_workers));
  const auto events = [&](const char* result, std::size_t count) {
    measured.push_back({.name = "kro_events_total",
                        .help = "Events of instances and of the lease, by what became of them.",
                        .type = Measurement::Type::kCounter,
                        .labels = {{"result", result}},
                        .value = static_cast<double>(count)});
  };
  events("written", self.events.written() + self.lease_events.written());
  events("dropped", self.events.dropped() + self.lease_events.dropped());
  measured.push_back({.name = "kro_build_info",
                      .help = "The version, as a label of 1.",
                      .type = Measurement::Type::kGauge,
                      .labels = {{"version", settings.version}},
                      .value = 1});
  return self.metrics.Text(measured);
}

json::Value Operator::Describe() const {
  json::Object described;
  described["version"] = impl_->options.settings.version;
  described["leading"] = leads();
  described["leader"] = impl_->elector.leader();
  described["logLevel"] = ToString(impl_->d.logger.level());
  described["definitions"] = impl_->definitions.Describe();
  described["instances"] = impl_->instances.Describe();
  json::Object graphs;
  graphs["pending"] = impl_->graphs.Count(controller::RevisionState::kPending);
  graphs["active"] = impl_->graphs.Count(controller::RevisionState::kActive);
  graphs["failed"] = impl_->graphs.Count(controller::RevisionState::kFailed);
  json::Array all;
  std::size_t bytes = 0;
  for (const controller::RevisionEntry& entry : impl_->graphs.List()) {
    json::Object one;
    one["definition"] = entry.owner;
    one["revision"] = entry.revision;
    one["state"] = controller::ToString(entry.state);
    one["nodes"] = entry.graph == nullptr ? 0 : entry.graph->nodes.size();
    const std::size_t weight = entry.graph == nullptr ? 0 : WeightOf(*entry.graph);
    one["bytes"] = weight;
    bytes += weight;
    all.push_back(std::move(one));
  }
  graphs["entries"] = std::move(all);
  graphs["bytes"] = bytes;
  described["graphs"] = std::move(graphs);
  return described;
}

const Logger& Operator::logger() const { return impl_->d.logger; }

bool Operator::leads() const { return impl_->leading; }

Task<Result<void>> Operator::Impl::Lead(CancelToken stop) {
  leading = true;
  const auto unlink = stop.OnCancel([this] { ending.Set(); });
  async::CancelSource release_lease;
  async::Scope parts(d.executor);
  const bool elected = options.leader_election == LeaderElection::kOn;
  async::Scope telling(d.executor);
  telling.Spawn(events.Run(telling.token()));
  if (elected) {
    parts.Spawn(HoldLease(release_lease.token()));
    TellOfLeading("became leader");
    telling.Spawn(lease_events.Run(telling.token()));
  }

  // Only a leader brings CRDs up to date: one of an older version must not take back those of a newer one.
  Result<void> installed;
  if (options.crds == CrdInstallation::kInstall) {
    installed = co_await InstallCrds(client, log, stop);
  }
  bool in_time = true;
  if (installed) {
    parts.Spawn(RunInstances());
    parts.Spawn(RunDefinitions());
    // Never cancelled: `ending` is what a stop sets.
    (void)co_await ending.Wait(CancelToken());
    in_time = co_await StopInOrder();
  }
  unlink();
  telling.Cancel();
  co_await telling.Join();
  if (!lost) {
    // Still the leader, so this is its last word.
    if (elected) TellOfLeading("stopped leading");
    async::CancelSource patience;
    const auto cancel_timer = d.executor.PostAt(d.executor.clock().Monotonic() + kLastWords,
                                                [&patience] { patience.Cancel(); });
    co_await events.Flush(patience.token());
    co_await lease_events.Flush(patience.token());
    cancel_timer();
  }
  release_lease.Cancel();
  co_await parts.Join();
  leading = false;

  if (lost) co_return std::unexpected(std::move(*lost));
  if (elected) {
    auto released = co_await elector.Release(CancelToken());
    if (!released) {
      log.Warning("lease is not given back", {{"error", released.error().message()}});
    }
  }
  if (!installed) co_return installed;
  if (!in_time) {
    co_return Fail(
        ErrorCode::kExhausted, "failed waiting for all runnables to end within grace period of {}",
        std::chrono::duration_cast<std::chrono::seconds>(options.graceful_shutdown_timeout));
  }
  log.Info("stopped");
  co_return Result<void>{};
}

Task<void> Operator::Impl::Beat(CancelToken cancel) {
  while (true) {
    co_await async::OnPool(d.executor, [] { return 0; });
    beat = d.executor.clock().Monotonic();
    if (auto slept = co_await async::Sleep(d.executor, kBeat, cancel); !slept) co_return;
  }
}

void Operator::Impl::TellOfLeading(std::string_view what) {
  json::Object lease;
  lease["apiVersion"] = "coordination.k8s.io/v1";
  lease["kind"] = "Lease";
  lease["name"] = std::string(api::kLeaseName);
  lease["namespace"] = options.lease_namespace;
  lease_events.Record({.source = options.identity,
                       .regarding = std::move(lease),
                       .type = kube::EventType::kNormal,
                       .reason = "LeaderElection",
                       .message = fmt::format("{} {}", options.identity, what)});
}

Task<void> Operator::Impl::RunDefinitions() {
  co_await definitions.Run(stop_definitions.token(), abandon.token());
  definitions_done.Set();
}

Task<void> Operator::Impl::RunInstances() {
  co_await instances.Run(stop_instances.token());
  instances_done.Set();
}

Task<void> Operator::Impl::HoldLease(CancelToken until) {
  auto held = co_await elector.Hold(std::move(until));
  if (held || held.error().code() == ErrorCode::kCancelled) co_return;
  // From here on another process may lead: nothing of ours goes out any more.
  fence.Close();
  abandon.Cancel();
  lost = std::move(held.error());
  metrics.SetLeader(api::kLeaseName, false);
  log.Error("leader election lost", {{"error", lost->message()}});
  ending.Set();
}

Task<Result<void>> Operator::Impl::Reach(CancelToken stop) {
  const http::Request version{.target = "/version"};
  const MonotonicTime deadline = d.executor.clock().Monotonic() + kLongestUnreachable;
  while (true) {
    auto answer = co_await client.Send(version, {.method = "GET", .resource = "version"}, stop);
    if (answer || answer.error().answered()) co_return Result<void>{};
    if (d.executor.clock().Monotonic() >= deadline) {
      co_return std::unexpected(Error(answer.error()));
    }
    d.logger.Warning("API server cannot be reached", {{"error", answer.error().message()}});
    auto slept = co_await async::Sleep(d.executor, kReachPause, stop);
    if (!slept) co_return slept;
  }
}

std::optional<MonotonicTime> Operator::Impl::MayWriteUntil() const {
  if (options.leader_election == LeaderElection::kOff) return std::nullopt;
  return elector.LeadsUntil();
}

kube::Client::Options Operator::Impl::ClientOptions() {
  return {.user_agent = "kro/" + options.settings.version,
          .rate_limiter = &rate_limiter,
          .observer = &metrics};
}

Task<bool> Operator::Impl::StopInOrder() {
  log.Info("stopping");
  const bool for_ever = options.graceful_shutdown_timeout < Duration::zero();
  const MonotonicTime deadline =
      for_ever ? MonotonicTime::max()
               : d.executor.clock().Monotonic() + options.graceful_shutdown_timeout;
  // Definitions first: they start and stop the serving of instances.
  const bool definitions_in_time = co_await StopPart(stop_definitions, definitions_done, deadline);
  const bool instances_in_time = co_await StopPart(stop_instances, instances_done, deadline);
  co_return definitions_in_time&& instances_in_time;
}

Task<bool> Operator::Impl::StopPart(async::CancelSource& source, async::Event& done,
                                    MonotonicTime deadline) {
  source.Cancel();
  bool stopped = true;
  if (deadline == MonotonicTime::max()) {
    auto waited = co_await done.Wait(CancelToken());
    stopped = waited.has_value();
  } else {
    auto waited = co_await done.WaitUntil(deadline, CancelToken());
    stopped = waited.has_value();
  }
  if (stopped) co_return true;
  abandon.Cancel();
  fence.Close();
  (void)co_await done.Wait(CancelToken());  // prompt now that no request can hold it up
  co_return false;
}

namespace {

kube::Client::Options LeaseClientOptions(const OperatorOptions& options) {
  return {.user_agent = "kro/" + options.settings.version + "/leader-election",
          .timeout = std::max<Duration>(std::chrono::seconds(1), options.renew_deadline / 2)};
}

std::string Label(controller::RevisionState state) {
  std::string label(controller::ToString(state));
  label[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(label[0])));
  return label;
}

std::size_t WeightOf(const graph::Graph& graph) {
  std::size_t weight = sizeof(graph) + json::Serialize(graph.crd).size();
  const auto add = [&](const graph::Expression& expression) {
    weight += sizeof(expression) + expression.text.size();
  };
  const auto add_fields = [&](const std::vector<graph::Field>& fields) {
    for (const graph::Field& field : fields) {
      weight += sizeof(field.path);
      add(field.expression);
    }
  };
  for (const graph::Node& node : graph.nodes) {
    weight += sizeof(node) + json::Serialize(node.object).size();
    add_fields(node.fields);
    std::ranges::for_each(node.include_when, add);
    std::ranges::for_each(node.ready_when, add);
    for (const graph::Dimension& dimension : node.dimensions) add(dimension.list);
  }
  add_fields(graph.status);
  std::ranges::for_each(graph.conditions, add);
  return weight;
}

kube::LeaseOptions LeaseOptionsOf(const OperatorOptions& options) {
  return {.name_space = options.lease_namespace,
          .name = std::string(api::kLeaseName),
          .identity = options.identity,
          .duration = options.lease_duration,
          .renew_deadline = options.renew_deadline,
          .retry_period = options.retry_period};
}

}  // namespace
}  // namespace kro::operator_
