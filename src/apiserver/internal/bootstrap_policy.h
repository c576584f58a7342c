// The roles and bindings that every cluster begins with: cluster-admin, view, system:discovery, ….
#pragma once

#include "apiserver/internal/core.h"

namespace kro::apiserver {

// Puts them into the store.
void AddBootstrapPolicy(Core& core);

}  // namespace kro::apiserver
