// Plural: the name of the collection of a kind.
#pragma once

#include <string>
#include <string_view>

namespace kro::api {

// The lower-case plural of `kind`, as upstream's inflection library forms it (its tables are part of
// the API: a CRD's name hangs on them): "Policy" gives "policies", "Redis" stays "redis".
//
// Differs from upstream for twelve acronyms ending in s (DNS, HTTPS, IDS ...), whose plural there is
// no legal name ("dnsDNSes"): here they stay unchanged.
std::string Plural(std::string_view kind);

}  // namespace kro::api
