// What tools that roll out by kstatus (Flux, kpt, Helm 4) make of a custom resource.
#pragma once

#include <string_view>

#include "json/value.h"

namespace kro::test_support {

// "Current", "InProgress", "Failed" or "Terminating", by the rules that sigs.k8s.io/cli-utils/pkg/kstatus documents
// for kinds that it does not know: the deletion comes first, then status.observedGeneration, the conditions Reconciling
// and Stalled, and Ready. Who has none of them is taken for current.
std::string_view Kstatus(const json::Value& object);

}  // namespace kro::test_support
