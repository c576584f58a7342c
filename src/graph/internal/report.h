// Building the diagnostics of this folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "json/path.h"

namespace kro::graph {

// spec.resources[index], the place of a resource in its RGD.
json::FieldPath ResourcePath(std::size_t index);

// An error at `path`. `text` is upstream's, without what encloses it, and also the message.
Diagnostic Problem(std::string_view code, const json::FieldPath& path, std::string text);

// Puts diagnostics from inside a part of the RGD into the whole: their paths begin at `root`, and
// upstream's texts at `prefix`; a long one stands only before the first of them.
Diagnostics Enclose(Diagnostics inner, const json::FieldPath& root, std::string_view prefix);

// Of more faults nobody reads; those behind are dropped.
inline constexpr std::size_t kMaxFaults = 10'000;

void Append(Diagnostics& all, Diagnostics more);

// Looking for a name that may have been meant takes time, so only the first faults get such a hint.
inline constexpr int kMaxHints = 100;

// "did you mean 'name'?", or nothing.
std::string Suggestion(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace kro::graph
