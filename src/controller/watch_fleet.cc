#include "controller/watch_fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/constants.h"
#include "kube/resource_version.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

// For events that the server has sent and we have not read.
constexpr Duration kOnTheWay = std::chrono::seconds(10);

kube::Projection MakeProjection(std::span<const json::FieldPath> reads);

}  // namespace

// An informer that runs or ends; kept alive by its task.
struct WatchFleet::Running {
  Running(kube::Client& client, const WatchScope& scope, kube::Projection what, kube::Random random)
      : projection(what),
        informer(client, scope.gvr,
                 {.name_space = scope.ns,
                  .label_selector = scope.label_selector,
                  .field_selector = scope.field_selector,
                  .first_list = scope.first_list},
                 std::move(what), std::move(random)) {
    informer.store().AddIndex(std::string(kPartOfIndex), [](const kube::StoredObject& object) {
      const std::string_view set = object.Label(api::label::kPartOf);
      return set.empty() ? std::vector<std::string>() : std::vector<std::string>{std::string(set)};
    });
  }

  const kube::Projection projection;
  kube::Informer informer;
  async::CancelSource stop;
};

struct WatchFleet::Watch {
  explicit Watch(WatchScope s, async::Executor& executor)
      : scope(std::move(s)), filled(executor, async::EventReset::kManual) {}

  // Calls every lease. A listener may give back leases, this watch's too.
  void Tell(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    ++events;
    for (Lease* lease : std::vector<Lease*>(leases)) {
      if (std::ranges::find(leases, lease) == leases.end()) continue;
      const auto& listener = lease->listener_;
      const auto& call = lease == writer ? listener.on_own_write : listener.on_change;
      if (call) call(before, after);
    }
  }
  void TellRemoved(const kube::ObjectPtr& removed) {
    for (Lease* lease : std::vector<Lease*>(leases)) {
      if (std::ranges::find(leases, lease) == leases.end()) continue;
      if (lease->listener_.on_removed) lease->listener_.on_removed(removed);
    }
  }

  const WatchScope scope;
  std::vector<Lease*> leases;
  std::shared_ptr<Running> active;  // filled
  std::shared_ptr<Running> next;    // being filled
  std::uint64_t events = 0;
  Lease* writer = nullptr;  // the one that writes just now
  async::Event filled;      // set whenever `active` changed; see WaitReady
};

WatchFleet::WatchFleet(kube::Client& client, kube::Random random, Metrics& metrics)
    : client_(client), random_(std::move(random)), metrics_(metrics), scope_(client.executor()) {}

WatchFleet::~WatchFleet() = default;

std::unique_ptr<WatchFleet::Lease> WatchFleet::Acquire(WatchScope scope,
                                                       std::span<const json::FieldPath> reads,
                                                       WatchListener listener) {
  auto& watch = watches_[scope];
  if (watch == nullptr) watch = std::make_shared<Watch>(scope, client_.executor());
  std::unique_ptr<Lease> lease(new Lease(
      *this, watch, std::vector<json::FieldPath>(reads.begin(), reads.end()), std::move(listener)));
  watch->leases.push_back(lease.get());
  const kube::Projection wanted = MakeProjection(reads);
  const auto covers = [&](const std::shared_ptr<Running>& running) {
    return running != nullptr && running->projection.Covers(wanted);
  };
  if (!covers(watch->active) && !covers(watch->next)) Start(watch);
  return lease;
}

std::size_t WatchFleet::CountSingleObjects(const api::Gvr& gvr) const {
  std::size_t count = 0;
  for (auto watch = watches_.lower_bound({.gvr = gvr});
       watch != watches_.end() && watch->first.gvr == gvr; ++watch) {
    if (!watch->first.field_selector.empty()) ++count;
  }
  return count;
}

std::vector<WatchFleet::View> WatchFleet::Views() const {
  std::vector<View> views;
  for (const auto& [scope, watch] : watches_) {
    views.push_back(
        {.scope = scope,
         .leases = watch->leases.size(),
         .events = watch->events,
         .store = watch->active == nullptr ? nullptr : &watch->active->informer.store()});
  }
  return views;
}

Task<void> WatchFleet::Check(Duration period, CancelToken cancel) {
  if (period <= Duration::zero()) co_return;
  while (co_await async::Sleep(client_.executor(), period, cancel)) {
    std::vector<std::shared_ptr<Watch>> all;
    for (const auto& [scope, watch] : watches_) all.push_back(watch);
    for (auto& watch : all) {
      co_await CheckOne(std::move(watch), cancel);
      if (cancel.cancelled()) co_return;
    }
  }
}

