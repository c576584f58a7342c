#include "kube/workqueue.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "async/event.h"
#include "kube/token_bucket.h"

namespace kro::kube {
namespace {

constexpr int kInitialListTurn = 8;

struct Lane {
  std::deque<WorkKey> normal;
  std::deque<WorkKey> initial;
  int in_work = 0;
  std::uint64_t last_turn = 0;

  bool empty() const { return normal.empty() && initial.empty(); }
};

// In floating point and capped before the conversion, so that no count overflows.
Duration DelayAfter(int failures, const WorkqueueOptions& options) {
  const double grown = static_cast<double>(options.retry_base.count()) * std::pow(2.0, failures);
  return grown >= static_cast<double>(options.retry_cap.count())
             ? options.retry_cap
             : Duration(static_cast<Duration::rep>(grown));
}

}  // namespace

struct Workqueue::State : std::enable_shared_from_this<State> {
  State(async::Executor& e, WorkqueueOptions o)
      : executor(e),
        options(o),
        ready(e, async::EventReset::kAuto),
        idle(e, async::EventReset::kAuto) {}

  // These expect `mutex` to be held.
  void AddLocked(const WorkKey& key, Priority priority);
  void EnqueueLocked(const WorkKey& key, Priority priority);
  std::optional<WorkKey> TakeLocked();
  bool MayTakeLocked(const Gvr& gvr, const Lane& lane) const;
  bool HasWorkLocked() const;
  void ForgetDelayLocked(const WorkKey& key);
  void ArmLocked();

  void OnTimer();

  async::Executor& executor;
  const WorkqueueOptions options;
  async::Event ready;
  async::Event idle;

  mutable std::mutex mutex;
  // All guarded by mutex.
  std::map<Gvr, Lane> lanes;
  std::map<Gvr, std::size_t> capacities;  // where they are not options.lane_capacity
  struct Dirty {
    Priority priority;
    MonotonicTime since;
  };
  std::unordered_map<WorkKey, Dirty> dirty;            // needs work: waits in a lane, or is in work
  std::unordered_map<WorkKey, MonotonicTime> in_work;  // since when
  std::unordered_map<WorkKey, MonotonicTime> delays;
  std::set<std::pair<MonotonicTime, WorkKey>> delayed;
  std::unordered_map<WorkKey, int> failures;
  std::size_t waiting = 0;
  std::uint64_t turn = 0;
  std::map<Gvr, TokenBucket> buckets;  // of retries; outlive their lanes until DropLane
  bool shutting_down = false;
  std::optional<MonotonicTime> timer_at;
  std::function<void()> cancel_timer;
};

Workqueue::Workqueue(async::Executor& executor, WorkqueueOptions options)
    : state_(std::make_shared<State>(executor, options)) {}

Workqueue::~Workqueue() {
  std::lock_guard lock(state_->mutex);
  state_->shutting_down = true;
  if (state_->cancel_timer) state_->cancel_timer();
}

void Workqueue::Add(const WorkKey& key, Priority priority) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->shutting_down) return;
    state_->ForgetDelayLocked(key);
    state_->AddLocked(key, priority);
  }
  state_->ready.Set();
}

void Workqueue::AddAfter(const WorkKey& key, Duration delay) {
  if (delay <= Duration::zero()) return Add(key);
  MonotonicTime when = state_->executor.clock().Monotonic() + delay;
  std::lock_guard lock(state_->mutex);
  if (state_->shutting_down) return;
  // It runs sooner anyway.
  if (state_->dirty.contains(key) && !state_->in_work.contains(key)) return;
  auto [entry, added] = state_->delays.try_emplace(key, when);
  if (!added) {
    if (entry->second <= when) return;
    state_->delayed.erase({entry->second, key});
    entry->second = when;
  }
  state_->delayed.insert({when, key});
  state_->ArmLocked();
}

Duration Workqueue::AddRateLimited(const WorkKey& key) {
  Duration delay;
  {
    std::lock_guard lock(state_->mutex);
    delay = DelayAfter(state_->failures[key]++, state_->options);
    if (state_->options.observer != nullptr) state_->options.observer->Retried();
    const MonotonicTime now = state_->executor.clock().Monotonic();
    TokenBucket& bucket = state_->buckets
                              .try_emplace(key.gvr, state_->options.retries_per_second,
                                           state_->options.retry_burst, now)
                              .first->second;
    delay = std::max(delay, bucket.Take(now));
  }
  AddAfter(key, delay);
  return delay;
}

Duration Workqueue::BackOff(const WorkKey& key) const {
  std::lock_guard lock(state_->mutex);
  const auto failures = state_->failures.find(key);
  const Duration delay =
      DelayAfter(failures == state_->failures.end() ? 0 : failures->second, state_->options);
  const auto bucket = state_->buckets.find(key.gvr);
  if (bucket == state_->buckets.end()) return delay;
  return std::max(delay, bucket->second.Wait(state_->executor.clock().Monotonic()));
}

