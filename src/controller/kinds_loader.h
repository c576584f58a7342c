// KindsLoader: what the compiler must know of the cluster, for the kinds that an RGD names.
//
// Costs follow what is in use. A built-in kind is read from the OpenAPI document of its
// group-version, once, and kept in compact form; the document itself is dropped. A kind that a CRD
// defines is read from the CRD, which is there before discovery and OpenAPI have caught up, and is as
// small as that one kind: what other CRDs the cluster holds costs nothing.
//
// A kind that is not served is no error: it is listed as missing, and the compiler says so in its
// own words.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "async/event.h"
#include "async/scope.h"
#include "base/error.h"
#include "controller/metrics.h"
#include "graph/kinds.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/rest_mapper.h"
#include "kube/store.h"
#include "schema/openapi.h"

namespace kro::controller {

struct LoadedKinds {
  graph::Kinds kinds;
  std::vector<api::Gvk> missing;  // not served, or not yet
};

// Used from the loop only.
class KindsLoader {
 public:
  // Documents of built-in kinds are asked for again after this; unchanged ones cost an empty answer.
  static constexpr Duration kRevalidate = std::chrono::minutes(5);

  // All outlive the loader. `crds`: those that there are, as a watch shows them. One that is there is read from the
  // server's memory, at the version that was seen, which costs it less than to read and decode what it stores.
  KindsLoader(kube::Client& client, kube::RestMapper& mapper, Metrics& metrics = NoMetrics(),
              const kube::Store* crds = nullptr)
      : client_(client), mapper_(mapper), metrics_(metrics), crds_(crds) {}

  // Fails only if the server cannot be asked.
  async::Task<Result<LoadedKinds>> Load(std::vector<api::Gvk> kinds, async::CancelToken cancel);

  // A CRD of this group changed: its kinds are read again when they are next asked for.
  void Forget(const std::string& group);

  // Kinds that are kept, for metrics and tests.
  std::size_t size() const { return known_.size(); }
  // About what the schemas of these take, for /debug. Walks through all of them.
  std::size_t Weight() const;
  // Kinds that Forget dropped, for metrics.
  std::uint64_t evictions() const { return evictions_; }

 private:
  struct Known {
    graph::Mapping mapping;
    std::shared_ptr<const schema::SchemaSet> schemas;
    const schema::Schema* schema = nullptr;  // in `schemas`
  };
  struct Document {
    std::string etag;
    MonotonicTime read{};
  };

  async::Task<Result<void>> LoadVersion(api::GroupVersion version, std::vector<api::Gvk> kinds,
                                        async::CancelToken cancel);
  async::Task<Result<void>> Fetch(api::GroupVersion version, std::vector<api::Gvk> kinds,
                                  async::CancelToken cancel);
  // False if no CRD of that name defines the kind in this version, or none that is established.
  async::Task<Result<bool>> LoadFromCrd(api::Gvk gvk, std::string crd_name,
                                        async::CancelToken cancel);
  async::Task<kube::Reply<json::Value>> ReadCrdObject(std::string name, async::CancelToken cancel);
  async::Task<Result<void>> LoadFromDocument(api::GroupVersion version, std::vector<api::Gvk> kinds,
                                             async::CancelToken cancel);
  async::Task<Result<void>> AddNeighbours(api::GroupVersion version, graph::Kinds& kinds,
                                          async::CancelToken cancel);
  bool IsFresh(const api::Gvk& gvk) const;

  kube::Client& client_;
  kube::RestMapper& mapper_;
  Metrics& metrics_;
  const kube::Store* crds_;
  std::map<api::Gvk, Known> known_;
  std::uint64_t evictions_ = 0;
  std::map<api::GroupVersion, Document> documents_;
  // Raised for each group whose kinds were forgotten, so that an answer under way is not kept.
  std::map<std::string, std::uint64_t> forgotten_;
  // Group-versions being read; whoever else needs one waits for it.
  std::map<api::GroupVersion, std::shared_ptr<async::Event>> under_way_;
};

// The groups that the API server itself serves; no CRD defines a kind of them.
bool IsBuiltInGroup(std::string_view group);

}  // namespace kro::controller
