// StatusWriter: puts a computed status onto an instance, in one request, only if it differs.
#pragma once

#include "async/task.h"
#include "controller/served_api.h"
#include "kube/client.h"

namespace kro::controller {

class StatusWriter {
 public:
  // `client` outlives the writer.
  explicit StatusWriter(kube::Client& client) : client_(client) {}

  // `instance` is what `wanted` was computed from. Nothing is written if the instance is gone or is
  // another one by now, or if its spec or its deletion has moved on: then another look at it is due
  // anyway. A conflict is settled by reading again, up to five times.
  async::Task<kube::Reply<void>> Write(ServedApi& api, kube::ObjectPtr instance, json::Value wanted,
                                       async::CancelToken cancel);

 private:
  kube::Client& client_;
};

}  // namespace kro::controller
