// What compiles and is hardly meant: text that only looks like an expression, values that only look
// like a list. Upstream takes it too, so it is a warning, for tools that show definitions to their author.
#pragma once

#include <string_view>

#include "api/rgd.h"
#include "base/diagnostic.h"
#include "json/yaml.h"

namespace kro::graph {

// Warnings in the order of their paths' text in the definition. `map` may be nullptr.
Diagnostics FindSuspicions(const api::RgdSpec& spec, std::string_view source,
                           const json::SourceMap* map);

}  // namespace kro::graph