void Workqueue::Forget(const WorkKey& key) {
  std::lock_guard lock(state_->mutex);
  state_->failures.erase(key);
}

int Workqueue::Failures(const WorkKey& key) const {
  std::lock_guard lock(state_->mutex);
  auto found = state_->failures.find(key);
  return found == state_->failures.end() ? 0 : found->second;
}

async::Task<Result<std::optional<WorkKey>>> Workqueue::Get(async::CancelToken cancel) {
  std::shared_ptr<State> state = state_;
  while (true) {
    std::optional<WorkKey> key;
    bool more = false;
    bool over = false;
    {
      std::lock_guard lock(state->mutex);
      key = state->TakeLocked();
      over = state->shutting_down && state->waiting == 0;
      more = state->HasWorkLocked() || over;
    }
    // One flag wakes one worker, who wakes the next while there is something to do.
    if (more) state->ready.Set();
    if (key || over) co_return key;
    if (auto woken = co_await state->ready.Wait(cancel); !woken) {
      co_return std::unexpected(woken.error());
    }
  }
}

void Workqueue::Done(const WorkKey& key) {
  bool wake = false;
  {
    std::lock_guard lock(state_->mutex);
    const auto worked = state_->in_work.find(key);
    if (worked == state_->in_work.end()) return;
    if (state_->options.observer != nullptr) {
      state_->options.observer->Finished(state_->executor.clock().Monotonic() - worked->second);
    }
    state_->in_work.erase(worked);
    if (auto lane = state_->lanes.find(key.gvr); lane != state_->lanes.end()) {
      --lane->second.in_work;
      wake = !lane->second.empty();
    }
    if (auto again = state_->dirty.find(key); again != state_->dirty.end()) {
      state_->EnqueueLocked(key, again->second.priority);
      wake = true;
    } else if (auto lane = state_->lanes.find(key.gvr);
               lane != state_->lanes.end() && lane->second.empty() && lane->second.in_work == 0) {
      state_->lanes.erase(lane);
    }
  }
  if (wake) state_->ready.Set();
  state_->idle.Set();
}

void Workqueue::SetLaneCapacity(const Gvr& gvr, std::size_t capacity) {
  {
    std::lock_guard lock(state_->mutex);
    if (capacity == 0) {
      state_->capacities.erase(gvr);
    } else {
      state_->capacities[gvr] = capacity;
    }
  }
  state_->ready.Set();
}

void Workqueue::DropLane(const Gvr& gvr) {
  std::lock_guard lock(state_->mutex);
  state_->capacities.erase(gvr);
  if (auto lane = state_->lanes.find(gvr); lane != state_->lanes.end()) {
    state_->waiting -= lane->second.normal.size() + lane->second.initial.size();
    lane->second.normal.clear();
    lane->second.initial.clear();
    if (lane->second.in_work == 0) state_->lanes.erase(lane);
  }
  auto of_lane = [&](const auto& entry) { return entry.first.gvr == gvr; };
  std::erase_if(state_->dirty, of_lane);
  std::erase_if(state_->delays, of_lane);
  std::erase_if(state_->failures, of_lane);
  state_->buckets.erase(gvr);
  std::erase_if(state_->delayed, [&](const auto& entry) { return entry.second.gvr == gvr; });
}

void Workqueue::ShutDown() {
  {
    std::lock_guard lock(state_->mutex);
    state_->shutting_down = true;
    state_->delays.clear();
    state_->delayed.clear();
    if (state_->cancel_timer) state_->cancel_timer();
  }
  state_->ready.Set();
}

async::Task<Result<void>> Workqueue::Drain(async::CancelToken cancel) {
  std::shared_ptr<State> state = state_;
  ShutDown();
  while (true) {
    {
      std::lock_guard lock(state->mutex);
      if (state->waiting == 0 && state->in_work.empty()) co_return Result<void>{};
    }
    if (auto woken = co_await state->idle.Wait(cancel); !woken) co_return woken;
  }
}

std::size_t Workqueue::Waiting() const {
  std::lock_guard lock(state_->mutex);
  return state_->waiting;
}

std::size_t Workqueue::Waiting(const Gvr& gvr) const {
  std::lock_guard lock(state_->mutex);
  auto lane = state_->lanes.find(gvr);
  if (lane == state_->lanes.end()) return 0;
  return lane->second.normal.size() + lane->second.initial.size();
}

std::size_t Workqueue::Delayed() const {
  std::lock_guard lock(state_->mutex);
  return state_->delayed.size();
}

