// The templates that a workload had, as ControllerRevisions.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/controllers/controller.h"
#include "json/value.h"

namespace kro::apiserver {

// The revisions of `owner`, the oldest first. The last one is that of its template as it is: it is made, or
// made the newest again, where it is not. None if it could not be written.
std::vector<json::Value> EnsureRevisions(ControllerClient& client, const json::Value& owner);

// `owner` with the template of a revision of it.
json::Value AtRevision(json::Value owner, const json::Value& revision);

// Deletes the oldest of those that are not in use, as far as there are more than spec.revisionHistoryLimit.
void PruneRevisions(ControllerClient& client, const json::Value& owner,
                    const std::vector<json::Value>& revisions,
                    const std::set<std::string, std::less<>>& in_use);

}  // namespace kro::apiserver
