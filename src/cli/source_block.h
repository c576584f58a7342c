// What a terminal shows of a fault in a file: place, message, the line with a caret, the hint.
//
//   shop.yaml:31:17: error[KRO402]: unknown name 'wbe'
//      at spec.resources[1].template.spec.selector
//      31 |       selector: ${wbe.spec.selector.matchLabels}
//         |                   ^~~ did you mean 'web'?
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostic.h"

namespace kro::cli {

// `text` is that of the file which the diagnostic names. Ends with a line break.
std::string SourceBlock(const Diagnostic& diagnostic, std::string_view text);

}  // namespace kro::cli