std::size_t Workqueue::InWork() const {
  std::lock_guard lock(state_->mutex);
  return state_->in_work.size();
}

Workqueue::Working Workqueue::WorkingTimes() const {
  std::lock_guard lock(state_->mutex);
  const MonotonicTime now = state_->executor.clock().Monotonic();
  Working times;
  for (const auto& [key, since] : state_->in_work) {
    times.longest = std::max<Duration>(times.longest, now - since);
    times.all += now - since;
  }
  return times;
}

std::vector<Workqueue::LaneSize> Workqueue::Lanes() const {
  std::lock_guard lock(state_->mutex);
  std::vector<LaneSize> sizes;
  for (const auto& [gvr, lane] : state_->lanes) {
    sizes.push_back(
        {gvr, lane.normal.size() + lane.initial.size(), static_cast<std::size_t>(lane.in_work)});
  }
  return sizes;
}

void Workqueue::State::AddLocked(const WorkKey& key, Priority priority) {
  auto [entry, added] = dirty.try_emplace(key, Dirty{priority, executor.clock().Monotonic()});
  if (added) {
    if (options.observer != nullptr) options.observer->Added();
    if (!in_work.contains(key)) EnqueueLocked(key, priority);
    return;
  }
  if (priority != Priority::kNormal || entry->second.priority == Priority::kNormal) return;
  entry->second.priority = Priority::kNormal;
  if (in_work.contains(key)) return;
  Lane& lane = lanes[key.gvr];
  std::erase(lane.initial, key);
  lane.normal.push_back(key);
}

void Workqueue::State::EnqueueLocked(const WorkKey& key, Priority priority) {
  Lane& lane = lanes[key.gvr];
  (priority == Priority::kNormal ? lane.normal : lane.initial).push_back(key);
  ++waiting;
}

std::optional<WorkKey> Workqueue::State::TakeLocked() {
  if (waiting == 0) return std::nullopt;
  ++turn;
  bool initial_first = turn % kInitialListTurn == 0;
  // The number of lanes is that of RGDs with work, so a scan is cheap.
  Lane* best = nullptr;
  auto rank = [&](const Lane& lane) {
    bool preferred = initial_first ? !lane.initial.empty() : !lane.normal.empty();
    return std::tuple(!preferred, lane.in_work, lane.last_turn);
  };
  for (auto& [gvr, lane] : lanes) {
    if (MayTakeLocked(gvr, lane) && (best == nullptr || rank(lane) < rank(*best))) best = &lane;
  }
  if (best == nullptr) return std::nullopt;
  bool from_initial = best->normal.empty() || (initial_first && !best->initial.empty());
  std::deque<WorkKey>& queue = from_initial ? best->initial : best->normal;
  WorkKey key = std::move(queue.front());
  queue.pop_front();
  --waiting;
  best->last_turn = turn;
  ++best->in_work;
  const MonotonicTime now = executor.clock().Monotonic();
  if (const auto entry = dirty.find(key); entry != dirty.end()) {
    if (options.observer != nullptr) options.observer->Taken(now - entry->second.since);
    dirty.erase(entry);
  }
  in_work.emplace(key, now);
  return key;
}

bool Workqueue::State::MayTakeLocked(const Gvr& gvr, const Lane& lane) const {
  if (lane.empty()) return false;
  const auto own = capacities.find(gvr);
  const std::size_t capacity = own == capacities.end() ? options.lane_capacity : own->second;
  return capacity == 0 || lane.in_work < static_cast<int>(capacity);
}

bool Workqueue::State::HasWorkLocked() const {
  return waiting > 0 && std::ranges::any_of(lanes, [this](const auto& entry) {
           return MayTakeLocked(entry.first, entry.second);
         });
}

void Workqueue::State::ForgetDelayLocked(const WorkKey& key) {
  auto found = delays.find(key);
  if (found == delays.end()) return;
  delayed.erase({found->second, key});
  delays.erase(found);
}

void Workqueue::State::ArmLocked() {
  if (delayed.empty()) return;
  MonotonicTime when = delayed.begin()->first;
  if (timer_at && *timer_at <= when) return;
  if (cancel_timer) cancel_timer();
  timer_at = when;
  cancel_timer = executor.PostAt(when, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnTimer();
  });
}

void Workqueue::State::OnTimer() {
  {
    std::lock_guard lock(mutex);
    timer_at.reset();
    MonotonicTime now = executor.clock().Monotonic();
    while (!shutting_down && !delayed.empty() && delayed.begin()->first <= now) {
      WorkKey key = delayed.begin()->second;
      ForgetDelayLocked(key);
      AddLocked(key, Priority::kNormal);
    }
    if (!shutting_down) ArmLocked();
  }
  ready.Set();
}

}  // namespace kro::kube
