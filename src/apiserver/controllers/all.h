// Which controllers there are.
#pragma once

#include <functional>
#include <string_view>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

// `core` outlives the manager. `end_watches` ends the watches of a collection.
void AddControllers(
    Core& core, ControllerManager& manager,
    std::function<void(std::string_view group, std::string_view resource)> end_watches);

}  // namespace kro::apiserver
