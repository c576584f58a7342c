// Names: what Kubernetes and kro accept as one.
//
// Each Kubernetes check returns its reasons in the words of the API server; none means valid.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kro::api {

// RFC 1123 label: namespaces. At most 63 of [a-z0-9-].
std::vector<std::string> CheckDns1123Label(std::string_view name);

// RFC 1123 subdomain: groups and most object names. At most 253, labels joined by dots.
std::vector<std::string> CheckDns1123Subdomain(std::string_view name);

// RFC 1035 label: singular and plural names. As the label above, but begins with a letter.
std::vector<std::string> CheckDns1035Label(std::string_view name);

// A label's value: at most 63 of [A-Za-z0-9._-], alphanumeric at both ends; may be empty.
std::vector<std::string> CheckLabelValue(std::string_view value);

// ^[A-Z][a-zA-Z0-9]*$: the kind that an RGD defines.
bool IsKindName(std::string_view name);

// ^[a-z][a-zA-Z0-9]*$: ids of resources and names of forEach iterators.
bool IsResourceId(std::string_view name);

// Words that no id or iterator may be: kro's own and those of CEL. Case-sensitive.
bool IsReservedWord(std::string_view name);

}  // namespace kro::api
