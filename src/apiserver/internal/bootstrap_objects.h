// What every cluster begins with: the roles and bindings (cluster-admin, view, system:discovery, …), the
// namespaces with what belongs to each, a node, the service of the API itself.
#pragma once

#include "apiserver/internal/core.h"

namespace kro::apiserver {

// Puts them into the store as they are in the end, so that no schema is read to begin with.
void AddBootstrapObjects(Core& core);

}  // namespace kro::apiserver
