// DefinitionController: turns ResourceGraphDefinitions into APIs. Where to start in this half of the
// folder.
//
//   DefinitionController definitions({executor, client, mapper, graphs, instances, …}, settings);
//   co_await definitions.Run(token);
//
// Watches definitions, their revisions and CRDs, and reconciles what changed: definitions in
// definition_reconciler.h, revisions in revision_reconciler.h. After a start every definition and its
// latest revision is looked at once; what is unchanged is not written.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "controller/graph_registry.h"
#include "controller/instance_service.h"
#include "controller/metrics.h"
#include "controller/settings.h"
#include "json/value.h"
#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/rest_mapper.h"

namespace kro::controller {

class DefinitionController {
 public:
  // All references outlive the controller.
  struct Dependencies {
    async::Executor& executor;
    kube::Client& client;
    kube::RestMapper& mapper;
    GraphRegistry& graphs;
    InstanceService& instances;
    Metrics& metrics;
    Logger logger;
    kube::Random random;
  };
  DefinitionController(Dependencies dependencies, Settings settings);
  ~DefinitionController();

  // Reads what is watched and follows it until `stop` fires; nothing is decided. Optional, before Run, which
  // then finds it read. Once.
  async::Task<void> Watch(async::CancelToken stop);

  // Works until `stop` fires, then ends the passes under way; `abandon` cuts those short too. Once.
  async::Task<void> Run(async::CancelToken stop, async::CancelToken abandon);

  // What is watched and has not been read yet: while there is any, nothing is decided.
  std::vector<std::string> Unread() const;

  // What is there now, for metrics.
  std::vector<Measurement> Measure() const;

  // How long the pass that takes longest has taken so far.
  Duration LongestPass() const;

  // How many passes at once a setting means; 0: as many as is useful.
  static std::size_t Workers(std::size_t setting);

  // Queues and stores, for /debug.
  json::Value Describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::controller
