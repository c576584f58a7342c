// Which controllers there are, and what a cluster holds when it starts.
#pragma once

#include <functional>
#include <string_view>

#include "apiserver/controllers/controller.h"

namespace kro::apiserver {

// `core` outlives the manager. `end_watches` ends the watches of a collection.
void AddControllers(Core& core, ControllerManager& manager,
                    std::function<void(std::string_view group, std::string_view resource)>
                        end_watches);

// The namespaces, the service `kubernetes` and the node.
void CreateInitialObjects(Core& core);

}  // namespace kro::apiserver
