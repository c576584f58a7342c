#include "controller/watch_fleet.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/constants.h"
#include "controller/scope_filter.h"
#include "kube/resource_version.h"

namespace kro::controller {
namespace {

using async::CancelToken;
using async::Task;

// For events that the server has sent and we have not read.
constexpr Duration kOnTheWay = std::chrono::seconds(10);

// So many shared scopes of a kind have a watch each.
constexpr std::size_t kSingleWatches = 16;

// Of a list of which most may have to be dropped.
constexpr std::int64_t kPageSize = 500;

kube::Projection MakeProjection(std::span<const json::FieldPath> reads);

}  // namespace

// An informer that runs or ends; kept alive by its task.
struct WatchFleet::Running final : kube::Selection {
  // `scopes` is null unless many share it.
  Running(kube::Client& client, const WatchScope& scope, std::shared_ptr<const ScopeFilter> scopes,
          kube::Projection what, kube::Random random)
      : filter(std::move(scopes)),
        projection(what),
        informer(client, scope.gvr,
                 {.name_space = scope.ns,
                  .label_selector = scope.label_selector,
                  .field_selector = scope.FieldSelector(),
                  .first_list = scope.first_list,
                  .selection = filter == nullptr ? nullptr : this},
                 std::move(what), std::move(random)) {
    informer.store().AddIndex(std::string(kPartOfIndex), [](const kube::StoredObject& object) {
      const std::string_view set = object.Label(api::label::kPartOf);
      return set.empty() ? std::vector<std::string>() : std::vector<std::string>{std::string(set)};
    });
  }

  bool Selects(const json::Value& object) const override { return filter->Selects(object); }
  void OnListing() override {
    listing = true;
    in_list = filter->scopes();
  }
  void OnListed() override {
    listing = false;
    std::swap(held, in_list);
    on_listed(in_list);
  }
  void OnForbidden() override { on_forbidden(); }

  // Whether the store has all of the scope.
  bool Holds(const WatchScope& scope) const { return filter == nullptr || held.contains(scope); }
  void Forget(const WatchScope& scope) {
    held.erase(scope);
    in_list.erase(scope);
  }

  const std::shared_ptr<const ScopeFilter> filter;
  const kube::Projection projection;
  kube::Informer informer;
  async::CancelSource stop;
  bool listing = true;           // or about to
  std::set<WatchScope> in_list;  // were selected when the list began
  std::set<WatchScope> held;
  std::function<void(const std::set<WatchScope>& held_before)> on_listed;
  std::function<void()> on_forbidden;
};

// What leases of one scope have of a watch.
struct WatchFleet::Part {
  explicit Part(WatchScope s) : scope(std::move(s)) {}

  // Calls every lease. A listener may give back leases, this part's too.
  template <typename Call>
  void ForEach(Call call) const {
    for (Lease* lease : std::vector<Lease*>(leases)) {
      if (std::ranges::find(leases, lease) != leases.end()) call(*lease);
    }
  }
  void Tell(const kube::ObjectPtr& before, const kube::ObjectPtr& after,
            const Lease* writer) const {
    ForEach([&](const Lease& lease) {
      const auto& listener = lease.listener_;
      const auto& told = &lease == writer ? listener.on_own_write : listener.on_change;
      if (told) told(before, after);
    });
  }
  void TellReady() const {
    ForEach([](const Lease& lease) {
      if (lease.store() != nullptr && lease.listener_.on_ready) lease.listener_.on_ready();
    });
  }

  const WatchScope scope;
  std::vector<Lease*> leases;
  std::set<kube::ObjectKey> selected;  // of the active store, if that is shared
};

struct WatchFleet::Watch {
  Watch(WatchScope s, std::shared_ptr<ScopeFilter> shared, async::Executor& executor)
      : scope(std::move(s)),
        filter(std::move(shared)),
        filled(executor, async::EventReset::kManual) {}

