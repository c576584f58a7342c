// Metrics: what the controllers count, controllers spec sections 5.1 to 5.4.
//
// The program decides what becomes of it; by default nothing does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/gvk.h"
#include "base/clock.h"
#include "kube/workqueue.h"

namespace kro::controller {

// What was evaluated in one look at an instance.
struct EvaluationCounts {
  std::size_t expressions = 0;
  std::size_t nodes = 0;  // whose objects were resolved
  std::size_t node_errors = 0;
  std::size_t include_checks = 0;
  std::size_t ignored = 0;  // nodes that includeWhen, or what they need, leaves out
  std::size_t ready_checks = 0;
  std::size_t not_ready = 0;
  std::vector<std::size_t> collection_sizes;
  Duration setting_up{};  // before the first expression
  Duration evaluating{};  // all expressions and nodes together
};

// A value that is read when somebody asks.
struct Measurement {
  enum class Type { kGauge, kCounter };
  std::string name;
  std::string help;
  Type type = Type::kGauge;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

// Thread-safe.
class Metrics {
 public:
  virtual ~Metrics() = default;

  // kRejected: an error that is not tried again, what somebody wrote is wrong.
  enum class Outcome { kSuccess, kError, kRejected, kRequeueAfter };
  // One pass of the controller `controller`: "ResourceGraphDefinition" or "graphrevision".
  virtual void Reconciled(std::string_view /*controller*/, Outcome /*outcome*/, Duration /*took*/) {
  }
  virtual void ReconcilePanicked(std::string_view /*controller*/) {}
  // Who hears of the queue of this name; may be null.
  virtual kube::WorkqueueObserver* ObserverOf(std::string_view /*queue*/) { return nullptr; }

  virtual void GraphBuilt(std::string_view /*definition*/, Duration /*took*/, bool /*good*/) {}
  virtual void StateChanged(std::string_view /*definition*/, std::string_view /*from*/,
                            std::string_view /*to*/) {}
  virtual void DefinitionDeleted(std::string_view /*definition*/, Duration /*took*/) {}
  virtual void RevisionIssued(std::string_view /*reason*/) {}
  virtual void RevisionWaited(std::string_view /*reason*/) {}
  virtual void RevisionResolved(std::string_view /*result*/) {}
  virtual void RegistryMissed(std::string_view /*reason*/) {}
  virtual void RevisionsCollected(std::size_t /*deleted*/, std::size_t /*failed*/) {}

  virtual void RevisionCompiled(Duration /*took*/, bool /*good*/) {}
  virtual void RevisionStatusFailed(bool /*activation_deferred*/) {}
  virtual void RevisionEvicted() {}

  // Of a collection of instances. Between ApiStopped and the next ApiServed nothing of it is counted.
  virtual void ApiServed(const api::Gvr& /*gvr*/) {}
  virtual void ApiStopped(const api::Gvr& /*gvr*/) {}
  enum class Look { kSuccess, kRequeueAfter, kBackOff, kError };
  virtual void LookedAt(const api::Gvr& /*gvr*/, Look /*look*/, Duration /*took*/) {}
  // Something threw during a look: all of it, or the work on one object.
  virtual void LookPanicked(const api::Gvr& /*gvr*/) {}
  enum class Resolution { kSuccess, kPending, kNotAvailable, kFailed };
  virtual void GraphResolved(const api::Gvr& /*gvr*/, Resolution /*resolution*/) {}
  // `from`: one of our states, "" for none, "unknown" for what others wrote.
  virtual void InstanceStateChanged(const api::Gvr& /*gvr*/, const api::Gvk& /*gvk*/,
                                    std::string_view /*from*/, std::string_view /*to*/) {}
  virtual void Evaluated(const EvaluationCounts& /*counts*/) {}
  // A watch of this kind has read everything for the first time.
  virtual void WatchFilled(const api::Gvr& /*gvr*/, Duration /*took*/) {}
  // A check found that a watch of this kind had missed something.
  virtual void WatchWasBehind(const api::Gvr& /*gvr*/) {}
  // Nothing of this kind is watched any more.
  virtual void WatchesEnded(const api::Gvr& /*gvr*/) {}

  // The schema of a kind was asked for.
  enum class Lookup { kHit, kMiss, kShared };
  virtual void SchemaLookedUp(Lookup /*lookup*/) {}
  virtual void SchemaFetched(Duration /*took*/, bool /*good*/) {}
};

// For whoever counts nothing.
inline Metrics& NoMetrics() {
  static Metrics none;
  return none;
}

}  // namespace kro::controller
