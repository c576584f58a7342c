// What may be the name of something (spec kube-server section 3). Each check returns the server's
// complaints, none if the text is fine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kro::apiserver {

using Complaints = std::vector<std::string>;

Complaints CheckDns1123Subdomain(std::string_view name);
Complaints CheckDns1123Label(std::string_view name);
Complaints CheckDns1035Label(std::string_view name);
// Of RBAC objects: whatever a path can hold.
Complaints CheckPathSegment(std::string_view name);
// Keys of labels, annotations and finalizers: "example.com/name".
Complaints CheckQualifiedName(std::string_view name);
Complaints CheckLabelValue(std::string_view value);
// Keys of ConfigMaps and Secrets.
Complaints CheckConfigMapKey(std::string_view key);

}  // namespace kro::apiserver
