// Inspection: which names a parsed expression mentions, before it is checked (spec section 7).
//
//   Inspection found = Inspect(ast, environment, {"pod", "schema"});
//   found.references[0].path        // "pod.status.ip"
//
// Gives what upstream gives, its shadowing rule included: a comprehension's variable hides an id of
// the same name in the range too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "cel/ast.h"
#include "cel/environment.h"

namespace kro::cel {

// A known name, where it is used.
struct Reference {
  std::string id;    // "pod"
  std::string path;  // "pod.status.ip": with the plain selections above it
  Span span;         // of the name
};

struct UnknownName {
  std::string name;  // `.x` keeps its dot
  Span span;
};

struct Inspection {
  std::vector<Reference> references;           // in order of discovery; may repeat
  std::vector<UnknownName> unknown;            // names that are neither known nor bound here
  std::vector<UnknownName> unknown_functions;  // global calls only
  bool uses_omit = false;
};

// `ids` are the known names. The functions are those of `environment`.
Inspection Inspect(const Ast& ast, const Environment& environment,
                   std::span<const std::string> ids);

}  // namespace kro::cel
