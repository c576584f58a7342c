// InstanceReconciler: one look at one instance that is not being deleted.
//
// Reads the instance and its children from the stores, asks the runtime what to do, and does it: what
// is ready is applied at once, each answer may make more ready, until nothing is left. What left the
// graph is pruned, the inventory cut down to what is there, the status written if it differs. A look
// at which nothing changed asks the API server nothing.
#pragma once

#include <memory>

#include "async/task.h"
#include "controller/graph_registry.h"
#include "controller/metrics.h"
#include "controller/next_look.h"
#include "controller/served_api.h"
#include "controller/settings.h"
#include "controller/status_writer.h"
#include "controller/watch_fleet.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/rest_mapper.h"

namespace kro::controller {

class InstanceReconciler {
 public:
  // All references outlive the reconciler.
  struct Dependencies {
    kube::Client& client;
    kube::RestMapper& mapper;
    const GraphRegistry& graphs;
    WatchFleet& fleet;
    const Settings& settings;
    kube::Random random;
    Metrics& metrics = NoMetrics();
    kube::EventRecorder* events = nullptr;  // nullptr: nobody is told
  };
  explicit InstanceReconciler(Dependencies dependencies);

  // `instance` is of `api` and is not being deleted. `wake` puts it into the queue. Any error has left
  // the status as it could be written; the caller logs it and backs off.
  async::Task<Result<NextLook>> Reconcile(std::shared_ptr<ServedApi> api, kube::ObjectPtr instance,
                                          std::function<void()> wake, async::CancelToken cancel);

 private:
  class Pass;  // instance_reconciler.cc

  Dependencies deps_;
  StatusWriter status_writer_;
};

}  // namespace kro::controller
