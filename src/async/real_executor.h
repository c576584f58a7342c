// RealExecutor: one event loop thread, a pool, and the machine's clock.
#pragma once

#include <cstddef>
#include <memory>

#include "async/executor.h"

namespace kro::async {

class RealExecutor final : public Executor {
 public:
  // `pool_threads` 0: one per core.
  explicit RealExecutor(std::size_t pool_threads = 0);
  // Ends the threads after the work they are at; work still queued is dropped. Scopes on this
  // executor must have been joined.
  ~RealExecutor() override;
  RealExecutor(const RealExecutor&) = delete;
  RealExecutor& operator=(const RealExecutor&) = delete;

  void Post(std::function<void()> work) override;
  std::function<void()> PostAt(MonotonicTime when, std::function<void()> work) override;
  void PostBlocking(std::function<void()> work) override;
  const Clock& clock() const override;

  // Spawns `task`, which lets no exception out, and blocks until it has finished; see RunBlocking.
  void RunToEnd(Task<void> task);

  struct Impl;  // real_executor.cc, internal/io_context.h
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::async
