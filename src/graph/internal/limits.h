// What a definition may hold, so that none takes long or much memory, accepted or refused.
#pragma once

#include <cstddef>
#include <optional>

#include "api/rgd.h"
#include "base/diagnostic.h"

namespace kro::graph {

inline constexpr std::size_t kMaxResources = 10'000;
inline constexpr std::size_t kMaxExpressions = 20'000;  // strings that hold any
inline constexpr std::size_t kMaxNameBytes = 1'000;     // of an id or an iterator

// The first limit that is exceeded; nothing else is to be looked at then. Also counts the texts of all paths:
// many values far down, below long names, would make each fault and each expression as long.
std::optional<Diagnostic> CheckLimits(const api::RgdSpec& spec);

}  // namespace kro::graph
