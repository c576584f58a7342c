// Place: an expression of an RGD, where it stands, and how its faults are reported.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "graph/template_string.h"
#include "json/path.h"

namespace kro::graph {

// Each fault holds the text of its expression, so of a very long one only the first are reported.
inline constexpr std::size_t kMaxFaultTexts = 1 << 16;
inline constexpr std::size_t kMaxUnknownNames = 100;

// `text` outlives the place.
struct Place {
  const TemplateString& text;
  json::FieldPath path;

  // As upstream's messages show it: without ${ } if it stands alone, else the whole string.
  std::string_view Shown() const;

  // `span` counts in the lowered expression; nothing: all of it. The author sees the expression as it
  // was written, of a string of several parts the one that the span ends in.
  Location Locate(std::optional<Span> span = std::nullopt) const;

  // A fault of the whole expression. `compatible` is upstream's text, `message` the author's.
  Diagnostic Fault(std::string_view code, std::string compatible, std::string message) const;

  // What the parser, checker or planner found. The first one's text is that of all of them, after
  // `prefix`, as upstream gives it.
  Diagnostics Faults(const Diagnostics& issues, std::string_view prefix) const;
};

// `base` and what follows below it.
json::FieldPath Join(json::FieldPath base, const json::FieldPath& below);

}  // namespace kro::graph
