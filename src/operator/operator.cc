#include "operator/operator.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "api/constants.h"
#include "async/event.h"
#include "controller/definition_controller.h"
#include "controller/graph_registry.h"
#include "controller/instance_controller.h"
#include "controller/instance_service.h"
#include "kube/client.h"
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

kube::Client::Options ClientOptions(const OperatorOptions& options);
kube::Client::Options LeaseClientOptions(const OperatorOptions& options);
kube::LeaseOptions LeaseOptionsOf(const OperatorOptions& options);

}  // namespace

struct Operator::Impl {
  Impl(Dependencies dependencies, OperatorOptions given)
      : d(std::move(dependencies)),
        options(std::move(given)),
        fence(d.transport),
        transport(fence, d.executor.clock(),
                  [this](std::string_view method, int code, Duration took) {
                    metrics.Requested(method, code, "apiserver", took);
                  }),
        limiter(d.executor, {}),
        client(transport, d.executor, d.logger, ClientOptions(options), &limiter),
        lease_client(d.lease_transport, d.executor, d.logger, LeaseClientOptions(options)),
        mapper(client),
        instances({d.executor, client, mapper, graphs, d.logger, d.random}, options.settings),
        served(instances),
        definitions({d.executor, client, mapper, graphs, served, metrics, d.logger, d.random},
                    options.settings),
        elector(lease_client, LeaseOptionsOf(options), d.random,
                [this](const std::string& leader) {
                  d.logger.Info("leader election", {{"leader", leader}});
                }),
        ending(d.executor, async::EventReset::kManual),
        definitions_done(d.executor, async::EventReset::kManual),
        instances_done(d.executor, async::EventReset::kManual) {}

  Task<Result<void>> Lead(CancelToken stop);
  Task<void> RunDefinitions();
  Task<void> RunInstances();
  Task<void> HoldLease(CancelToken until);
  // Stops the parts one after the other; false if the time ran out.
  Task<bool> StopInOrder();
  Task<bool> StopPart(async::CancelSource& source, async::Event& done, MonotonicTime deadline);

  Dependencies d;
  const OperatorOptions options;
  PrometheusMetrics metrics;
  FencedTransport fence;
  MeteredTransport transport;
  kube::ConcurrencyLimiter limiter;
  kube::Client client;
  kube::Client lease_client;
  kube::RestMapper mapper;
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
  self.d.logger.Info("starting", {{"version", self.options.settings.version},
                                  {"leader_election", elect}});
  if (self.options.crds == CrdInstallation::kInstall) {
    auto installed = co_await InstallCrds(self.client, self.d.logger, stop);
    if (!installed) co_return installed;
  }
  if (elect) {
    self.metrics.SetLeader(api::kLeaseName, false);
    auto acquired = co_await self.elector.Acquire(stop);
    if (!acquired) co_return Result<void>{};  // stopped while it waited
    self.metrics.SetLeader(api::kLeaseName, true);
    self.d.logger.Info("became leader", {{"identity", self.options.identity}});
  }
  co_return co_await self.Lead(std::move(stop));
}

std::vector<HealthCheck> Operator::Readiness() const {
  if (!impl_->leading) {
    return {{.name = "leader-election",
             .ok = impl_->options.leader_election == LeaderElection::kOn,
             .detail = impl_->options.leader_election == LeaderElection::kOn
                           ? "standing by for " + impl_->elector.leader()
                           : "starting"}};
  }
  const bool synced = impl_->definitions.HasSynced();
  return {{.name = "leader-election", .ok = true, .detail = "leading"},
          {.name = "caches", .ok = synced, .detail = synced ? "read" : "being read"}};
}

std::string Operator::MetricsText() const {
  using controller::RevisionState;
  Impl& self = *impl_;
  self.metrics.SetRegistryEntries("pending", self.graphs.Count(RevisionState::kPending));
  self.metrics.SetRegistryEntries("active", self.graphs.Count(RevisionState::kActive));
  self.metrics.SetRegistryEntries("failed", self.graphs.Count(RevisionState::kFailed));
  return self.metrics.Text();
}

json::Value Operator::Describe() const {
  json::Object graphs;
  graphs["pending"] = impl_->graphs.Count(controller::RevisionState::kPending);
  graphs["active"] = impl_->graphs.Count(controller::RevisionState::kActive);
  graphs["failed"] = impl_->graphs.Count(controller::RevisionState::kFailed);
  json::Object described;
  described["version"] = impl_->options.settings.version;
  described["leading"] = leads();
  described["graphs"] = std::move(graphs);
  described["definitions"] = impl_->definitions.Describe();
  return described;
}

bool Operator::leads() const { return impl_->leading; }

Task<Result<void>> Operator::Impl::Lead(CancelToken stop) {
  leading = true;
  const auto unlink = stop.OnCancel([this] { ending.Set(); });
  async::CancelSource release_lease;
  async::Scope parts(d.executor);
  parts.Spawn(RunInstances());
  parts.Spawn(RunDefinitions());
  const bool elected = options.leader_election == LeaderElection::kOn;
  if (elected) parts.Spawn(HoldLease(release_lease.token()));

  // Never cancelled: `ending` is what a stop sets.
  (void)co_await ending.Wait(CancelToken());
  unlink();
  const bool in_time = co_await StopInOrder();
  release_lease.Cancel();
  co_await parts.Join();
  leading = false;

  if (lost) co_return std::unexpected(std::move(*lost));
  if (elected) {
    auto released = co_await elector.Release(CancelToken());
    if (!released) {
      d.logger.Warning("lease is not given back", {{"error", released.error().message()}});
    }
  }
  if (!in_time) {
    co_return Fail(ErrorCode::kExhausted,
                   "failed waiting for all runnables to end within grace period of {}",
                   std::chrono::duration_cast<std::chrono::seconds>(
                       options.graceful_shutdown_timeout));
  }
  d.logger.Info("stopped");
  co_return Result<void>{};
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
  d.logger.Error("leader election lost", {{"error", lost->message()}});
  ending.Set();
}

Task<bool> Operator::Impl::StopInOrder() {
  d.logger.Info("stopping");
  const bool for_ever = options.graceful_shutdown_timeout < Duration::zero();
  const MonotonicTime deadline =
      for_ever ? MonotonicTime::max()
               : d.executor.clock().Monotonic() + options.graceful_shutdown_timeout;
  // Definitions first: they start and stop the serving of instances.
  const bool definitions_in_time =
      co_await StopPart(stop_definitions, definitions_done, deadline);
  const bool instances_in_time = co_await StopPart(stop_instances, instances_done, deadline);
  co_return definitions_in_time && instances_in_time;
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

kube::Client::Options ClientOptions(const OperatorOptions& options) {
  return {.user_agent = "kro/" + options.settings.version};
}

kube::Client::Options LeaseClientOptions(const OperatorOptions& options) {
  return {.user_agent = "kro/" + options.settings.version + "/leader-election",
          .timeout = std::max<Duration>(std::chrono::seconds(1), options.renew_deadline / 2)};
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
