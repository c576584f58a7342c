// InstanceController: keeps the instances of all served APIs converged.
//
//   InstanceController instances(…);
//   scope.Spawn(instances.Run(scope.token()));
//   co_await instances.Serve({.rgd_name = "web", …}, token);   // the CRD is established
//   …
//   co_await instances.Stop(gvr);                              // the RGD is gone
//
// What the RGD controller knows of instances, and all that it may know.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/graph_registry.h"
#include "controller/metrics.h"
#include "controller/settings.h"
#include "json/value.h"
#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/events.h"
#include "kube/rest_mapper.h"

namespace kro::controller {

// An API whose instances are served.
struct InstanceApi {
  std::string rgd_name;
  std::string rgd_uid;
  api::Gvk gvk;
  api::Gvr gvr;
  bool namespaced = true;
};

class InstanceController {
 public:
  // All references outlive the controller. `client` and `mapper` are shared with the other controllers.
  struct Dependencies {
    async::Executor& executor;
    kube::Client& client;
    kube::RestMapper& mapper;
    const GraphRegistry& graphs;
    Logger logger;
    kube::Random random;
    Metrics& metrics = NoMetrics();
    kube::EventRecorder* events = nullptr;  // nullptr: nobody is told
  };
  InstanceController(Dependencies dependencies, Settings settings);
  ~InstanceController();

  // Starts serving an API, or takes note that its definition changed: in both cases every instance is
  // looked at once. Returns when its watch stands, which stays until Stop; kExhausted if that takes longer than
  // 30 s, as where its CRD has gone: what was not served before is not served then.
  async::Task<Result<void>> Serve(InstanceApi api, async::CancelToken cancel);

  // Stops: the watch ends, keys that wait are dropped, and it returns when no instance of the
  // collection is in work. Nothing happens if it was not served.
  async::Task<void> Stop(api::Gvr gvr);

  // Whether the collection is served.
  bool Serves(const api::Gvr& gvr) const;

  // Instances of a served collection that the store holds.
  std::size_t Count(const api::Gvr& gvr) const;

  // What is there now, for metrics.
  std::vector<Measurement> Measure() const;

  // Queue, watches, stores and APIs, for /debug.
  json::Value Describe() const;

  // How long the look that takes longest has taken so far.
  Duration LongestLook() const;

  // Works until `cancel` fires; then ends what is in work. Once.
  async::Task<void> Run(async::CancelToken cancel);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::controller
