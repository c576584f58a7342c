#include "controller/instance_controller.h"

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "api/condition.h"
#include "base/memory.h"
#include "controller/instance_deleter.h"
#include "controller/instance_reconciler.h"
#include "controller/queue_metrics.h"
#include "controller/served_api.h"
#include "controller/watch_fleet.h"
#include "kube/workqueue.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

// Enough to keep an API server busy while most of them wait for it; few enough that who comes later is
// not kept waiting by many that are half done.
constexpr std::size_t kDefaultWorkers = 24;

// After so many looks, memory that they used is given back as soon as there were none for a moment.
constexpr std::uint64_t kManyLooks = 64;
constexpr Duration kQuiet = std::chrono::milliseconds(200);

// How long whoever has an API served waits for its instances; the CRD may be gone by then.
constexpr Duration kFillPatience = std::chrono::seconds(30);

// How long the watch of a kind that no graph makes any more is kept.
constexpr Duration kUnusedKindAge = std::chrono::minutes(1);

constexpr std::string_view kQueue = "dynamic-controller-queue";

// Series of conditions that are shown; a cluster with more instances must count them elsewhere.
constexpr std::size_t kConditionSeries = 20'000;

// So many objects of a store are weighed; the others count as the mean of these.
constexpr std::size_t kWeighed = 100;

std::string GvrText(const api::Gvr& gvr) {
  return fmt::format("{}/{}, Resource={}", gvr.group, gvr.version, gvr.resource);
}

// "owned", "all" or "selected". Never the selector itself: that of a reference may be an instance's own.
std::string_view PartOf(const WatchFleet::View& view);
Metrics::Look LookOf(const Result<NextLook>& next);
std::size_t WeightOf(const kube::Store& store);
void MeasureConditions(const api::Gvr& gvr, const kube::Store& store, WallTime now,
                       std::vector<Measurement>& measured);

std::size_t WorkersOf(const Settings& settings) {
  return settings.instance_workers > 0 ? settings.instance_workers : kDefaultWorkers;
}

kube::WorkqueueOptions QueueOptions(const Settings& settings, Metrics& metrics) {
  kube::WorkqueueOptions options;
  options.observer = metrics.ObserverOf(kQueue);
  options.retry_base = settings.retry_min_delay;
  options.retry_cap = settings.retry_max_delay;
  options.retries_per_second = settings.retries_per_second;
  options.retry_burst = settings.retry_burst;
  // A quarter of the workers is always there for other APIs than the busiest.
  options.lane_capacity = WorkersOf(settings) - WorkersOf(settings) / 4;
  return options;
}

}  // namespace

struct InstanceController::Impl {
  Impl(Dependencies dependencies, Settings s)
      : deps(std::move(dependencies)),
        settings(std::move(s)),
        queue(deps.executor, QueueOptions(settings, deps.metrics)),
        fleet(deps.client, deps.random, deps.metrics),
        reconciler({.client = deps.client,
                    .mapper = deps.mapper,
                    .graphs = deps.graphs,
                    .fleet = fleet,
                    .settings = settings,
                    .random = deps.random,
                    .metrics = deps.metrics,
                    .events = deps.events}),
        deleter({.client = deps.client,
                 .mapper = deps.mapper,
                 .graphs = deps.graphs,
                 .settings = settings,
                 .metrics = deps.metrics,
                 .events = deps.events}),
        many_looks(deps.executor, async::EventReset::kAuto) {}

  std::shared_ptr<ServedApi> Find(const api::Gvr& gvr) const {
    const std::scoped_lock lock(mutex);
    const auto found = served.find(gvr);
    return found == served.end() ? nullptr : found->second;
  }

  void WakeAll(const api::Gvr& gvr) {
    const auto api = Find(gvr);
    const kube::Store* store = api == nullptr ? nullptr : api->parents().store();
    if (store == nullptr) return;
    const auto objects = store->List();
    api->CountSweep(objects.size());
    for (const kube::ObjectPtr& object : objects) {
      queue.Add({gvr, object->key()}, kube::Priority::kInitialList);
    }
  }

  // What was tried this often already waits for an event.
  bool IsGivenUp(const kube::WorkKey& key) const {
    return settings.queue_max_retries > 0 && queue.Failures(key) >= settings.queue_max_retries;
  }
  std::optional<NextAttempt> BackOff(const kube::WorkKey& key) const {
    if (IsGivenUp(key)) return std::nullopt;
    return NextAttempt{.delay = queue.BackOff(key), .number = queue.Failures(key) + 2};
  }

