// What may stand next in an expression that is being written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cel_session.h"

namespace kro::cli {

struct Completion {
  std::size_t begin = 0;           // of the word that is completed
  std::vector<std::string> words;  // what it may become, sorted; functions end in "("
};

// `text` is what stands before the cursor. Behind a dot: fields, by the type of what stands before
// it or, where that is dyn, by the data, and the functions that take it; else variables, functions
// and macros. The variables of macros around the cursor count: `items.map(i, i.` lists the fields
// of an item.
Completion Complete(const CelSession& session, std::string_view text);

}  // namespace kro::cli
