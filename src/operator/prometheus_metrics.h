// PrometheusMetrics: the metrics of the controllers in the form that Prometheus reads, with upstream's
// names and labels (controllers spec section 5).
//
// The number of series is bounded: what carries the name of a definition, of its collection or of a kind
// that is watched is dropped when that goes; of definitions that were deleted the last kDeletedKept are
// told of. No label takes what somebody wrote into an object.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/metrics.h"
#include "kube/client.h"

namespace kro::operator_ {

class PrometheusMetrics final : public controller::Metrics, public kube::ClientObserver {
 public:
  static constexpr std::size_t kDeletedKept = 100;

  PrometheusMetrics();
  ~PrometheusMetrics() override;

  void Reconciled(std::string_view controller, Outcome outcome, Duration took) override;
  void ReconcilePanicked(std::string_view controller) override;
  void GraphBuilt(std::string_view definition, Duration took, bool good) override;
  void StateChanged(std::string_view definition, std::string_view from,
                    std::string_view to) override;
  void DefinitionDeleted(std::string_view definition, Duration took) override;
  void RevisionIssued(std::string_view reason) override;
  void RevisionWaited(std::string_view reason) override;
  void RevisionResolved(std::string_view result) override;
  void RegistryMissed(std::string_view reason) override;
  void RevisionsCollected(std::size_t deleted, std::size_t failed) override;
  void RevisionCompiled(Duration took, bool good) override;
  void RevisionStatusFailed(bool activation_deferred) override;
  void RevisionEvicted() override;
  kube::WorkqueueObserver* ObserverOf(std::string_view queue) override;
  void ApiServed(const api::Gvr& gvr) override;
  void ApiStopped(const api::Gvr& gvr) override;
  void LookedAt(const api::Gvr& gvr, Look look, Duration took) override;
  void LookPanicked(const api::Gvr& gvr) override;
  void GraphResolved(const api::Gvr& gvr, Resolution resolution) override;
  void InstanceStateChanged(const api::Gvr& gvr, const api::Gvk& gvk, std::string_view from,
                            std::string_view to) override;
  void Evaluated(const controller::EvaluationCounts& counts) override;
  void WatchFilled(const api::Gvr& gvr, Duration took) override;
  void WatchWasBehind(const api::Gvr& gvr) override;
  void WatchesEnded(const api::Gvr& gvr) override;
  void SchemaLookedUp(Lookup lookup) override;
  void SchemaFetched(Duration took, bool good) override;

  void SetLeader(std::string_view lease, bool leads);

  // One request to the API server. `code` 0: no answer came. Sizes in bytes; nothing for streams.
  struct Request {
    std::string_view method;
    std::string_view host;
    int code = 0;
    Duration took{};
    std::optional<std::size_t> sent;
    std::optional<std::size_t> received;
  };
  void Requested(const Request& request);
  void Repeated(std::string_view method, int code) override;
  void Waited(std::string_view method, Duration waited) override;

  // Everything, in the text format; `measured` is what was read for this.
  std::string Text(const std::vector<controller::Measurement>& measured) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::operator_
