// Order of resourceVersions.
#pragma once

#include <compare>
#include <string_view>

namespace kro::kube {

// Compares two resourceVersions of one resource type as decimal integers of any length. Unordered if
// either is empty or no number; equal strings are always equivalent.
std::partial_ordering CompareResourceVersions(std::string_view a, std::string_view b);

}  // namespace kro::kube
