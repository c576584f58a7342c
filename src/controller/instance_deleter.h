// InstanceDeleter: one look at one instance that is being deleted.
//
// Needs the inventory on the instance and the live members of its apply set, and nothing else: no
// graph, no expression, no reference, no CRD of a child. Members go wave by wave, the last applied
// first; then the finalizer goes.
//
// That no member is left is never believed of a store alone. For a kind of which a member was seen
// since the deletion began, the watch itself has told that it is gone, and with that everything that
// came before; for any other kind one LIST asks the server.
#pragma once

#include <functional>
#include <memory>

#include "async/task.h"
#include "controller/graph_registry.h"
#include "controller/metrics.h"
#include "controller/next_look.h"
#include "controller/served_api.h"
#include "controller/settings.h"
#include "controller/status_writer.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/rest_mapper.h"

namespace kro::controller {

class InstanceDeleter {
 public:
  // All references outlive the deleter.
  struct Dependencies {
    kube::Client& client;
    kube::RestMapper& mapper;
    const GraphRegistry& graphs;
    const Settings& settings;
    Metrics& metrics = NoMetrics();
    kube::EventRecorder* events = nullptr;  // nullptr: nobody is told
  };
  explicit InstanceDeleter(Dependencies dependencies)
      : deps_(dependencies),
        status_writer_(dependencies.client, dependencies.metrics,
                       dependencies.settings.condition_events ? dependencies.events : nullptr) {}

  // `instance` is of `api` and is being deleted. Any error has left the status as it could be written;
  // the caller logs it and backs off.
  async::Task<Result<NextLook>> Delete(std::shared_ptr<ServedApi> api, kube::ObjectPtr instance,
                                       async::CancelToken cancel);

  // `instance` is ServedApi::LeftBehindBy: the server has removed it. Its members go as above, unless it is there
  // after all or a namesake is, to which they belong now.
  async::Task<Result<NextLook>> DeleteLeftBehind(std::shared_ptr<ServedApi> api,
                                                 kube::ObjectPtr instance,
                                                 async::CancelToken cancel);

 private:
  class Look;  // instance_deleter.cc

  Dependencies deps_;
  StatusWriter status_writer_;
};

}  // namespace kro::controller
