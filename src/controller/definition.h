// Definition: a ResourceGraphDefinition, or the older ResourceGroup, as the controller treats them.
//
// A ResourceGroup is converted in memory (API spec section 1.8): it is compiled and served like an
// RGD, and status, conditions and finalizer stay on the ResourceGroup.
#pragma once

#include <string>
#include <vector>

#include "api/rgd.h"
#include "base/diagnostic.h"
#include "json/value.h"
#include "kube/workqueue.h"

namespace kro::controller {

extern const api::Gvr kRgds;
extern const api::Gvr kResourceGroups;
extern const api::Gvr kGraphRevisions;
extern const api::Gvr kCrds;

struct Definition {
  kube::WorkKey key;  // the object itself
  // What it is called in labels and revisions is rgd.name: that of the object, but for a
  // ResourceGroup whose name is taken.
  api::Rgd rgd;
  Diagnostics warnings;
  // What can be read but not be done; the definition is refused.
  Diagnostics refused;

  bool IsResourceGroup() const { return key.gvr == kResourceGroups; }
};

// Reads the object of `key`. `name` is what the definition is called. On failure nothing of it can
// be used.
json::Parsed<Definition> ReadDefinition(const kube::WorkKey& key, const json::Value& object,
                                        std::string name);

// The message of a condition: upstream's text of the first fault, where one is known, then what would
// mend it, then how many more there are. A fault without a hint that is alone gives upstream's text.
std::string ConditionText(const Diagnostics& diagnostics);

// The same of warnings, all of them; "" if there are none.
std::string WarningText(const Diagnostics& warnings);

// Every fault as a terminal shows it, for the log.
std::string RenderAll(const Diagnostics& diagnostics);

}  // namespace kro::controller