  Task<void> Work(CancelToken cancel);
  Task<void> WorkOn(kube::WorkKey key, CancelToken cancel);
  Task<Result<NextLook>> Look(std::shared_ptr<ServedApi> api, kube::WorkKey key,
                              CancelToken cancel);
  void Settle(const kube::WorkKey& key, const Result<NextLook>& next, const Logger& logger);
  Task<void> Sweep(CancelToken cancel);
  Task<void> ReturnMemory(CancelToken cancel);

  Dependencies deps;
  const Settings settings;
  kube::Workqueue queue;
  WatchFleet fleet;
  InstanceReconciler reconciler;
  InstanceDeleter deleter;
  async::Event many_looks;
  std::uint64_t looks = 0;           // so far
  std::uint64_t looks_returned = 0;  // when memory was given back
  mutable std::mutex mutex;
  std::map<api::Gvr, std::shared_ptr<ServedApi>> served;  // guarded by mutex; changed on the loop
};

InstanceController::InstanceController(Dependencies dependencies, Settings settings)
    : impl_(std::make_unique<Impl>(std::move(dependencies), std::move(settings))) {}

InstanceController::~InstanceController() = default;

Task<Result<void>> InstanceController::Serve(InstanceApi api, CancelToken cancel) {
  Impl& impl = *impl_;
  const api::Gvr gvr = api.gvr;
  std::shared_ptr<ServedApi> served = impl.Find(gvr);
  const bool is_new = served == nullptr;
  if (is_new) {
    ServedApi::Wake wake{
        .one = [&impl, gvr](const kube::ObjectKey& key) { impl.queue.Add({gvr, key}); },
        .later = [&impl, gvr](const kube::ObjectKey& key,
                              Duration delay) { impl.queue.AddAfter({gvr, key}, delay); },
        .all = [&impl, gvr] { impl.WakeAll(gvr); },
        .back_off = [&impl, gvr](const kube::ObjectKey& key) { return impl.BackOff({gvr, key}); },
        .limit = [&impl, gvr](std::size_t capacity) { impl.queue.SetLaneCapacity(gvr, capacity); }};
    served = std::make_shared<ServedApi>(std::move(api), impl.fleet, impl.deps.executor,
                                         impl.deps.logger, std::move(wake));
    const std::scoped_lock lock(impl.mutex);
    impl.served.emplace(gvr, served);
    impl.deps.metrics.ApiServed(gvr);
  } else {
    served->SetApi(std::move(api));
  }
  // The kinds are watched from now on, not only when the first instance is looked at.
  const auto latest = impl.deps.graphs.Latest(served->api().rgd_name);
  if (latest && latest->graph != nullptr) {
    if (served->graph() != latest->graph) served->UseGraph(latest->graph);
    served->NoteRevision(latest->revision);
  }
  if (auto ready = co_await served->parents().WaitReady(kFillPatience, cancel); !ready) {
    if (is_new) co_await Stop(gvr);
    co_return Annotate(ready.error(), "watch of {}", gvr);
  }
  impl.WakeAll(gvr);
  co_return Result<void>{};
}

Task<void> InstanceController::Stop(api::Gvr gvr) {
  Impl& impl = *impl_;
  std::shared_ptr<ServedApi> served;
  {
    const std::scoped_lock lock(impl.mutex);
    const auto found = impl.served.find(gvr);
    if (found == impl.served.end()) co_return;
    served = found->second;
    impl.served.erase(found);
  }
  impl.deps.metrics.ApiStopped(gvr);
  impl.queue.DropLane(gvr);
  served->stopping = true;
  while (served->in_work > 0) {
    // Work ends by itself, every request has a deadline.
    auto idle = co_await served->idle.Wait(CancelToken());
    static_cast<void>(idle);
  }
}

bool InstanceController::Serves(const api::Gvr& gvr) const { return impl_->Find(gvr) != nullptr; }

std::size_t InstanceController::Count(const api::Gvr& gvr) const {
  const auto served = impl_->Find(gvr);
  const kube::Store* store = served == nullptr ? nullptr : served->parents().store();
  return store == nullptr ? 0 : store->size();
}