Task<void> WatchFleet::CheckOne(std::shared_ptr<Watch> watch, CancelToken cancel) {
  const std::shared_ptr<Running> running = watch->active;
  if (running == nullptr) co_return;
  const std::set<std::string> first = co_await Differences(running, watch->scope, cancel);
  if (first.empty()) co_return;
  // Most likely their events were on their way.
  if (auto slept = co_await async::Sleep(client_.executor(), kOnTheWay, cancel); !slept) co_return;
  const std::set<std::string> second = co_await Differences(running, watch->scope, cancel);
  for (const std::string& object : second) {
    if (!first.contains(object) || watch->active != running || watch->leases.empty()) continue;
    metrics_.WatchWasBehind(watch->scope.gvr);
    client_.logger().Warning("watch missed something and is filled anew",
                             {{"logger", "dynamic-controller"},
                              {"gvr", watch->scope.gvr.ToString()},
                              {"object", object}});
    Start(watch);
    co_return;
  }
}

Task<std::set<std::string>> WatchFleet::Differences(std::shared_ptr<Running> running,
                                                    WatchScope scope, CancelToken cancel) {
  std::set<std::string> differ;
  kube::ListOptions options{.label_selector = scope.label_selector,
                            .field_selector = scope.field_selector,
                            .resource_version = "0",  // from the server's memory
                            .content = kube::Content::kMetadata};
  auto list = co_await client_.List(scope.gvr, scope.ns, std::move(options), std::move(cancel));
  if (!list) co_return differ;
  const kube::Store& store = running->informer.store();
  std::map<kube::ObjectKey, std::string> uids;
  for (const json::Value& item : list->items) {
    const kube::ObjectKey key = kube::KeyOf(item);
    const std::string_view uid = json::FindString(item, {"metadata", "uid"});
    uids.emplace(key, uid);
    const kube::ObjectPtr stored = store.Get(key);
    if (stored == nullptr || stored->uid() != uid ||
        kube::CompareResourceVersions(stored->resource_version(),
                                      json::FindString(item, {"metadata", "resourceVersion"})) <
            0) {
      differ.insert(key.ToString());
    }
  }
  // What the list cannot know of yet, it does not deny.
  for (const kube::ObjectPtr& object : store.List()) {
    const auto listed = uids.find(object->key());
    if ((listed == uids.end() || listed->second != object->uid()) &&
        kube::CompareResourceVersions(object->resource_version(), list->resource_version) <= 0) {
      differ.insert(object->key().ToString());
    }
  }
  co_return differ;
}

Task<void> WatchFleet::Shutdown() {
  for (auto& [scope, watch] : watches_) {
    if (watch->active != nullptr) watch->active->stop.Cancel();
    if (watch->next != nullptr) watch->next->stop.Cancel();
  }
  scope_.Cancel();
  co_await scope_.Join();
}

void WatchFleet::Start(const std::shared_ptr<Watch>& watch) {
  if (scope_.token().cancelled()) return;
  std::vector<json::FieldPath> reads;
  for (const Lease* lease : watch->leases) {
    reads.insert(reads.end(), lease->reads_.begin(), lease->reads_.end());
  }
  if (watch->next != nullptr) watch->next->stop.Cancel();
  watch->next = std::make_shared<Running>(client_, watch->scope, MakeProjection(reads), random_);
  scope_.Spawn(Run(watch, watch->next));
}

namespace {

Task<void> RunInformer(kube::Informer& informer, CancelToken cancel) {
  co_await informer.Run(std::move(cancel));
}

}  // namespace

Task<void> WatchFleet::Run(std::shared_ptr<Watch> watch, std::shared_ptr<Running> running) {
  async::Scope scope(client_.executor(), scope_.token());
  const CancelToken stopped = running->stop.token();
  const MonotonicTime begin = client_.executor().clock().Monotonic();
  scope.Spawn(RunInformer(running->informer, stopped));
  // Else a larger one took its place, or nobody reads it any more.
  if (auto synced = co_await running->informer.WaitForSync(stopped);
      synced && watch->next == running) {
    metrics_.WatchFilled(watch->scope.gvr, client_.executor().clock().Monotonic() - begin);
    Promote(watch, running);
  }
  // A watch that nobody reads any more must not be kept alive by its own task.
  watch.reset();
  co_await scope.Join();
}

void WatchFleet::Observe(Watch& watch, const json::Value& object) {
  if (watch.next != nullptr) watch.next->informer.ObserveWrite(object);
  if (watch.active != nullptr) watch.active->informer.ObserveWrite(object);
}

