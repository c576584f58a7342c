#include "async/real_executor.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "async/internal/io_context.h"
#include "async/scope.h"

namespace kro::async {
namespace {

namespace asio = boost::asio;

std::size_t PoolSize(std::size_t asked);

// Everything that waits for its time, behind one timer of the loop. Outlived by the functions that
// cancel its entries, so they hold it weakly.
class Timers : public std::enable_shared_from_this<Timers> {
 public:
  explicit Timers(asio::io_context& loop) : loop_(loop), timer_(loop) {}

  std::function<void()> Add(MonotonicTime when, std::function<void()> work);
  // On the loop: forgets everything; nothing can be added any more.
  void Close();

 private:
  using Key = std::pair<MonotonicTime, std::uint64_t>;

  void Remove(const Key& key);
  void Arm();     // on the loop
  void RunDue();  // on the loop

  asio::io_context& loop_;
  asio::steady_timer timer_;  // only touched on the loop
  std::mutex mutex_;
  bool closed_ = false;                           // guarded by mutex_
  std::uint64_t next_id_ = 0;                     // guarded by mutex_
  std::map<Key, std::function<void()>> waiting_;  // guarded by mutex_
};

}  // namespace

struct RealExecutor::Impl {
  explicit Impl(std::size_t pool_threads)
      : keep_running(loop.get_executor()),
        timers(std::make_shared<Timers>(loop)),
        pool(PoolSize(pool_threads)),
        thread([this] { loop.run(); }) {}

  SystemClock clock;
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running;
  std::shared_ptr<Timers> timers;
  asio::thread_pool pool;
  std::thread thread;
};

RealExecutor::RealExecutor(std::size_t pool_threads)
    : impl_(std::make_unique<Impl>(pool_threads)) {}

RealExecutor::~RealExecutor() {
  impl_->pool.stop();
  impl_->pool.join();
  impl_->loop.stop();
  impl_->thread.join();
  impl_->timers->Close();
}

void RealExecutor::Post(std::function<void()> work) { asio::post(impl_->loop, std::move(work)); }

std::function<void()> RealExecutor::PostAt(MonotonicTime when, std::function<void()> work) {
  return impl_->timers->Add(when, std::move(work));
}

void RealExecutor::PostBlocking(std::function<void()> work) {
  asio::post(impl_->pool, std::move(work));
}

const Clock& RealExecutor::clock() const { return impl_->clock; }

void RealExecutor::RunToEnd(Task<void> task) {
  // The promise is set by work behind the joiner's resumption, so the frames are gone by then.
  struct Joiner {
    static Task<void> Run(Task<void> inner, RealExecutor& executor,
                          std::shared_ptr<std::promise<void>> done) {
      co_await std::move(inner);
      executor.Post([done] { done->set_value(); });
    }
  };
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> finished = done->get_future();
  Scope scope(*this);
  scope.Spawn(Joiner::Run(std::move(task), *this, done));
  finished.wait();
}

boost::asio::io_context& internal::IoContext(RealExecutor& executor) {
  return executor.impl().loop;
}

namespace {

std::size_t PoolSize(std::size_t asked) {
  if (asked > 0) return asked;
  return std::max(1u, std::thread::hardware_concurrency());
}

std::function<void()> Timers::Add(MonotonicTime when, std::function<void()> work) {
  Key key;
  bool earliest = false;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return [] {};
    key = {when, next_id_++};
    waiting_.emplace(key, std::move(work));
    earliest = waiting_.begin()->first == key;
  }
  if (earliest) {
    asio::post(loop_, [self = weak_from_this()] {
      if (auto alive = self.lock()) alive->Arm();
    });
  }
  return [self = weak_from_this(), key] {
    if (auto alive = self.lock()) alive->Remove(key);
  };
}

void Timers::Remove(const Key& key) {
  std::function<void()> doomed;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  if (auto found = waiting_.find(key); found != waiting_.end()) {
    doomed = std::move(found->second);
    waiting_.erase(found);
  }
}

void Timers::Arm() {
  MonotonicTime first;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) return;
    first = waiting_.begin()->first.first;
  }
  timer_.expires_at(first);
  timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;  // armed anew
    if (auto alive = self.lock()) alive->RunDue();
  });
}

void Timers::RunDue() {
  const MonotonicTime now = std::chrono::steady_clock::now();
  while (true) {
    std::function<void()> work;
    {
      std::lock_guard lock(mutex_);
      if (waiting_.empty() || waiting_.begin()->first.first > now) break;
      work = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
    }
    work();
  }
  Arm();
}

void Timers::Close() {
  std::map<Key, std::function<void()>> doomed;
  std::lock_guard lock(mutex_);
  closed_ = true;
  doomed.swap(waiting_);
}

}  // namespace
}  // namespace kro::async
