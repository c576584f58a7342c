// Kinds: what the compiler knows of a cluster.
//
// The types that it serves, their schemas and where they live. Filled from discovery and OpenAPI
// documents by whoever has a connection or files; the compiler only reads it. Cheap to copy: schemas
// are shared.
//
//   auto set = std::make_shared<schema::SchemaSet>();
//   set->AddKind(document, gvk);
//   kinds.AddSchemas(set);
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/error.h"
#include "schema/openapi.h"

namespace kro::graph {

// Where objects of a kind live.
struct Mapping {
  api::Gvr gvr;
  bool namespaced = true;

  friend bool operator==(const Mapping&, const Mapping&) = default;
};

// The schema of a kind; keeps the set alive that it lives in.
using KindSchema = std::shared_ptr<const schema::Schema>;

class Kinds {
 public:
  // `api_version` is served: "apps/v1".
  void AddGroupVersion(std::string_view api_version);

  // All kinds of a set that is complete. A kind that is known already is replaced.
  void AddSchemas(const std::shared_ptr<const schema::SchemaSet>& set);

  void AddSchema(const api::Gvk& gvk, KindSchema schema);

  void AddMapping(const api::Gvk& gvk, Mapping mapping);

  // Never null. kNotFound: `cannot resolve group version "apps/v2": schema not found`, or the same
  // of the kind.
  Result<KindSchema> SchemaOf(const api::Gvk& gvk) const;

  // A kind's list (PodList) lives where the kind does, as upstream's mapper has it. kNotFound:
  // `no matches for kind "Status" in version "v1"`.
  Result<Mapping> MappingOf(const api::Gvk& gvk) const;

  // For one that was not found: another version of the same kind, or a kind of a similar name.
  // "did you mean …?", or empty.
  std::string Suggest(const api::Gvk& gvk) const;

 private:
  std::set<std::string, std::less<>> api_versions_;
  std::map<api::Gvk, KindSchema> schemas_;
  std::map<api::Gvk, Mapping> mappings_;
};

}  // namespace kro::graph
