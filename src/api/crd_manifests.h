// The CRDs that kro brings along, for `kro generate crds`, installers and the embedded server.
//
// All are made from one table of fields (FieldsOfRgdSpec), so the RGD and the snapshot in a graph
// revision cannot drift apart, and what the decoder reads is what the API server keeps.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace kro::api {

// resourcegraphdefinitions.kro.run, a drop-in for upstream's.
json::Value RgdCrd();

// graphrevisions.internal.kro.run, likewise.
json::Value GraphRevisionCrd();

// resourcegroups.kro.run, the older kind of v0.1.0: served so that old manifests can be stored and
// migrated.
json::Value ResourceGroupCrd();

// All of them, in the order in which they are installed.
std::vector<json::Value> AllCrds();

// One member of a spec.
struct FieldInfo {
  std::string_view path;  // "schema.additionalPrinterColumns[].name"; {} stands for a map's values
  std::string_view type;  // "string", "integer", "object", "array", "map", or "free" (any object)
  bool required = false;
  std::string_view rules;  // further schema keywords, as JSON members: "\"minLength\":1"
  std::string_view description;
};

// Parents before children.
std::span<const FieldInfo> FieldsOfRgdSpec();

}  // namespace kro::api
