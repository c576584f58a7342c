// FieldSet: which fields of an object a manager owns, as managedFields says.
//
// fieldsV1 is a tree: "f:name" is a field, `k:{"name":"web"}` a list item by its keys, `v:"x"` a set
// member, "i:0" a position; "." says that the place itself is owned besides what is below it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::kube {

class FieldSet {
 public:
  // Reads fieldsV1. kInvalid for elements of unknown form and for nesting beyond json::kMaxDepth.
  static Result<FieldSet> Parse(const json::Value& fields_v1);

  bool empty() const { return children_.empty(); }

  // The owned places in order, ".spec.ports[k:{\"port\":80}].name"; for people and tests.
  std::vector<std::string> Paths() const;

  // Whether this is what an apply of `desired` leaves behind when nobody has taken a field from it:
  // every leaf of `desired` is owned, and nothing else is. apiVersion, kind, metadata.name and
  // metadata.namespace are never in a set.
  bool IsExactly(const json::Value& desired) const;

  // The leaves of `desired` that are not owned, ".spec.replicas".
  std::vector<std::string> Missing(const json::Value& desired) const;

  friend bool operator==(const FieldSet&, const FieldSet&) = default;

 private:
  friend class FieldComparison;

  bool owned_ = false;  // the place itself
  std::map<std::string, FieldSet, std::less<>> children_;
};

struct ManagedFieldsEntry {
  std::string manager;
  std::string operation;  // "Apply", "Update"
  std::string api_version;
  std::string subresource;
  std::string time;
  FieldSet fields;
};

// The entry of metadata.managedFields that `manager` owns through server-side apply of `subresource`.
// If it applied with several apiVersions, the last entry. nullopt if there is none.
Result<std::optional<ManagedFieldsEntry>> FindApplyEntry(const json::Value& object,
                                                         std::string_view manager,
                                                         std::string_view subresource = {});

// The managers of the other entries in metadata.managedFields that own the leaf of `desired` at this path,
// as FieldSet::Missing spells it; each once. Entries that cannot be read are passed over.
std::vector<std::string> OwnersOf(const json::Value& object, const json::Value& desired,
                                  std::string_view path);

}  // namespace kro::kube