std::vector<Measurement> InstanceController::Measure() const {
  const Impl& impl = *impl_;
  std::vector<Measurement> measured;
  const auto add = [&](std::string name, std::string help, double value,
                       std::vector<std::pair<std::string, std::string>> labels = {},
                       Measurement::Type type = Measurement::Type::kGauge) {
    measured.push_back({std::move(name), std::move(help), type, std::move(labels), value});
  };
  const auto count = [](std::size_t value) { return static_cast<double>(value); };
  MeasureQueue(kQueue, impl.queue, measured);
  add("dynamic_controller_queue_length", "Keys that wait in the queue.",
      count(impl.queue.Waiting()));
  const auto views = impl.fleet.Views();
  add("dynamic_controller_watch_count", "Watches that run.", count(views.size()));

  std::map<api::Gvr, std::shared_ptr<ServedApi>> served;
  {
    const std::scoped_lock lock(impl.mutex);
    served = impl.served;
  }
  add("dynamic_controller_gvr_count", "Collections of instances that are served.",
      count(served.size()));
  add("dynamic_controller_handler_count_total", "Collections of instances that are served.",
      count(served.size()), {{"type", "parent"}});
  struct Routes {
    std::uint64_t events = 0;
    std::uint64_t matches = 0;
    std::size_t scalars = 0;
    std::size_t collections = 0;
  };
  std::map<api::Gvr, Routes> routes;
  std::map<std::pair<api::Gvr, std::string_view>, std::size_t> stored;
  for (const WatchFleet::View& view : views) {
    Routes& of_kind = routes[view.scope.gvr];
    of_kind.events += view.events;
    of_kind.scalars += view.of_names;
    of_kind.collections += view.leases - view.of_names;
    if (view.store != nullptr) {
      stored[{view.scope.gvr, PartOf(view)}] += view.store->size();
    }
  }
  for (const auto& [what, objects] : stored) {
    const auto& [gvr, part] = what;
    add("kro_store_objects", "Objects kept in memory, by kind and the part of it that is watched.",
        count(objects), {{"gvr", GvrText(gvr)}, {"part", std::string(part)}});
  }
  std::size_t setbacks = 0;
  for (const auto& [gvr, api] : served) {
    for (const auto& [kind, matches] : api->matches()) routes[kind].matches += matches;
    setbacks += api->CountSetbacks();
    const kube::Store* store = api->parents().store();
    add("dynamic_controller_instance_watch_count", "Instances that are known.",
        count(store == nullptr ? 0 : store->size()), {{"parent_gvr", GvrText(gvr)}});
    const ServedApi::InstanceEvents& events = api->instance_events();
    for (const auto& [type, happened] :
         {std::pair("add", events.added), {"update", events.updated}, {"delete", events.deleted}}) {
      add("dynamic_controller_informer_events_total", "Changes of instances, by kind of change.",
          static_cast<double>(happened), {{"gvr", GvrText(gvr)}, {"event_type", type}},
          Measurement::Type::kCounter);
    }
    if (store != nullptr && impl.settings.condition_metrics && measured.size() < kConditionSeries) {
      MeasureConditions(gvr, *store, impl.deps.executor.clock().Now(), measured);
    }
  }
  add("kro_setbacks", "Refusals by the API server that are waited out.", count(setbacks));
  for (const auto& [gvr, of_kind] : routes) {
    const std::string text = GvrText(gvr);
    add("dynamic_controller_watch_request_count", "What is asked for of a watch.",
        count(of_kind.scalars), {{"gvr", text}, {"type", "scalar"}});
    add("dynamic_controller_watch_request_count", "What is asked for of a watch.",
        count(of_kind.collections), {{"gvr", text}, {"type", "collection"}});
    add("dynamic_controller_route_total", "Events of watches.", static_cast<double>(of_kind.events),
        {{"gvr", text}}, Measurement::Type::kCounter);
    add("dynamic_controller_route_match_total", "Events that woke an instance.",
        static_cast<double>(of_kind.matches), {{"gvr", text}}, Measurement::Type::kCounter);
  }
  return measured;
}

