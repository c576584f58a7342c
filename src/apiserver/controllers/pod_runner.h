// PodRunner: plays scheduler and kubelet. Pods are bound to the one node, get ready after a while, end if
// they are meant to end, and go when they are deleted.
//
// The annotation `devcluster.kro.run/pod` changes what a pod does: `not-ready`, `fails`, `runs` (never
// ends).
#pragma once

#include <map>
#include <string>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class PodRunner final : public Controller {
 public:
  // `core` outlives it.
  explicit PodRunner(Core& core);

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  std::optional<Duration> Start(json::Value pod);
  std::optional<Duration> Finish(json::Value pod);

  Core& core_;
  ControllerClient client_;
  // How much of `span` is left since this was first asked about the pod; nothing once it is over.
  std::optional<Duration> Left(const json::Value& pod, Duration span);

  std::uint32_t started_ = 0;                   // pods that got an address
  std::map<std::string, MonotonicTime> until_;  // by UID: what a pod waits for
};

}  // namespace kro::apiserver
