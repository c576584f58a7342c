// Operator: everything behind `kro controller`, wired together. Where to start in this folder.
//
//   Operator op({executor, transport, lease_transport, logger, random}, options);
//   Result<void> end = co_await op.Run(stop);
//
// Executor, transports and randomness are arguments, so that a whole operator runs against the
// embedded server in simulated time, and two of them run side by side in one test. Probes, metrics
// and /debug are answered by endpoints.h.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "controller/settings.h"
#include "http/transport.h"
#include "json/value.h"
#include "kube/backoff.h"

namespace kro::operator_ {

enum class LeaderElection { kOff, kOn };
enum class CrdInstallation { kInstall, kLeave };
enum class Warmup { kOff, kOn };

struct OperatorOptions {
  controller::Settings settings;

  CrdInstallation crds = CrdInstallation::kInstall;
  LeaderElection leader_election = LeaderElection::kOff;
  std::string lease_namespace;
  std::string identity;  // of this process, never used by another one
  Duration lease_duration = std::chrono::seconds(15);
  Duration renew_deadline = std::chrono::seconds(10);
  Duration retry_period = std::chrono::seconds(2);

  // Requests a second, on average and at once; zero or less: as many as the API server bears. The lease
  // and watches do not count.
  double client_qps = 0;
  double client_burst = 150;

  // Whether a follower already reads the definitions, so that a new leader can begin at once.
  Warmup warmup = Warmup::kOff;

  // Of the API server, for the labels of metrics.
  std::string api_server = "apiserver";

  // How long a stop may wait for work under way; negative: for ever.
  Duration graceful_shutdown_timeout = std::chrono::seconds(60);
};

// A reason to be ready or not.
struct HealthCheck {
  std::string name;
  bool ok = true;
  std::string detail;
};

class Operator {
 public:
  struct Dependencies {
    async::Executor& executor;
    http::Transport& transport;
    // Of its own, so that no other request delays the lease; may be `transport` without leader
    // election.
    http::Transport& lease_transport;
    Logger logger;
    kube::Random random;
  };
  // What `dependencies` refers to outlives the operator.
  Operator(Dependencies dependencies, OperatorOptions options);
  ~Operator();

  // Works until `stop` fires, then stops in order and returns. kInvalid for options that make no sense,
  // kUnavailable if the server cannot be reached at the start, kForbidden if it refuses, kExhausted
  // when leadership was lost or stopping took too long. Once.
  async::Task<Result<void>> Run(async::CancelToken stop);

  // What /healthz says: whether the loop and the pool still turn, no work is stuck, and a leader
  // renews its lease in time. Where one of these does not hold only a restart helps.
  std::vector<HealthCheck> Liveness() const;

  // What /readyz says: a follower is ready, a leader once it has read what it watches.
  std::vector<HealthCheck> Readiness() const;

  // The text of /metrics.
  std::string MetricsText() const;

  // Queues, stores, graphs and memory by owner, for /debug.
  json::Value Describe() const;

  // Whose level /debug/log-level changes.
  const Logger& logger() const;

  bool leads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::operator_
