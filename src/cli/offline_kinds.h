// OfflineKinds: what the compiler must know of a cluster, without one.
//
// The kinds of CRDs and OpenAPI documents that are given, and else those that every API server has, as the
// embedded one publishes them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gvk.h"
#include "apiserver/server.h"
#include "base/clock.h"
#include "base/error.h"
#include "graph/kinds.h"
#include "graph/untyped_kind.h"
#include "json/value.h"

namespace kro::cli {

class OfflineKinds {
 public:
  OfflineKinds() = default;

  // kInvalid if it is no CRD. Its kinds stand before built-in ones.
  Result<void> AddCrd(const json::Value& crd);

  // All kinds of an OpenAPI v3 document, as `kubectl get --raw /openapi/v3/apis/GROUP/VERSION` prints it.
  // kInvalid if it holds none.
  Result<void> AddDocument(const json::Value& document);

  // Makes these kinds known as far as can be; returns those that nothing is known of.
  std::vector<api::Gvk> Load(const std::vector<api::Gvk>& wanted);

  // Takes a kind that is not known for one that may hold anything.
  void AddUntyped(const api::Gvk& gvk) { graph::AddUntyped(gvk, kinds_); }

  const graph::Kinds& kinds() const { return kinds_; }

 private:
  bool LoadBuiltIn(const api::GroupVersion& version, const std::vector<api::Gvk>& wanted);
  std::optional<json::Value> Ask(const std::string& target);

  SystemClock clock_;
  std::unique_ptr<apiserver::Server> server_;  // started when a kind is asked for
  graph::Kinds kinds_;
};

}  // namespace kro::cli