  void Tell(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    ++events;
    if (filter == nullptr) {
      for (const auto& part : Parts()) part->Tell(before, after, writer);
      return;
    }
    const auto scopes_of = [&](const kube::ObjectPtr& object) {
      return object == nullptr ? std::set<WatchScope>() : filter->ScopesOf(object->value());
    };
    const auto was = scopes_of(before);
    const auto is = scopes_of(after);
    std::set<WatchScope> concerned = was;
    concerned.insert(is.begin(), is.end());
    for (const WatchScope& one : concerned) {
      const auto found = parts.find(one);
      if (found == parts.end()) continue;
      const std::shared_ptr<Part> part = found->second;
      if (is.contains(one)) {
        part->selected.insert(after->key());
      } else {
        part->selected.erase(before->key());
      }
      if (!active->Holds(one)) continue;
      part->Tell(was.contains(one) ? before : nullptr, is.contains(one) ? after : nullptr, writer);
    }
  }
  void TellRemoved(const kube::ObjectPtr& removed) const {
    for (const auto& part : Parts()) {
      if (filter != nullptr && !part->selected.contains(removed->key())) continue;
      part->ForEach([&](const Lease& lease) {
        if (lease.listener_.on_removed) lease.listener_.on_removed(removed);
      });
    }
  }
  std::vector<std::shared_ptr<Part>> Parts() const {
    std::vector<std::shared_ptr<Part>> all;
    all.reserve(parts.size());
    for (const auto& [of, part] : parts) all.push_back(part);
    return all;
  }
  std::vector<std::shared_ptr<Running>> Runnings() const {
    std::vector<std::shared_ptr<Running>> all;
    for (const auto& running : {active, next}) {
      if (running != nullptr) all.push_back(running);
    }
    return all;
  }
  // Finds anew which part has which objects.
  void Distribute() {
    for (const auto& [of, part] : parts) part->selected.clear();
    for (const kube::ObjectPtr& object : active->informer.store().List()) {
      for (const WatchScope& one : filter->ScopesOf(object->value())) {
        if (const auto part = parts.find(one); part != parts.end()) {
          part->second->selected.insert(object->key());
        }
      }
    }
  }

