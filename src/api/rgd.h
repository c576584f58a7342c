// ResourceGraphDefinition: the author's object, decoded.
//
// Also reads the older ResourceGroup (v0.1.0) into the same struct. Decoding checks the types of
// members and nothing else: what the API server's admission and the graph compiler check, they check.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "api/identity.h"
#include "base/diagnostic.h"
#include "json/path.h"
#include "json/value.h"
#include "json/yaml.h"

namespace kro::api {

enum class Scope { kNamespaced, kCluster };
std::string_view ToString(Scope scope);

struct PrinterColumn {
  std::string name;
  std::string type;
  std::string format;
  std::string description;
  std::int32_t priority = 0;
  std::string json_path;

  friend bool operator==(const PrinterColumn&, const PrinterColumn&) = default;
};

// spec.schema: the API that the graph becomes.
struct RgdSchema {
  std::string kind;
  std::string api_version;  // "v1alpha1"
  std::string group = "kro.run";
  Scope scope = Scope::kNamespaced;
  // Free-form, as written; absent and null alike are nothing.
  std::optional<json::Value> spec;
  std::optional<json::Value> types;
  std::optional<json::Value> status;
  std::vector<PrinterColumn> printer_columns;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  Labels labels;       // for the generated CRD
  Labels annotations;  // likewise
};

struct SelectorRequirement {
  std::string key;
  std::string op;  // "In", "NotIn", "Exists", "DoesNotExist"
  std::vector<std::string> values;
};

struct LabelSelector {
  Labels match_labels;
  std::vector<SelectorRequirement> match_expressions;
};

// An object or collection that is read, never written.
struct ExternalRef {
  std::string api_version;
  std::string kind;
  std::string name;  // empty with a selector
  std::string ns;
  std::optional<LabelSelector> selector;
};

// One dimension of a collection: `name` runs over the list that `expression` yields.
struct ForEach {
  std::string name;
  std::string expression;  // with its ${ }
};

struct Resource {
  std::string id;
  std::optional<json::Value> manifest;  // `template`
  std::optional<ExternalRef> external_ref;
  std::vector<std::string> ready_when;
  std::vector<std::string> include_when;
  std::vector<ForEach> for_each;
};

// spec, as an RGD and as the snapshot of a graph revision holds it.
struct RgdSpec {
  std::optional<RgdSchema> schema;  // an RGD without spec is admitted, so this may be missing
  std::vector<Resource> resources;
  // The spec as read, for its hash and for snapshots.
  json::Value raw;
};

// One entry of status.resources.
struct ResourceDependencies {
  std::string id;
  std::vector<std::string> dependencies;
};

struct RgdStatus {
  std::string state;
  std::vector<std::string> topological_order;
  std::vector<Condition> conditions;
  std::vector<ResourceDependencies> resources;
  std::int64_t last_issued_revision = 0;
};

struct Rgd {
  std::string name;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  Labels labels;
  Labels annotations;
  std::vector<std::string> finalizers;
  std::optional<Timestamp> created;
  bool deleting = false;
  RgdSpec spec;
  RgdStatus status;
  // Set for the older kind: what could not be carried over, one warning each.
  bool from_resource_group = false;

  // kro.run/allow-breaking-changes is exactly "true".
  bool AllowsBreakingChanges() const;
};

// What decoding found. Warnings (unknown members, parts of the older kind without successor) do not
// keep the object from being used.
struct DecodedRgd {
  Rgd rgd;
  Diagnostics warnings;
};

// Reads a ResourceGraphDefinition or ResourceGroup. `source` names the file or object in
// diagnostics; `map` gives positions, nullptr: none. Errors are KRO103 (wrong type).
json::Parsed<DecodedRgd> DecodeRgd(const json::Value& object, std::string_view source = {},
                                   const json::SourceMap* map = nullptr);

// Reads a spec alone, as found in a snapshot; paths in diagnostics begin with `root`.
json::Parsed<RgdSpec> DecodeRgdSpec(const json::Value& spec, std::string_view source = {},
                                    json::FieldPath root = {});

// status as it is written; empty members are left out as upstream leaves them out.
json::Value ToJson(const RgdStatus& status);

}  // namespace kro::api
