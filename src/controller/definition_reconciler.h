// DefinitionReconciler: one pass over one definition (controllers spec section 1).
//
// Finalizer, hash of the spec, latest revision; then either a new revision is issued or the latest
// one is served: its CRD, its instances, its status. A pass in which nothing changed makes no request.
// What a pass waits for (a revision to be active, a CRD to be established, a kind to appear) is named
// by the events that end the wait, see InterestedIn.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "controller/compile_definition.h"
#include "controller/crd_keeper.h"
#include "controller/definition.h"
#include "controller/definition_stores.h"
#include "controller/graph_registry.h"
#include "controller/instance_service.h"
#include "controller/kinds_loader.h"
#include "controller/metrics.h"
#include "controller/requeue.h"
#include "controller/revision_reconciler.h"
#include "controller/settings.h"

namespace kro::controller {

// Used from the loop only.
class DefinitionReconciler {
 public:
  // All outlive the reconciler.
  struct Dependencies {
    async::Executor& executor;
    kube::Client& client;
    KindsLoader& kinds;
    GraphRegistry& graphs;
    RevisionReconciler& revisions;
    InstanceService& instances;
    DefinitionStores& stores;
    Metrics& metrics;
    Logger logger;
    // Asks for a revision to be looked at.
    std::function<void(const std::string& revision)> wake_revision;
  };
  DefinitionReconciler(Dependencies dependencies, Settings settings);
  ~DefinitionReconciler();

  async::Task<Result<Requeue>> Reconcile(kube::WorkKey key, async::CancelToken cancel);

  // Definitions to look at when this CRD changed: whose CRD it is or would be, and who waits for a
  // kind of its group.
  std::vector<kube::WorkKey> InterestedIn(const std::string& crd) const;

  // What this CRD defines changed: the definitions whose graphs use it are compiled again when they are
  // looked at next.
  std::vector<kube::WorkKey> NoteChangedKind(const std::string& crd);

  // The definitions that go by this name in revisions and CRDs: one, or an RGD that was refused besides
  // the ResourceGroup that has the name.
  std::vector<kube::WorkKey> Named(const std::string& name) const;

 private:
  struct Memory;
  struct Pass;

  std::string NameOf(const kube::WorkKey& key, const kube::StoredObject& object) const;
  kube::Informer& InformerOf(const kube::WorkKey& key) const;
  // Not so ResourceGroups of namespaces that are not allowed to have any.
  bool MayBeServed(const kube::WorkKey& key) const;

  async::Task<Result<Requeue>> Progress(Pass& pass, async::CancelToken cancel);
  // The ResourceGroup that goes by the name of this RGD.
  std::optional<kube::WorkKey> ResourceGroupNamed(const Pass& pass) const;
  async::Task<Result<void>> AdoptOrphans(Pass& pass, async::CancelToken cancel);
  async::Task<Result<Requeue>> Issue(Pass& pass, std::string_view reason,
                                     async::CancelToken cancel);
  async::Task<Result<bool>> FindIssued(const Pass& pass, std::string name,
                                       async::CancelToken cancel);
  // A kind of the graph changed. The graph is made anew for the same revision; if that does not go, the
  // old one goes on and the definition says why.
  async::Task<Result<void>> Recompile(Pass& pass, RevisionEntry& entry, async::CancelToken cancel);
  async::Task<Result<Requeue>> Serve(Pass& pass, std::shared_ptr<const graph::Graph> graph,
                                     async::CancelToken cancel);
  async::Task<Result<void>> StartInstances(Pass& pass, const graph::Graph& graph, bool is_young,
                                           async::CancelToken cancel);
  async::Task<void> CollectRevisions(const Pass& pass, async::CancelToken cancel);
  async::Task<Result<void>> WriteStatus(Pass& pass, async::CancelToken cancel);
  async::Task<Result<Requeue>> RefuseUnreadable(kube::WorkKey key, kube::ObjectPtr object,
                                                Diagnostics faults, async::CancelToken cancel);

  async::Task<Result<Requeue>> Finalize(Pass& pass, async::CancelToken cancel);
  async::Task<Result<Requeue>> Release(Pass& pass, async::CancelToken cancel);
  // The schema of the last revision that can be read; nothing if there is none.
  async::Task<Result<std::optional<api::RgdSchema>>> RecallSchema(const Pass& pass,
                                                                  async::CancelToken cancel);
  enum class Cleared { kYes, kNotYet };
  async::Task<Result<Cleared>> ClearInstances(Pass& pass, async::CancelToken cancel);
  async::Task<Result<Cleared>> AwaitStrandedInstances(Pass& pass, async::CancelToken cancel);
  // Instances that are left, at most 100 counted; "" for the example if there is none.
  struct Remaining {
    std::size_t count = 0;
    std::string example;

    std::string Describe(std::string_view kind) const;
  };
  async::Task<Result<Remaining>> CountInstances(const Pass& pass, std::string selector,
                                                async::CancelToken cancel);
  async::Task<Result<void>> DeleteRevisions(const Pass& pass, async::CancelToken cancel);

  Dependencies d_;
  const Settings settings_;
  CrdKeeper crds_;
  std::map<kube::WorkKey, std::unique_ptr<Memory>> memory_;
};

}  // namespace kro::controller
