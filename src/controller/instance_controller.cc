#include "controller/instance_controller.h"

#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "controller/instance_deleter.h"
#include "controller/instance_reconciler.h"
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

// How long the watch of a kind that no graph makes any more is kept.
constexpr Duration kUnusedKindAge = std::chrono::minutes(1);

std::size_t WorkersOf(const Settings& settings) {
  return settings.instance_workers > 0 ? settings.instance_workers : kDefaultWorkers;
}

kube::WorkqueueOptions QueueOptions(const Settings& settings) {
  kube::WorkqueueOptions options;
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
        queue(deps.executor, QueueOptions(settings)),
        fleet(deps.client, deps.random),
        reconciler({.client = deps.client,
                    .mapper = deps.mapper,
                    .graphs = deps.graphs,
                    .fleet = fleet,
                    .settings = settings,
                    .logger = deps.logger,
                    .random = deps.random}),
        deleter({.client = deps.client,
                 .mapper = deps.mapper,
                 .graphs = deps.graphs,
                 .settings = settings}),
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
    for (const kube::ObjectPtr& object : store->List()) {
      queue.Add({gvr, object->key()}, kube::Priority::kInitialList);
    }
  }

  Task<void> Work(CancelToken cancel);
  Task<void> WorkOn(kube::WorkKey key, CancelToken cancel);
  Task<Result<NextLook>> Look(std::shared_ptr<ServedApi> api, kube::WorkKey key,
                              CancelToken cancel);
  void Settle(const kube::WorkKey& key, const Result<NextLook>& next);
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
  if (served == nullptr) {
    ServedApi::Wake wake{
        .one = [&impl, gvr](const kube::ObjectKey& key) { impl.queue.Add({gvr, key}); },
        .all = [&impl, gvr] { impl.WakeAll(gvr); }};
    served =
        std::make_shared<ServedApi>(std::move(api), impl.fleet, impl.deps.executor, std::move(wake));
    const std::scoped_lock lock(impl.mutex);
    impl.served.emplace(gvr, served);
  } else {
    served->SetApi(std::move(api));
  }
  // The kinds are watched from now on, not only when the first instance is looked at.
  const auto latest = impl.deps.graphs.Latest(served->api().rgd_name);
  if (latest && latest->graph != nullptr) {
    if (served->graph() != latest->graph) served->UseGraph(latest->graph);
    served->NoteRevision(latest->revision);
  }
  while (served->parents().store() == nullptr) {
    auto ready = co_await served->parents().WaitReady(std::chrono::hours(1), cancel);
    if (!ready && ready.error().code() != ErrorCode::kExhausted) {
      co_return Annotate(ready, "watch of {}", gvr);
    }
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

Task<void> InstanceController::Run(CancelToken cancel) {
  Impl& impl = *impl_;
  async::Scope scope(impl.deps.executor, cancel);
  const std::size_t workers = WorkersOf(impl.settings);
  for (std::size_t i = 0; i < workers; ++i) scope.Spawn(impl.Work(scope.token()));
  scope.Spawn(impl.Sweep(scope.token()));
  scope.Spawn(impl.ReturnMemory(scope.token()));
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
  try {
    auto next = co_await Look(api, key, cancel);
    if (!cancel.cancelled() && !api->stopping) Settle(key, next);
  } catch (const std::exception& failure) {
    // Whatever one instance does to us, the others go on.
    Settle(key, Fail(ErrorCode::kInternal, "{}", failure.what()));
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
    co_return NextLook::OnEvent();
  }
  if (instance->IsDeleting()) co_return co_await deleter.Delete(api, std::move(instance), cancel);
  std::function<void()> wake = [this, key] { queue.Add(key); };
  co_return co_await reconciler.Reconcile(api, std::move(instance), std::move(wake), cancel);
}

void InstanceController::Impl::Settle(const kube::WorkKey& key, const Result<NextLook>& next) {
  if (!next) {
    const Duration delay = queue.AddRateLimited(key);
    deps.logger.Error("instance not reconciled",
                      {{"gvr", key.gvr.ToString()},
                       {"instance", key.object.ToString()},
                       {"error", next.error().message()},
                       {"retry_in_seconds", std::chrono::duration<double>(delay).count()}});
    return;
  }
  switch (next->kind) {
    case NextLook::Kind::kOnEvent: queue.Forget(key); return;
    case NextLook::Kind::kAfter: queue.AddAfter(key, next->delay); return;
    case NextLook::Kind::kBackOff: queue.AddRateLimited(key); return;
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

}  // namespace kro::controller
