// Experiment: one scenario, run again and again with different faults, and judged each time by what holds
// of every run (oracle.h) and by how the run without faults ended.
//
//   auto experiment = Experiment::Prepare(scenario);      // plays it once without faults
//   Outcome outcome = experiment->Run({.seed = 7, .schedule = experiment->Draw(7)});
//   for (const std::string& violation : outcome.violations) …
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/fault_transport.h"
#include "apiserver/server.h"
#include "audit_log.h"
#include "json/value.h"
#include "operator/operator.h"
#include "scenario.h"
#include "short_documents.h"

namespace kro::simulation {

struct Trial {
  std::uint64_t seed = 0;  // 0: everything in order, no pauses of the user
  apiserver::Schedule schedule;
  LogSink* log = nullptr;  // of the operator, then its writes
};

struct Outcome {
  std::vector<std::string> violations;
  std::vector<std::string> met;  // what the faults met
  apiserver::FaultCounts counts;
  int crashes = 0;
  // At the end: objects in normalised form, and how often each was made and deleted.
  std::map<std::string, json::Value> objects;
  std::map<std::string, AuditLog::Lives> lives;
};

class Experiment {
 public:
  // Fails if the scenario makes no sense or violates something even without faults. `log`: of that run.
  static Result<Experiment> Prepare(Scenario scenario, LogSink* log = nullptr);

  // The faults of a seed.
  apiserver::Schedule Draw(std::uint64_t seed) const;
  Outcome Run(const Trial& trial) const;
  // A part of the schedule, as small as can be, that still violates something.
  apiserver::Schedule Shrink(std::uint64_t seed, apiserver::Schedule schedule) const;

  const Scenario& scenario() const { return scenario_; }
  // The run without faults.
  const Outcome& reference() const { return reference_; }

 private:
  Experiment() = default;

  Outcome Play(const Trial& trial) const;

  Scenario scenario_;
  operator_::OperatorOptions options_;
  apiserver::Controllers controllers_ = apiserver::Controllers::kNone;
  Outcome reference_;
  std::unique_ptr<ShortDocuments::Cache> documents_;
  apiserver::SavedState start_;  // a server with kro's CRDs, before anything happens
};

}  // namespace kro::simulation
