// Identity: the labels, ids and hashes by which kro finds again what it made.
//
// Values are never truncated; where one is no legal label value, the API server says so.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/error.h"

namespace kro::api {

using Labels = std::map<std::string, std::string, std::less<>>;

// The value of kro.run/kro-version: a version that is no legal label value has each '+' replaced by
// '-'.
std::string VersionLabel(std::string_view version);

// What every object that kro writes carries: owned and version.
Labels SystemLabels(std::string_view version);

// Of the RGD, for CRDs and instances.
Labels RgdLabels(std::string_view name, std::string_view uid);

// Who an instance is, as its children are labelled.
struct InstanceIdentity {
  Gvk gvk;
  std::string name;
  std::string ns;
  std::string uid;
  bool namespaced = true;  // a cluster-scoped instance has no namespace label
};
Labels InstanceLabels(const InstanceIdentity& instance);

// Of a child made by the node `id`; `index` and `size` for items of a collection.
Labels NodeLabels(std::string_view id);
Labels NodeLabels(std::string_view id, std::int64_t index, std::int64_t size);

// Both sets. kInvalid for a key in both: `duplicate labels: found key '<k>' in both maps`.
Result<Labels> MergeLabels(const Labels& a, const Labels& b);

// Whose a live CRD is. When not owned, nothing matches.
struct Ownership {
  bool owned = false;
  bool name_matches = false;
  bool id_matches = false;

  friend bool operator==(const Ownership&, const Ownership&) = default;
};
// kro.run/owned decides, if present; managed-by only where it is absent.
Ownership CheckOwnership(const Labels& live, std::string_view rgd_name, std::string_view rgd_uid);

// The instance that holds an ApplySet. `ns` is empty for cluster-scoped ones.
struct ApplySetParent {
  std::string name;
  std::string ns;
  std::string kind;
  std::string group;
};

// "applyset-" BASE64URL(SHA256("<name>.<namespace>.<kind>.<group>")) "-v1".
std::string ApplySetId(const ApplySetParent& parent);

// The labels and annotations on an instance that remember what its ApplySet may contain (KEP-3659).
struct Inventory {
  Labels labels;
  Labels annotations;  // without the tooling, see Tooling()
};
// Sorts and deduplicates; `namespaces` are those beside the parent's own.
Inventory MakeInventory(const ApplySetParent& parent, const std::vector<GroupKind>& group_kinds,
                        std::vector<std::string> namespaces);

// What an inventory remembers.
struct InventoryContent {
  std::vector<GroupKind> group_kinds;
  std::vector<std::string> namespaces;
};
// Reads the two lists. kInvalid names the annotation and the entry.
Result<InventoryContent> ParseInventory(const Labels& annotations);

// Whether a stored inventory is whole and the parent's own. kInvalid says the first thing that is
// not; a missing hash is accepted, older instances have none.
Result<InventoryContent> CheckInventory(const ApplySetParent& parent, const Labels& labels,
                                        const Labels& annotations);

// "kro/<version>".
std::string Tooling(std::string_view version);

// The name of revision `number` of an RGD: "web-r00042", cut and hashed if over 253 bytes.
std::string RevisionName(std::string_view rgd_name, std::int64_t number);

// The lowest revision that retention keeps; nothing: keep all. `keep` <= 0 disables retention.
std::optional<std::int64_t> RetentionFloor(std::vector<std::int64_t> revisions, std::int64_t keep);

}  // namespace kro::api
