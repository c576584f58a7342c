// Versions of built-in kinds that are stored as another: autoscaling/v1 as v2, the events of events.k8s.io/v1
// as those of v1. The texts of the annotations in which a v1 autoscaler carries what only v2 has are those of the
// real server.
#pragma once

#include <string_view>

#include "api/gvk.h"
#include "json/value.h"

namespace kro::apiserver {

struct VersionForm {
  api::GroupVersion stored;  // of the resource of the same name that objects are stored as
  // Between both forms, in place and but for apiVersion.
  void (*from_stored)(json::Object& object);
  void (*to_stored)(json::Object& object);
  // Completes what is stored; nullptr: nothing to do. No part of the conversion, which also serves to compare.
  void (*set_defaults)(json::Object& object);
};

// nullptr for a version that is stored as it is.
const VersionForm* FormOfVersion(std::string_view group, std::string_view version,
                                 std::string_view resource);

}  // namespace kro::apiserver
