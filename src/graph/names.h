// Names: what the kind, the resources and the iterators of an RGD may be called.
#pragma once

#include <cstddef>

#include "api/rgd.h"
#include "base/diagnostic.h"

namespace kro::graph {

// Entries that forEach of one resource may have, unless configured otherwise.
inline constexpr std::size_t kMaxDimensions = 10;

// Every fault in the order in which upstream looks: the kind, all ids, then the iterators of each
// resource (graph spec section 2). One fault a name. Codes KRO201 to KRO204 and KRO206.
Diagnostics CheckNames(const api::RgdSpec& spec, std::size_t max_dimensions = kMaxDimensions);

}  // namespace kro::graph
