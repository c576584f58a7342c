// World: a cluster, the whole operator and a user in one process and virtual time. The same seed, schedule
// and steps give the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "apiserver/fault_transport.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/simulated_executor.h"
#include "audit_log.h"
#include "operator/operator.h"
#include "short_documents.h"

namespace kro::simulation {

struct WorldOptions {
  std::uint64_t seed = 0;  // of ids, of the order of what happens at once; 0: in order
  apiserver::Schedule schedule;
  apiserver::Controllers controllers = apiserver::Controllers::kNone;
  AuditLog::Detail detail = AuditLog::Detail::kNotes;
  LogSink* log = nullptr;  // of the operator
  // Which CRDs of kro are there. Loose ones take any object, and cost little to install.
  enum class Crds { kWhole, kLoose };
  Crds crds = Crds::kWhole;
  // If it holds anything, the world begins with that, CRDs and all.
  apiserver::SavedState state;
  // If given, documents of built-in kinds are cut down to those that simulations use.
  ShortDocuments::Cache* documents = nullptr;
  // Sees each answer to the operator, at the moment it is given.
  std::function<void(const apiserver::LocalTransport::Answered&)> observe;
};

class World {
 public:
  World(WorldOptions options, operator_::OperatorOptions operation);
  ~World();

  // One process at a time.
  void StartOperator();
  enum class Stop { kOrderly, kKill };
  void StopOperator(Stop how);
  bool OperatorRuns() const { return process_ != nullptr; }
  // Kills it for good. May be called from `observe`.
  void EndOperator();
  // Why it ended by itself, if it did.
  std::string OperatorEnd() const;

  // As a user, at once.
  http::Response Ask(http::Request request);
  json::Value Get(std::string_view path);  // null unless the answer is 200

  // Lets time pass. False: tasks wake each other for ever.
  bool Advance(Duration duration);

  // What the server holds now, for other worlds to begin with.
  apiserver::SavedState Save() const;

  // A crash of the schedule has happened, and the time of its next start has not come.
  bool crashed() const { return crashed_; }
  int crashes() const { return crashes_; }

  async::SimulatedExecutor executor;
  apiserver::Server server;
  AuditLog audit;

 private:
  class Process;

  void Crash(const apiserver::Fault& fault);
  void InstallCrds();

  WorldOptions options_;
  operator_::OperatorOptions operation_;
  apiserver::LocalTransport network_;
  std::optional<ShortDocuments> short_documents_;

 public:
  apiserver::FaultTransport faults;

 private:
  std::mt19937_64 random_;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> dying_;
  bool crashed_ = false;
  bool ended_ = false;
  int crashes_ = 0;
};

}  // namespace kro::simulation
