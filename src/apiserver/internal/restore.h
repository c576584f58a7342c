// Puts a server back where an earlier run left it.
#pragma once

#include "apiserver/internal/core.h"
#include "apiserver/saved_state.h"

namespace kro::apiserver {

// Before anything else is in `core`. Nothing happens if `state` holds no object. Objects that cannot be
// read are left out.
void RestoreObjects(Core& core, SavedState state);

}  // namespace kro::apiserver
