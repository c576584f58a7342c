// Discovery: what is served, told in the plain and in the aggregated form (spec kube-server section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/internal/registry.h"

namespace kro::apiserver {

// The answers of /api, /apis, /apis/<group>; nullopt for a group that is not served.
std::string CoreVersions();
std::string GroupList(const Registry& registry);
std::optional<std::string> GroupDocument(const Registry& registry, std::string_view group);
// Of /api/v1 and /apis/<group>/<version>; nullopt for a version that is not served.
std::optional<std::string> ResourceList(const Registry& registry, std::string_view group,
                                        std::string_view version);

// The aggregated document of /api (core group) or /apis; `version` is "v2" or "v2beta1".
enum class Part { kCore, kGroups };
std::string AggregatedDiscovery(const Registry& registry, Part part, std::string_view version);

}  // namespace kro::apiserver
