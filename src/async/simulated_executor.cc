#include "async/simulated_executor.h"

namespace kro::async {

struct SimulatedExecutor::Timers {
  using Key = std::pair<MonotonicTime, std::uint64_t>;
  std::uint64_t next_id = 0;
  std::map<Key, std::function<void()>> waiting;
};

SimulatedExecutor::SimulatedExecutor(std::uint64_t seed, WallTime start)
    : clock_(start), seed_(seed), draws_(seed), timers_(std::make_shared<Timers>()) {}

SimulatedExecutor::~SimulatedExecutor() = default;

void SimulatedExecutor::Post(std::function<void()> work) { ready_.push_back(std::move(work)); }

void SimulatedExecutor::PostBlocking(std::function<void()> work) {
  ready_.push_back(std::move(work));
}

std::function<void()> SimulatedExecutor::PostAt(MonotonicTime when, std::function<void()> work) {
  const Timers::Key key{when, timers_->next_id++};
  timers_->waiting.emplace(key, std::move(work));
  return [timers = std::weak_ptr<Timers>(timers_), key] {
    auto alive = timers.lock();
    if (!alive) return;
    // Taken out first: destroying it may cancel another.
    auto doomed = alive->waiting.extract(key);
  };
}

bool SimulatedExecutor::RunUntilIdle(std::size_t limit) {
  ReleaseTimers(clock_.Monotonic());
  while (!ready_.empty()) {
    if (limit-- == 0) return false;
    TakeReady()();
    ReleaseTimers(clock_.Monotonic());
  }
  return true;
}

bool SimulatedExecutor::Advance(Duration duration) {
  const MonotonicTime end = clock_.Monotonic() + duration;
  if (!RunUntilIdle()) return false;
  while (auto next = NextTimer()) {
    if (*next > end) break;
    clock_.SetMonotonic(*next);
    if (!RunUntilIdle()) return false;
  }
  clock_.SetMonotonic(end);
  return true;
}

std::optional<MonotonicTime> SimulatedExecutor::NextTimer() const {
  if (timers_->waiting.empty()) return std::nullopt;
  return timers_->waiting.begin()->first.first;
}

void SimulatedExecutor::RunRoot(Task<void> task, std::shared_ptr<void> keep, Duration limit) {
  struct Root {
    static Task<void> Run(Task<void> inner, std::shared_ptr<bool> done, std::shared_ptr<void>) {
      co_await std::move(inner);
      *done = true;
    }
  };
  const MonotonicTime end = clock_.Monotonic() + limit;
  auto done = std::make_shared<bool>(false);
  auto scope = std::make_unique<Scope>(*this);
  scope->Spawn(Root::Run(std::move(task), done, std::move(keep)));
  std::size_t steps_at_this_time = 0;
  while (!*done) {
    ReleaseTimers(clock_.Monotonic());
    if (ready_.empty()) {
      const auto next = NextTimer();
      if (!next || *next > end) break;
      clock_.SetMonotonic(*next);
      steps_at_this_time = 0;
    } else if (++steps_at_this_time > 10'000'000) {
      break;
    } else {
      TakeReady()();
    }
  }
  // A scope with a task that is stuck cannot be destroyed.
  if (!*done) static_cast<void>(scope.release());
}

std::function<void()> SimulatedExecutor::TakeReady() {
  if (seed_ != 0) std::swap(ready_.front(), ready_[Draw() % ready_.size()]);
  std::function<void()> work = std::move(ready_.front());
  ready_.pop_front();
  return work;
}

void SimulatedExecutor::ReleaseTimers(MonotonicTime when) {
  auto& waiting = timers_->waiting;
  while (!waiting.empty() && waiting.begin()->first.first <= when) {
    ready_.push_back(std::move(waiting.begin()->second));
    waiting.erase(waiting.begin());
  }
}

// SplitMix64: the same on every platform.
std::uint64_t SimulatedExecutor::Draw() {
  std::uint64_t z = (draws_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace kro::async