void WatchFleet::Promote(const std::shared_ptr<Watch>& watch,
                         const std::shared_ptr<Running>& running) {
  if (watch->active != nullptr) watch->active->stop.Cancel();
  watch->active = std::exchange(watch->next, nullptr);
  // The initial contents are told by on_ready.
  auto told = std::make_shared<bool>(false);
  std::weak_ptr<Watch> weak = watch;
  Running* self = running.get();
  const auto listening = [weak, self, told]() -> std::shared_ptr<Watch> {
    auto there = weak.lock();
    return *told && there != nullptr && there->active.get() == self ? there : nullptr;
  };
  const auto tell = [listening](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    if (const auto there = listening()) there->Tell(before, after);
  };
  running->informer.AddHandler({
      .on_add = [tell](const kube::ObjectPtr& object, auto) { tell(nullptr, object); },
      .on_update = tell,
      .on_delete = [tell](const kube::ObjectPtr& last) { tell(last, nullptr); },
      .on_removed =
          [listening](const kube::ObjectPtr& removed) {
            if (const auto there = listening()) there->TellRemoved(removed);
          },
  });
  *told = true;
  watch->filled.Set();
  for (Lease* lease : std::vector<Lease*>(watch->leases)) {
    if (std::ranges::find(watch->leases, lease) == watch->leases.end()) continue;
    if (lease->store() != nullptr && lease->listener_.on_ready) lease->listener_.on_ready();
  }
}

void WatchFleet::Release(Lease& lease) {
  Watch& watch = *lease.watch_;
  std::erase(watch.leases, &lease);
  if (!watch.leases.empty()) return;
  if (watch.active != nullptr) watch.active->stop.Cancel();
  if (watch.next != nullptr) watch.next->stop.Cancel();
  watch.next = nullptr;
  watch.filled.Set();
  if (const auto found = watches_.find(watch.scope);
      found != watches_.end() && found->second == lease.watch_) {
    watches_.erase(found);
  }
  const auto same_kind = watches_.lower_bound({.gvr = watch.scope.gvr});
  if (same_kind == watches_.end() || same_kind->first.gvr != watch.scope.gvr) {
    metrics_.WatchesEnded(watch.scope.gvr);
  }
}

WatchFleet::Lease::Lease(WatchFleet& fleet, std::shared_ptr<Watch> watch,
                         std::vector<json::FieldPath> reads, WatchListener listener)
    : fleet_(fleet),
      watch_(std::move(watch)),
      reads_(std::move(reads)),
      listener_(std::move(listener)),
      since_(fleet.client_.executor().clock().Monotonic()) {}

WatchFleet::Lease::~Lease() { fleet_.Release(*this); }

const WatchScope& WatchFleet::Lease::scope() const { return watch_->scope; }

const kube::Store* WatchFleet::Lease::store() const {
  Running* const active = watch_->active.get();
  if (active == nullptr) return nullptr;
  if (asked_ != active) {
    asked_ = active;
    covered_ = active->projection.Covers(MakeProjection(reads_));
  }
  return covered_ ? &active->informer.store() : nullptr;
}

void WatchFleet::Lease::ObserveWrite(const json::Value& object) {
  const auto watch = watch_;
  Lease* const before = std::exchange(watch->writer, this);
  Observe(*watch, object);
  watch->writer = before;
}

void WatchFleet::Lease::ObserveRead(const json::Value& object) {
  const auto watch = watch_;
  Lease* const before = std::exchange(watch->writer, nullptr);
  Observe(*watch, object);
  watch->writer = before;
}

void WatchFleet::Lease::Refresh() {
  // A first fill that is under way reads what is there now.
  if (watch_->active != nullptr) fleet_.Start(watch_);
}

Task<Result<void>> WatchFleet::Lease::WaitReady(Duration timeout, CancelToken cancel) {
  const auto watch = watch_;
  const MonotonicTime end = fleet_.client_.executor().clock().Monotonic() + timeout;
  while (store() == nullptr) {
    watch->filled.Reset();
    if (auto filled = co_await watch->filled.WaitUntil(end, cancel); !filled) co_return filled;
  }
  co_return Result<void>{};
}

namespace {

kube::Projection MakeProjection(std::span<const json::FieldPath> reads) {
  kube::Projection projection;
  projection.KeepAnnotations("");
  projection.KeepManager(std::string(api::field_manager::kApplySet));
  projection.KeepOwnersOfLabel(std::string(api::label::kPartOf));
  for (const json::FieldPath& path : reads) projection.KeepPath(path);
  return projection;
}

}  // namespace
}  // namespace kro::controller
