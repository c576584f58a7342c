#include "async/scope.h"

#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "async/one_shot.h"

namespace kro::async {

struct CancelToken::State {
  std::uint64_t Add(std::function<void()> stop);
  void Remove(std::uint64_t id);
  void Fire();

  std::mutex mutex;
  std::condition_variable stopped;
  bool fired = false;                                    // guarded by mutex
  std::uint64_t next_id = 1;                             // guarded by mutex
  std::map<std::uint64_t, std::function<void()>> stops;  // guarded by mutex
  std::uint64_t running = 0;  // id of the stop being called; guarded by mutex
  std::thread::id runner;     // guarded by mutex
};

// 0 if it was called at once.
std::uint64_t CancelToken::State::Add(std::function<void()> stop) {
  {
    std::lock_guard lock(mutex);
    if (!fired) {
      stops.emplace(next_id, std::move(stop));
      return next_id++;
    }
  }
  stop();
  return 0;
}

void CancelToken::State::Remove(std::uint64_t id) {
  std::function<void()> doomed;  // destroyed outside the lock
  std::unique_lock lock(mutex);
  if (auto found = stops.find(id); found != stops.end()) {
    doomed = std::move(found->second);
    stops.erase(found);
    lock.unlock();
    return;
  }
  if (runner == std::this_thread::get_id()) return;
  stopped.wait(lock, [&] { return running != id; });
}

void CancelToken::State::Fire() {
  std::unique_lock lock(mutex);
  if (fired) return;
  fired = true;
  runner = std::this_thread::get_id();
  while (!stops.empty()) {
    auto first = stops.begin();
    running = first->first;
    std::function<void()> stop = std::move(first->second);
    stops.erase(first);
    lock.unlock();
    stop();
    stop = nullptr;
    lock.lock();
    running = 0;
    stopped.notify_all();
  }
  runner = {};
}

CancelToken::CancelToken() = default;

bool CancelToken::cancelled() const {
  if (!state_) return false;
  std::lock_guard lock(state_->mutex);
  return state_->fired;
}

std::function<void()> CancelToken::OnCancel(std::function<void()> stop) const {
  if (!state_) return [] {};
  const std::uint64_t id = state_->Add(std::move(stop));
  if (id == 0) return [] {};
  return [state = std::weak_ptr<State>(state_), id] {
    if (auto alive = state.lock()) alive->Remove(id);
  };
}

CancelSource::CancelSource() : state_(std::make_shared<CancelToken::State>()) {}

CancelSource::CancelSource(const CancelToken& parent) : CancelSource() {
  unlink_ = parent.OnCancel([state = state_] { state->Fire(); });
}

CancelSource::CancelSource(CancelSource&& other) noexcept
    : state_(std::move(other.state_)), unlink_(std::exchange(other.unlink_, nullptr)) {}

CancelSource::~CancelSource() {
  if (unlink_) unlink_();
}

CancelToken CancelSource::token() const {
  CancelToken token;
  token.state_ = state_;
  return token;
}

void CancelSource::Cancel() {
  // The source may be destroyed by what the stops wake.
  const std::shared_ptr<CancelToken::State> state = state_;
  state->Fire();
}

struct Scope::State {
  State(Executor& e, const CancelToken& parent) : executor(e), cancel(parent) {}

  void Finish(std::exception_ptr escaped);

  Executor& executor;
  CancelSource cancel;
  std::mutex mutex;
  std::size_t running = 0;                              // guarded by mutex
  std::exception_ptr failure;                           // guarded by mutex
  std::vector<std::shared_ptr<OneShot<bool>>> joiners;  // guarded by mutex
};

namespace {

// A coroutine nobody awaits; its frame frees itself at the end.
struct Root {
  struct promise_type {
    Root get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

template <typename State>
Root RunInScope(Task<void> task, std::shared_ptr<State> state) {
  std::exception_ptr escaped;
  {
    // Destroyed before the scope hears of the end: what the task refers to may go then.
    Task<void> owned = std::move(task);
    try {
      co_await std::move(owned);
    } catch (...) {
      escaped = std::current_exception();
    }
  }
  state->Finish(escaped);
}

template <typename State>
Task<void> JoinAll(std::shared_ptr<State> state) {
  while (true) {
    auto all_done = std::make_shared<OneShot<bool>>(state->executor);
    {
      std::lock_guard lock(state->mutex);
      if (state->running == 0) break;
      state->joiners.push_back(all_done);
    }
    co_await all_done->Wait();
  }
  std::exception_ptr failure;
  {
    std::lock_guard lock(state->mutex);
    failure = std::exchange(state->failure, nullptr);
  }
  if (failure) std::rethrow_exception(failure);
}

Error Cancelled() { return Error(ErrorCode::kCancelled, "cancelled"); }

}  // namespace

void Scope::State::Finish(std::exception_ptr escaped) {
  if (escaped) cancel.Cancel();
  std::vector<std::shared_ptr<OneShot<bool>>> woken;
  {
    std::lock_guard lock(mutex);
    if (escaped && !failure) failure = escaped;
    if (--running == 0) woken.swap(joiners);
  }
  for (auto& joiner : woken) joiner->Set(true);
}

Scope::Scope(Executor& executor) : Scope(executor, CancelToken()) {}
Scope::Scope(Executor& executor, const CancelToken& parent)
    : state_(std::make_shared<State>(executor, parent)) {}

Scope::~Scope() {
#ifndef NDEBUG
  std::lock_guard lock(state_->mutex);
  assert(state_->running == 0 && "scope destroyed before Join returned");
#endif
}

void Scope::Spawn(Task<void> task) {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->running;
  }
  auto handle = RunInScope(std::move(task), state_).handle;
  state_->executor.Post([handle] { handle.resume(); });
}

CancelToken Scope::token() const { return state_->cancel.token(); }
void Scope::Cancel() { state_->cancel.Cancel(); }
Task<void> Scope::Join() { return JoinAll(state_); }
Executor& Scope::executor() const { return state_->executor; }

Task<Result<void>> SleepUntil(Executor& executor, MonotonicTime when, CancelToken cancel) {
  if (cancel.cancelled()) co_return std::unexpected(Cancelled());
  auto over = std::make_shared<OneShot<Result<void>>>(executor);
  auto unlink = cancel.OnCancel([over] { over->Set(std::unexpected(Cancelled())); });
  auto stop_timer = executor.PostAt(when, [over] { over->Set({}); });
  Result<void> result = co_await over->Wait();
  stop_timer();
  unlink();
  co_return result;
}

Task<Result<void>> Sleep(Executor& executor, Duration duration, CancelToken cancel) {
  return SleepUntil(executor, executor.clock().Monotonic() + duration, std::move(cancel));
}

Task<void> Yield(Executor& executor) {
  struct Awaiter {
    Executor& executor;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) {
      executor.Post([self] { self.resume(); });
    }
    void await_resume() const noexcept {}
  };
  co_await Awaiter{executor};
}

}  // namespace kro::async
