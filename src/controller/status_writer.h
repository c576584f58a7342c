// StatusWriter: puts a computed status onto an instance, in one request, only if it differs, and tells of what
// changes with it: conditions in events, the state in a metric.
#pragma once

#include "async/task.h"
#include "controller/metrics.h"
#include "controller/served_api.h"
#include "kube/client.h"
#include "kube/events.h"

namespace kro::controller {

class StatusWriter {
 public:
  // All outlive the writer. No `events`: nobody is told.
  StatusWriter(kube::Client& client, Metrics& metrics, kube::EventRecorder* events)
      : client_(client), metrics_(metrics), events_(events) {}

  // `instance` is what `wanted` was computed from. Nothing is written if the instance is gone or is
  // another one by now, or if its spec or its deletion has moved on: then another look at it is due
  // anyway. A conflict is settled by reading again, up to five times.
  async::Task<kube::Reply<void>> Write(ServedApi& api, kube::ObjectPtr instance, json::Value wanted,
                                       async::CancelToken cancel);

 private:
  async::Task<kube::Reply<void>> Put(ServedApi& api, kube::ObjectPtr instance, json::Value wanted,
                                     async::CancelToken cancel);

  kube::Client& client_;
  Metrics& metrics_;
  kube::EventRecorder* events_;
};

}  // namespace kro::controller