json::Value InstanceController::Describe() const {
  const Impl& impl = *impl_;
  json::Object described;
  json::Array lanes;
  for (const kube::Workqueue::LaneSize& lane : impl.queue.Lanes()) {
    json::Object one;
    one["gvr"] = lane.gvr.ToString();
    one["waiting"] = lane.waiting;
    one["inWork"] = lane.in_work;
    lanes.push_back(std::move(one));
  }
  described["queue"] = DescribeQueue(impl.queue);
  described["queue"].as_object()["lanes"] = std::move(lanes);

  std::size_t bytes = 0;
  json::Array watches;
  for (const WatchFleet::View& view : impl.fleet.Views()) {
    json::Object one;
    one["gvr"] = view.scope.gvr.ToString();
    if (!view.scope.ns.empty()) one["namespace"] = view.scope.ns;
    if (!view.scope.label_selector.empty()) one["labelSelector"] = view.scope.label_selector;
    if (!view.scope.name.empty()) one["fieldSelector"] = view.scope.FieldSelector();
    if (view.shared) one["scopes"] = view.scopes;
    one["users"] = view.leases;
    one["events"] = view.events;
    one["filled"] = view.store != nullptr;
    if (view.store != nullptr) {
      const std::size_t weight = WeightOf(*view.store);
      bytes += weight;
      one["objects"] = view.store->size();
      one["bytes"] = weight;
    }
    watches.push_back(std::move(one));
  }
  described["watches"] = std::move(watches);
  described["storeBytes"] = bytes;

  json::Array apis;
  std::map<api::Gvr, std::shared_ptr<ServedApi>> served;
  {
    const std::scoped_lock lock(impl.mutex);
    served = impl.served;
  }
  for (const auto& [gvr, api] : served) {
    const kube::Store* store = api->parents().store();
    json::Object one;
    one["gvr"] = gvr.ToString();
    one["definition"] = api->api().rgd_name;
    one["instances"] = store == nullptr ? 0 : store->size();
    one["inWork"] = api->in_work;
    one["remembered"] = api->memos();
    one["setbacks"] = api->CountSetbacks();
    one["nodes"] = api->graph() == nullptr ? 0 : api->graph()->nodes.size();
    apis.push_back(std::move(one));
  }
  described["apis"] = std::move(apis);
  return described;
}

Duration InstanceController::LongestLook() const { return impl_->queue.WorkingTimes().longest; }

Task<void> InstanceController::Run(CancelToken cancel) {
  Impl& impl = *impl_;
  async::Scope scope(impl.deps.executor, cancel);
  const std::size_t workers = WorkersOf(impl.settings);
  for (std::size_t i = 0; i < workers; ++i) scope.Spawn(impl.Work(scope.token()));
  scope.Spawn(impl.Sweep(scope.token()));
  scope.Spawn(impl.ReturnMemory(scope.token()));
  scope.Spawn(impl.fleet.Check(impl.settings.resync_period, scope.token()));
  co_await scope.Join();
  impl.queue.ShutDown();
  co_await impl.fleet.Shutdown();
}

Task<void> InstanceController::Impl::Work(CancelToken cancel) {
  while (true) {
    auto key = co_await queue.Get(cancel);
    if (!key || !*key) co_return;
    co_await WorkOn(**key, cancel);
    queue.Done(**key);
  }
}

Task<void> InstanceController::Impl::WorkOn(kube::WorkKey key, CancelToken cancel) {
  const std::shared_ptr<ServedApi> api = Find(key.gvr);
  if (api == nullptr) co_return;
  ++api->in_work;
  const MonotonicTime begin = deps.executor.clock().Monotonic();
  auto look = Metrics::Look::kError;
  try {
    auto next = co_await Look(api, key, cancel);
    look = LookOf(next);
    if (!cancel.cancelled() && !api->stopping) Settle(key, next, api->logger());
  } catch (const std::exception& failure) {
    // Whatever one instance does to us, the others go on.
    deps.metrics.LookPanicked(key.gvr);
    if (!api->stopping) {
      Settle(key,
             Fail(ErrorCode::kInternal, "recovered from panic in reconcile: {}", failure.what()),
             api->logger());
    }
  }
  if (!api->stopping) {
    deps.metrics.LookedAt(key.gvr, look, deps.executor.clock().Monotonic() - begin);
  }
  api->DropEmptyMemo(key.object);
  if (--api->in_work == 0 && api->stopping) api->idle.Set();
  if (++looks - looks_returned >= kManyLooks) many_looks.Set();
}

Task<Result<NextLook>> InstanceController::Impl::Look(std::shared_ptr<ServedApi> api,
                                                      kube::WorkKey key, CancelToken cancel) {
  const kube::Store* store = api->parents().store();
  if (store == nullptr) co_return NextLook::OnEvent();  // all are looked at when it stands
  kube::ObjectPtr instance = store->Get(key.object);
  if (instance == nullptr) {
    api->ForgetInstance(key.object);
    kube::ObjectPtr left = api->LeftBehindBy(key.object);
    if (left == nullptr) co_return NextLook::OnEvent();
    co_return co_await deleter.DeleteLeftBehind(api, std::move(left), cancel);
  }
  if (instance->IsDeleting()) co_return co_await deleter.Delete(api, std::move(instance), cancel);
  std::function<void()> wake = [this, key] { queue.Add(key); };
  co_return co_await reconciler.Reconcile(api, std::move(instance), std::move(wake), cancel);
}

