// Metrics: what the controllers count, controllers spec sections 5.1 to 5.3.
//
// The program decides what becomes of it; by default nothing does.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/clock.h"

namespace kro::controller {

// Thread-safe.
class Metrics {
 public:
  virtual ~Metrics() = default;

  enum class Outcome { kSuccess, kError, kRequeueAfter };
  // One pass of the controller `controller`: "ResourceGraphDefinition" or "graphrevision".
  virtual void Reconciled(std::string_view /*controller*/, Outcome /*outcome*/,
                          Duration /*took*/) {}
  virtual void ReconcilePanicked(std::string_view /*controller*/) {}

  virtual void GraphBuilt(std::string_view /*definition*/, Duration /*took*/, bool /*good*/) {}
  virtual void StateChanged(std::string_view /*definition*/, std::string_view /*from*/,
                            std::string_view /*to*/) {}
  virtual void DefinitionDeleted(std::string_view /*definition*/, Duration /*took*/) {}
  virtual void RevisionIssued(std::string_view /*reason*/) {}
  virtual void RevisionWaited(std::string_view /*reason*/) {}
  virtual void RevisionResolved(std::string_view /*result*/) {}
  virtual void RegistryMissed(std::string_view /*reason*/) {}
  virtual void RevisionsCollected(std::size_t /*deleted*/, std::size_t /*failed*/) {}

  virtual void RevisionCompiled(Duration /*took*/, bool /*good*/) {}
  virtual void RevisionStatusFailed(bool /*activation_deferred*/) {}
  virtual void RevisionEvicted() {}
};

}  // namespace kro::controller
