// Diagnostic: what an author did wrong, as a value.
//
// The checker, SimpleSchema, the template walk and the graph compiler return lists of these and
// never strings; `Render` turns one into the block a terminal shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kro {

enum class Severity { kError, kWarning, kNote };

// A place in a text. Lines and columns count from 1, columns in code points; 0 means unknown.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend bool operator==(const Position&, const Position&) = default;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Byte offsets into an expression, [begin, end).
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

// Where something stands: the file or object, the YAML path in it, the position of that node and,
// inside it, the span of the expression.
struct Location {
  std::string source;      // "web.yaml" or "rgd 'web'"; empty: unknown
  std::string path;        // "spec.resources[1].template.spec.replicas"
  Position position;       // in the file
  std::string expression;  // text without the ${ } around it; empty: none
  std::optional<Span> span;

  friend bool operator==(const Location&, const Location&) = default;
};

struct Related {
  Location where;
  std::string message;

  friend bool operator==(const Related&, const Related&) = default;
};

// Replaces the span of `where` by `text` and mends what the diagnostic is about.
struct Edit {
  Location where;
  std::string text;

  friend bool operator==(const Edit&, const Edit&) = default;
};

struct Diagnostic {
  std::string code;  // stable, "KRO402"
  Severity severity = Severity::kError;
  std::string message;  // one line in the author's words
  Location where;
  std::string expected;  // "int"; empty: does not apply
  std::string found;     // "string"
  std::string hint;      // "did you mean 'deployment'?"
  std::vector<Related> related;
  std::optional<Edit> edit;
  // The text that upstream's controller gives for the same fault, where one is known: conditions
  // show it first, for the tools that match it.
  std::string compatible;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

using Diagnostics = std::vector<Diagnostic>;

// The block a terminal shows: place, message, the source line with a caret, the hint.
//
//   rgd 'web': spec.resources[0].template.spec.replicas: undeclared reference to 'deploymnt'
//     ${deploymnt.spec.replicas}
//       ^~~~~~~~~ did you mean 'deployment'?
std::string Render(const Diagnostic& diagnostic);

// The candidate nearest to `name` by edit distance, if near enough to be meant (at most a third of
// its length, at least one). Ties go to the first candidate.
std::optional<std::string> DidYouMean(std::string_view name,
                                      const std::vector<std::string>& candidates);

}  // namespace kro
