// RevisionReconciler: turns graph revisions into graphs (controllers spec section 2).
//
// A revision is compiled once. What the definition's pass compiled before it issued the revision is
// handed over; only after a restart, or for a revision that somebody else made, the snapshot is read
// and compiled here. The registry says Active only when the revision's status has been written.
//
// Only the latest revision of a definition is run, so older ones that were verified before are not
// compiled again; should one of them become the latest, it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "controller/compile_definition.h"
#include "controller/definition_stores.h"
#include "controller/graph_registry.h"
#include "controller/kinds_loader.h"
#include "controller/metrics.h"
#include "controller/requeue.h"
#include "controller/settings.h"
#include "kube/client.h"

namespace kro::controller {

// Used from the loop only.
class RevisionReconciler {
 public:
  // All outlive the reconciler.
  struct Dependencies {
    async::Executor& executor;
    kube::Client& client;
    KindsLoader& kinds;
    GraphRegistry& graphs;
    DefinitionStores& stores;
    Metrics& metrics;
    Logger logger;
  };
  RevisionReconciler(Dependencies dependencies, Settings settings);

  async::Task<Result<Requeue>> Reconcile(kube::ObjectKey key, async::CancelToken cancel);

  // The graph of the revision that is about to be created under this name.
  void HandOver(std::string revision, std::string spec_hash,
                std::shared_ptr<const graph::Graph> graph);
  // It will not be created after all.
  void TakeBack(const std::string& revision) { handed_over_.erase(revision); }

  // Revisions that did not compile and name a kind of this group.
  std::vector<std::string> FailedFor(const std::string& group) const;

 private:
  struct HandedOver {
    std::string spec_hash;
    std::shared_ptr<const graph::Graph> graph;
  };

  async::Task<Result<Requeue>> Remove(RevisionView revision, async::CancelToken cancel);
  async::Task<Result<Requeue>> Activate(RevisionView revision, HandedOver compiled,
                                        async::CancelToken cancel);
  // What a revision was made of.
  struct Snapshot {
    std::string hash;
    api::RgdSpec spec;
  };
  // That of the definition, if it is still the one that the revision was made of, and was good.
  std::optional<Snapshot> SnapshotInStore(const RevisionView& revision) const;
  // Reads it. Nothing: there is no such revision any more, or it cannot be read, which its status says.
  async::Task<Result<std::optional<Snapshot>>> ReadSnapshot(RevisionView revision,
                                                            async::CancelToken cancel);
  async::Task<Result<Requeue>> CompileSnapshot(RevisionView revision, async::CancelToken cancel);
  async::Task<Result<void>> Refuse(RevisionView revision, std::string spec_hash, std::string text,
                                   async::CancelToken cancel);
  async::Task<Result<void>> WriteStatus(RevisionView revision, api::ConditionStatus verified,
                                        std::string message, const graph::Graph* graph,
                                        async::CancelToken cancel);

  Dependencies d_;
  const Settings settings_;
  std::map<std::string, HandedOver> handed_over_;        // by name of the revision
  std::map<std::string, std::set<std::string>> failed_;  // name of the revision -> groups
};

}  // namespace kro::controller
