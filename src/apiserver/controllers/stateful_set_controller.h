// StatefulSetController: numbered pods with claims of their own, one after another, and the revisions of
// their template.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

class StatefulSetController final : public Controller {
 public:
  // `core` outlives it.
  explicit StatefulSetController(Core& core) : client_(core, "kube-controller-manager") {}

  void Observe(const Collection& collection, const Change& change, const Enqueue& enqueue) override;
  std::optional<Duration> Reconcile(const std::string& key) override;

 private:
  using Pods = std::map<std::int64_t, json::Value>;  // by ordinal

  Pods PodsOf(const json::Value& set) const;
  // False: a pod could not be made.
  bool Act(const json::Value& set, const json::Value& current, const json::Value& update);
  void WriteStatus(json::Value set, const Pods& pods, const json::Value& current,
                   const json::Value& update);
  bool CreatePod(const json::Value& set, std::int64_t ordinal, const std::string& revision);
  void DeletePod(const json::Value& pod);
  void EnsureClaims(const json::Value& set, const std::string& pod_name, json::Object& pod);

  ControllerClient client_;
};

}  // namespace kro::apiserver
