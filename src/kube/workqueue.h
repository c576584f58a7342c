// Workqueue: which objects need work, each once, fairly among their types.
//
// A key waits at most once however often it is added, is never handed to two workers at the same time,
// and runs exactly once more if it was added while in work. Keys of one GVR form a lane: the lane with
// the fewest keys in work goes first, so a type with ten thousand instances waiting delays another's
// single instance by no more than one piece of work, and by none as long as no lane may take all workers
// (`lane_capacity`). Since an RGD serves one GVR, this is fairness among RGDs.
//
// Retries have a rate, each lane its own: who has ten thousand keys that fail waits long for the last of
// them, and nobody else does.
//
// Within a lane order is arrival; what came from an initial list waits behind what changed, but gets
// every eighth turn. A plain Add takes the place of a pending delayed one.
//
// Times are monotonic. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "async/scope.h"
#include "base/clock.h"
#include "kube/object_key.h"

namespace kro::kube {

struct WorkKey {
  Gvr gvr;
  ObjectKey object;

  friend bool operator==(const WorkKey&, const WorkKey&) = default;
  friend auto operator<=>(const WorkKey&, const WorkKey&) = default;
};

enum class Priority { kNormal, kInitialList };

// Hears of what a queue does, for metrics. Called under the queue's lock: quick, and never calls back.
class WorkqueueObserver {
 public:
  virtual ~WorkqueueObserver() = default;
  virtual void Added() = 0;                 // a key began to wait
  virtual void Taken(Duration waited) = 0;  // it went into work
  virtual void Finished(Duration worked) = 0;
  virtual void Retried() = 0;  // a failure's key will come back
};

struct WorkqueueOptions {
  Duration retry_base = std::chrono::milliseconds(200);
  Duration retry_cap = std::chrono::seconds(1000);
  // A token bucket over the keys of one lane, for retries only; zero rate: none.
  double retries_per_second = 10;
  double retry_burst = 100;
  // How many keys of one lane may be in work at once; zero: as many as there are workers.
  std::size_t lane_capacity = 0;
  WorkqueueObserver* observer = nullptr;  // may be null; outlives the queue
};

class Workqueue {
 public:
  // `executor` outlives the queue. No worker may wait when it is destroyed.
  Workqueue(async::Executor& executor, WorkqueueOptions options);
  ~Workqueue();

  void Add(const WorkKey& key, Priority priority = Priority::kNormal);
  // Adds after `delay`; of several delays the earliest counts.
  void AddAfter(const WorkKey& key, Duration delay);
  // Adds after the back-off of this key, which grows with every call until Forget. Gives the delay.
  Duration AddRateLimited(const WorkKey& key);
  // The delay that AddRateLimited would give now.
  Duration BackOff(const WorkKey& key) const;
  void Forget(const WorkKey& key);
  int Failures(const WorkKey& key) const;

  // The next key to work on; nullopt once shut down and empty. Every key is paired with one Done.
  async::Task<Result<std::optional<WorkKey>>> Get(async::CancelToken cancel);
  void Done(const WorkKey& key);

  // How many keys of `gvr` may be in work at once from now on; zero: as many as of other lanes.
  void SetLaneCapacity(const Gvr& gvr, std::size_t capacity);

  // Drops every key of `gvr` that waits, at once or delayed, and what is known of its failures and its capacity.
  void DropLane(const Gvr& gvr);

  // Refuses keys from now on; what is queued is still handed out, what is delayed is not.
  void ShutDown();
  // Also waits until nothing is in work.
  async::Task<Result<void>> Drain(async::CancelToken cancel);

  std::size_t Waiting() const;
  std::size_t Waiting(const Gvr& gvr) const;
  std::size_t Delayed() const;
  std::size_t InWork() const;

  // How long the keys that are in work have been there.
  struct Working {
    Duration longest{};
    Duration all{};  // added up
  };
  Working WorkingTimes() const;

  // Of each type with keys that wait or are in work.
  struct LaneSize {
    Gvr gvr;
    std::size_t waiting = 0;
    std::size_t in_work = 0;
  };
  std::vector<LaneSize> Lanes() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kro::kube

template <>
struct std::hash<kro::kube::WorkKey> {
  std::size_t operator()(const kro::kube::WorkKey& key) const noexcept {
    return std::hash<kro::kube::Gvr>()(key.gvr) * 31 +
           std::hash<kro::kube::ObjectKey>()(key.object);
  }
};