  const WatchScope scope;
  const std::shared_ptr<ScopeFilter> filter;  // of a shared one: what is asked for
  std::map<WatchScope, std::shared_ptr<Part>> parts;
  std::vector<std::shared_ptr<Watch>> instead_of;  // until it is filled
  std::shared_ptr<Running> active;                 // filled
  std::shared_ptr<Running> next;                   // being filled
  std::uint64_t events = 0;
  const Lease* writer = nullptr;  // the one that writes just now
  async::Event filled;            // set whenever more can be read; see WaitReady
};

WatchFleet::WatchFleet(kube::Client& client, kube::Random random, Metrics& metrics)
    : client_(client), random_(std::move(random)), metrics_(metrics), scope_(client.executor()) {}

WatchFleet::~WatchFleet() = default;

std::unique_ptr<WatchFleet::Lease> WatchFleet::Acquire(WatchScope scope,
                                                       std::span<const json::FieldPath> reads,
                                                       WatchListener listener) {
  std::unique_ptr<Lease> lease(new Lease(*this, std::move(scope),
                                         std::vector<json::FieldPath>(reads.begin(), reads.end()),
                                         std::move(listener)));
  const auto watch = WatchFor(lease->scope());
  lease->watch_ = watch;
  std::shared_ptr<Part>& part = watch->parts[lease->scope()];
  const bool late = part == nullptr && watch->filter != nullptr;
  if (part == nullptr) part = std::make_shared<Part>(lease->scope());
  part->leases.push_back(lease.get());
  if (late) watch->filter->Add(lease->scope());
  Cover(watch, *lease);
  if (!late) return lease;
  for (const auto& running : watch->Runnings()) {
    if (!running->listing) Spawn(ReadLate(watch, running, part));
  }
  return lease;
}

std::shared_ptr<WatchFleet::Watch> WatchFleet::WatchFor(const WatchScope& scope) {
  if (const auto own = watches_.find(scope); own != watches_.end()) return own->second;
  if (scope.sharing == Sharing::kShared) {
    const auto shared = shared_.find(scope.gvr);
    if (shared != shared_.end()) return shared->second;
    if (auto begun = ShareIfMany(scope.gvr)) return begun;
  }
  return watches_[scope] = std::make_shared<Watch>(scope, nullptr, client_.executor());
}

std::shared_ptr<WatchFleet::Watch> WatchFleet::ShareIfMany(const api::Gvr& gvr) {
  if (unshareable_.contains(gvr)) return nullptr;
  std::vector<std::shared_ptr<Watch>> singles;
  for (auto watch = watches_.lower_bound({.gvr = gvr});
       watch != watches_.end() && watch->first.gvr == gvr; ++watch) {
    if (watch->first.sharing == Sharing::kShared) singles.push_back(watch->second);
  }
  if (singles.size() < kSingleWatches) return nullptr;
  const WatchScope kind{.gvr = gvr, .first_list = kube::FirstList::kNewest};
  auto filter = std::make_shared<ScopeFilter>();
  for (const auto& single : singles) filter->Add(single->scope);
  auto watch = std::make_shared<Watch>(kind, std::move(filter), client_.executor());
  watch->instead_of = std::move(singles);
  return shared_[gvr] = watch;
}

void WatchFleet::Unshare(const std::shared_ptr<Watch>& watch) {
  client_.logger().Warning(
      "the kind may not be watched as a whole, so that what is referenced is watched one by one",
      {{"logger", "dynamic-controller"},
       {"gvr", watch->scope.gvr.ToString()},
       {"watches", watch->parts.size() + watch->instead_of.size()}});
  unshareable_.insert(watch->scope.gvr);
  for (const auto& part : watch->Parts()) {
    auto& single = watches_[part->scope];
    single = std::make_shared<Watch>(part->scope, nullptr, client_.executor());
    Move(part, *watch, single);
    Start(single);
  }
  End(*watch);
}

void WatchFleet::Move(const std::shared_ptr<Part>& part, Watch& from,
                      const std::shared_ptr<Watch>& to) {
  from.parts.erase(part->scope);
  part->selected.clear();
  to->parts.emplace(part->scope, part);
  for (Lease* lease : part->leases) lease->watch_ = to;
}

void WatchFleet::End(Watch& watch) {
  for (const auto& running : watch.Runnings()) running->stop.Cancel();
  watch.active = nullptr;
  watch.next = nullptr;
  watch.filled.Set();
  const api::Gvr& gvr = watch.scope.gvr;
  if (watch.filter != nullptr) {
    shared_.erase(gvr);
  } else if (const auto found = watches_.find(watch.scope);
             found != watches_.end() && found->second.get() == &watch) {
    watches_.erase(found);
  }
  const auto same_kind = watches_.lower_bound({.gvr = gvr});
  if (shared_.contains(gvr) || (same_kind != watches_.end() && same_kind->first.gvr == gvr)) return;
  unshareable_.erase(gvr);
  metrics_.WatchesEnded(gvr);
}

std::vector<WatchFleet::View> WatchFleet::Views() const {
  std::vector<View> views;
  for (const auto& watch : All()) {
    View view{.scope = watch->scope,
              .shared = watch->filter != nullptr,
              .scopes = watch->parts.size(),
              .events = watch->events,
              .store = watch->active == nullptr ? nullptr : &watch->active->informer.store()};
    for (const auto& [scope, part] : watch->parts) {
      view.leases += part->leases.size();
      if (!scope.name.empty()) view.of_names += part->leases.size();
    }
    views.push_back(view);
  }
  return views;
}

std::vector<std::shared_ptr<WatchFleet::Watch>> WatchFleet::All() const {
  std::vector<std::shared_ptr<Watch>> all;
  for (const auto& [scope, watch] : watches_) all.push_back(watch);
  for (const auto& [gvr, watch] : shared_) all.push_back(watch);
  return all;
}

Task<void> WatchFleet::Check(Duration period, CancelToken cancel) {
  if (period <= Duration::zero()) co_return;
  while (co_await async::Sleep(client_.executor(), period, cancel)) {
    for (auto& watch : All()) {
      co_await CheckOne(std::move(watch), cancel);
      if (cancel.cancelled()) co_return;
    }
  }
}

Task<void> WatchFleet::CheckOne(std::shared_ptr<Watch> watch, CancelToken cancel) {
  const std::shared_ptr<Running> running = watch->active;
  if (running == nullptr) co_return;
  const std::set<std::string> first = co_await Differences(watch, running, cancel);
  if (first.empty()) co_return;
  // Most likely their events were on their way.
  if (auto slept = co_await async::Sleep(client_.executor(), kOnTheWay, cancel); !slept) co_return;
  const std::set<std::string> second = co_await Differences(watch, running, cancel);
  for (const std::string& object : second) {
    if (!first.contains(object) || watch->active != running || watch->parts.empty()) continue;
    metrics_.WatchWasBehind(watch->scope.gvr);
    client_.logger().Warning("watch missed something and is filled anew",
                             {{"logger", "dynamic-controller"},
                              {"gvr", watch->scope.gvr.ToString()},
                              {"object", object}});
    Start(watch);
    co_return;
  }
}

Task<std::set<std::string>> WatchFleet::Differences(std::shared_ptr<Watch> watch,
                                                    std::shared_ptr<Running> running,
                                                    CancelToken cancel) {
  std::set<std::string> differ;
  const WatchScope& scope = watch->scope;
  kube::ListOptions options{.label_selector = scope.label_selector,
                            .field_selector = scope.FieldSelector(),
                            .resource_version = "0",  // from the server's memory
                            .content = kube::Content::kMetadata};
  if (watch->filter != nullptr) {
    options.resource_version.clear();
    options.limit = kPageSize;
    options.keep = [running](const json::Value& object) { return running->Selects(object); };
  }
  auto list = co_await client_.List(scope.gvr, scope.ns, std::move(options), std::move(cancel));
  if (!list) co_return differ;
  // What is still to be read is not missing.
  if (!std::ranges::all_of(watch->parts,
                           [&](const auto& part) { return running->Holds(part.first); })) {
    co_return differ;
  }
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
  for (const auto& watch : All()) {
    for (const auto& running : watch->Runnings()) running->stop.Cancel();
  }
  scope_.Cancel();
  co_await scope_.Join();
}

void WatchFleet::Spawn(Task<void> task) {
  if (!scope_.token().cancelled()) scope_.Spawn(std::move(task));
}

void WatchFleet::Cover(const std::shared_ptr<Watch>& watch, const Lease& lease) {
  const kube::Projection wanted = MakeProjection(lease.reads_);
  const bool covered = std::ranges::any_of(
      watch->Runnings(), [&](const auto& running) { return running->projection.Covers(wanted); });
  if (!covered) Start(watch);
}

void WatchFleet::Start(const std::shared_ptr<Watch>& watch) {
  if (scope_.token().cancelled()) return;
  std::vector<json::FieldPath> reads;
  std::vector<std::shared_ptr<Watch>> readers = watch->instead_of;
  readers.push_back(watch);
  for (const auto& reader : readers) {
    for (const auto& [scope, part] : reader->parts) {
      for (const Lease* lease : part->leases) {
        reads.insert(reads.end(), lease->reads_.begin(), lease->reads_.end());
      }
    }
  }
  if (watch->next != nullptr) watch->next->stop.Cancel();
  const auto running = std::make_shared<Running>(client_, watch->scope, watch->filter,
                                                 MakeProjection(reads), random_);
  const auto call = [this, of = std::weak_ptr(watch), self = std::weak_ptr(running)](auto then) {
    const auto there = of.lock();
    const auto still = self.lock();
    if (there == nullptr || still == nullptr) return;
    if (there->active == still || there->next == still) then(*this, there, still);
  };
  running->on_listed = [call](const std::set<WatchScope>& held_before) {
    call([&](WatchFleet& fleet, const auto& there, const auto& still) {
      fleet.OnListed(there, still, held_before);
    });
  };
  running->on_forbidden = [call] {
    call([](WatchFleet& fleet, const auto& there, const auto&) { fleet.Unshare(there); });
  };
  watch->next = running;
  scope_.Spawn(Run(watch, running));
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

void WatchFleet::OnListed(const std::shared_ptr<Watch>& watch,
                          const std::shared_ptr<Running>& running,
                          const std::set<WatchScope>& held_before) {
  const bool active = watch->active == running;
  if (active) watch->Distribute();
  for (const auto& part : watch->Parts()) {
    if (!running->Holds(part->scope)) {
      Spawn(ReadLate(watch, running, part));
    } else if (active && !held_before.contains(part->scope)) {
      watch->filled.Set();
      part->TellReady();
    }
  }
}

Task<void> WatchFleet::ReadLate(std::shared_ptr<Watch> watch, std::shared_ptr<Running> running,
                                std::shared_ptr<Part> part) {
  const WatchScope& scope = part->scope;
  const CancelToken stopped = running->stop.token();
  kube::Backoff backoff({}, random_);
  while (!stopped.cancelled()) {
    const auto mark = running->informer.BeginRead();
    auto list = co_await client_.List(scope.gvr, scope.ns,
                                      {.label_selector = scope.label_selector,
                                       .field_selector = scope.FieldSelector(),
                                       .limit = kPageSize},
                                      stopped);
    const auto found = watch->parts.find(scope);
    const bool given_back = found == watch->parts.end() || found->second != part;
    const bool take = list && !given_back;
    running->informer.EndRead(mark, take ? list->items : std::vector<json::Value>());
    // A list of everything may have come before it.
    if (given_back || running->Holds(scope)) co_return;
    if (list) {
      running->held.insert(scope);
      if (watch->active != running) co_return;
      for (const json::Value& item : list->items) {
        const kube::ObjectPtr object = running->informer.store().Get(kube::KeyOf(item));
        if (object != nullptr && watch->filter->ScopesOf(object->value()).contains(scope)) {
          part->selected.insert(object->key());
        }
      }
      watch->filled.Set();
      part->TellReady();
      co_return;
    }
    const Duration wait = backoff.Next(client_.executor().clock().Monotonic());
    if (auto slept = co_await async::Sleep(client_.executor(), wait, stopped); !slept) co_return;
  }
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
  TakeOver(watch);
  watch->filled.Set();
  for (const auto& part : watch->Parts()) part->TellReady();
}

void WatchFleet::TakeOver(const std::shared_ptr<Watch>& watch) {
  if (watch->filter == nullptr) return;
  std::vector<std::shared_ptr<Part>> parts;
  for (const auto& single : std::exchange(watch->instead_of, {})) {
    for (const auto& part : single->Parts()) {
      Move(part, *single, watch);
      parts.push_back(part);
    }
    End(*single);
  }
  watch->Distribute();
  // They may have come to read more meanwhile.
  for (const auto& part : parts) {
    for (const Lease* lease : part->leases) Cover(watch, *lease);
  }
}

void WatchFleet::Release(Lease& lease) {
  const std::shared_ptr<Watch> watch = lease.watch_;
  const std::shared_ptr<Part> part = watch->parts.at(lease.scope());
  std::erase(part->leases, &lease);
  if (!part->leases.empty()) return;
  watch->parts.erase(part->scope);
  const auto shared = shared_.find(part->scope.gvr);
  if (watch->filter != nullptr) {
    Narrow(*watch, *part);
  } else if (shared != shared_.end() && std::erase(shared->second->instead_of, watch) > 0) {
    Narrow(*shared->second, *part);
  }
  if (watch->parts.empty()) End(*watch);
}

void WatchFleet::Narrow(Watch& shared, const Part& part) {
  shared.filter->Remove(part.scope);
  std::set<kube::ObjectKey> keys = part.selected;
  if (!part.scope.name.empty()) keys.insert({part.scope.ns, part.scope.name});
  for (const auto& running : shared.Runnings()) {
    running->Forget(part.scope);
    Spawn(ForgetLater(running, keys));
  }
}

// A lease may be given back in the midst of a call by the informer.
Task<void> WatchFleet::ForgetLater(std::shared_ptr<Running> running,
                                   std::set<kube::ObjectKey> keys) {
  co_await async::Yield(client_.executor());
  running->informer.Forget(keys);
}

WatchFleet::Lease::Lease(WatchFleet& fleet, WatchScope scope, std::vector<json::FieldPath> reads,
                         WatchListener listener)
    : fleet_(fleet),
      scope_(std::move(scope)),
      reads_(std::move(reads)),
      listener_(std::move(listener)),
      since_(fleet.client_.executor().clock().Monotonic()) {}

WatchFleet::Lease::~Lease() { fleet_.Release(*this); }

const kube::Store* WatchFleet::Lease::store() const {
  Running* const active = watch_->active.get();
  if (active == nullptr || !active->Holds(scope_)) return nullptr;
  if (asked_ != active) {
    asked_ = active;
    covered_ = active->projection.Covers(MakeProjection(reads_));
  }
  return covered_ ? &active->informer.store() : nullptr;
}

std::vector<kube::ObjectPtr> WatchFleet::Lease::Objects() const {
  const kube::Store* all = store();
  if (all == nullptr) return {};
  if (watch_->filter == nullptr) return all->List();
  std::vector<kube::ObjectPtr> objects;
  for (const kube::ObjectKey& key : watch_->parts.at(scope_)->selected) {
    if (kube::ObjectPtr object = all->Get(key)) objects.push_back(std::move(object));
  }
  return objects;
}

void WatchFleet::Lease::ObserveWrite(const json::Value& object) {
  const auto watch = watch_;
  const Lease* const before = std::exchange(watch->writer, this);
  Observe(*watch, object);
  watch->writer = before;
}

void WatchFleet::Lease::ObserveRead(const json::Value& object) {
  const auto watch = watch_;
  const Lease* const before = std::exchange(watch->writer, nullptr);
  Observe(*watch, object);
  watch->writer = before;
}

void WatchFleet::Lease::Refresh() {
  // A first fill that is under way reads what is there now.
  if (watch_->active != nullptr) fleet_.Start(watch_);
}

Task<Result<void>> WatchFleet::Lease::WaitReady(Duration timeout, CancelToken cancel) {
  const MonotonicTime end = fleet_.client_.executor().clock().Monotonic() + timeout;
  while (store() == nullptr) {
    const auto watch = watch_;  // it may get another
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
