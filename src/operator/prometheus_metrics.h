// PrometheusMetrics: the metrics of the controllers in the form that Prometheus reads, with upstream's
// names and labels (controllers spec section 5).
//
// The number of series is bounded: a label that carries the name of a definition is dropped when the
// definition goes.
#pragma once

#include <memory>
#include <string>

#include "controller/metrics.h"

namespace kro::operator_ {

class PrometheusMetrics final : public controller::Metrics {
 public:
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

  // What is measured when it is asked for.
  void SetRegistryEntries(std::string_view state, std::size_t count);
  void SetLeader(std::string_view lease, bool leads);
  void SetQueue(std::string_view queue, std::size_t depth);

  // One request to the API server.
  void Requested(std::string_view method, int code, std::string_view host, Duration took);

  // Everything, in the text format.
  std::string Text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::operator_