void InstanceController::Impl::Settle(const kube::WorkKey& key, const Result<NextLook>& next,
                                      const Logger& logger) {
  const bool fails = !next || next->kind == NextLook::Kind::kBackOff;
  if (fails && IsGivenUp(key)) {
    queue.Forget(key);
    logger.Error("instance waits for an event after too many failures",
                 {{"namespace", key.object.name_space},
                  {"name", key.object.name},
                  {"error", next ? std::string("not ready") : next.error().message()}});
    return;
  }
  if (!next) {
    const Duration delay = queue.AddRateLimited(key);
    logger.Error("instance not reconciled",
                 {{"namespace", key.object.name_space},
                  {"name", key.object.name},
                  {"error", next.error().message()},
                  {"retry_in_seconds", std::chrono::duration<double>(delay).count()}});
    return;
  }
  switch (next->kind) {
    case NextLook::Kind::kOnEvent:
      queue.Forget(key);
      return;
    case NextLook::Kind::kAfter:
      queue.AddAfter(key, next->delay);
      return;
    case NextLook::Kind::kBackOff:
      queue.AddRateLimited(key);
      return;
  }
}

Task<void> InstanceController::Impl::Sweep(CancelToken cancel) {
  while (co_await async::Sleep(deps.executor, kUnusedKindAge, cancel)) {
    std::vector<std::shared_ptr<ServedApi>> all;
    {
      const std::scoped_lock lock(mutex);
      for (const auto& [gvr, api] : served) all.push_back(api);
    }
    for (const auto& api : all) {
      api->DropUnusedKinds(deps.executor.clock().Monotonic(), kUnusedKindAge);
    }
  }
}

Task<void> InstanceController::Impl::ReturnMemory(CancelToken cancel) {
  while (co_await many_looks.Wait(cancel)) {
    std::uint64_t before = 0;
    do {
      before = looks;
      if (!co_await async::Sleep(deps.executor, kQuiet, cancel)) co_return;
    } while (looks != before);
    ReturnFreeMemory();
    looks_returned = looks;
    many_looks.Reset();
  }
}

namespace {

Metrics::Look LookOf(const Result<NextLook>& next) {
  if (!next) return Metrics::Look::kError;
  switch (next->kind) {
    case NextLook::Kind::kOnEvent:
      return Metrics::Look::kSuccess;
    case NextLook::Kind::kAfter:
      return Metrics::Look::kRequeueAfter;
    case NextLook::Kind::kBackOff:
      return Metrics::Look::kBackOff;
  }
  return Metrics::Look::kSuccess;
}

std::string_view PartOf(const WatchFleet::View& view) {
  const WatchScope& scope = view.scope;
  if (scope.label_selector == kOwnedSelector) return "owned";
  const bool all =
      !view.shared && scope.ns.empty() && scope.label_selector.empty() && scope.name.empty();
  return all ? "all" : "selected";
}

// About what the objects take; serialised, since memory is not weighed otherwise.
std::size_t WeightOf(const kube::Store& store) {
  const auto objects = store.List();
  if (objects.empty()) return 0;
  std::size_t weight = 0;
  const std::size_t weighed = std::min(objects.size(), kWeighed);
  for (std::size_t i = 0; i < weighed; ++i) {
    weight += sizeof(kube::StoredObject) + json::Serialize(objects[i]->value()).size();
  }
  return weight / weighed * objects.size();
}

// Computed from what the store holds, so it costs nothing between two scrapes and ends with the instance.
void MeasureConditions(const api::Gvr& gvr, const kube::Store& store, WallTime now,
                       std::vector<Measurement>& measured) {
  const std::string text = GvrText(gvr);
  for (const kube::ObjectPtr& object : store.List()) {
    const json::Value* conditions = json::Find(object->value(), {"status", "conditions"});
    if (conditions == nullptr || !conditions->is_array()) continue;
    for (const json::Value& condition : conditions->get_array()) {
      if (measured.size() >= kConditionSeries) return;
      const auto since = api::ParseTimestamp(json::FindString(condition, {"lastTransitionTime"}));
      const double age = since ? std::chrono::duration<double>(now - *since).count() : 0;
      measured.push_back(
          {.name = "instance_condition_current_status_seconds",
           .help = "How long a condition of an instance has had its status.",
           .type = Measurement::Type::kGauge,
           .labels = {{"gvr", text},
                      {"namespace", object->key().name_space},
                      {"name", object->key().name},
                      {"condition_type", std::string(json::FindString(condition, {"type"}))},
                      {"condition_status", std::string(json::FindString(condition, {"status"}))},
                      {"reason", std::string(json::FindString(condition, {"reason"}))}},
           .value = std::max(age, 0.0)});
    }
  }
}

}  // namespace
}  // namespace kro::controller
