// Expressions in strings: "web-${schema.spec.name}".
//
// A string holds any number of expressions between ${ and the brace that closes it. The scan is
// upstream's (graph spec section 4): braces inside double quotes do not count, single quotes
// protect nothing, an expression without its closing brace is plain text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/error.h"

namespace kro::graph {

// One expression of a string.
struct EmbeddedExpression {
  std::string text;  // between the delimiters, verbatim
  Span span;         // bytes of the whole "${…}" in the string

  friend bool operator==(const EmbeddedExpression&, const EmbeddedExpression&) = default;
};

// A string that was scanned for expressions.
struct TemplateString {
  std::string source;
  std::vector<EmbeddedExpression> expressions;

  bool has_expressions() const { return !expressions.empty(); }

  // One expression and nothing else: its value replaces the field, with its type.
  bool standalone() const;

  // The CEL text to compile: the expression itself if standalone, else the parts joined by '+', with
  // literal text quoted: "a-" + (x). Nothing converts parts to strings.
  std::string Lowered() const;

  // Where byte `offset` of Lowered() stands in `source`; the start of the enclosing part for bytes
  // that have no counterpart (quotes, parentheses).
  std::size_t SourceOffset(std::size_t offset) const;
};

// kInvalid if an expression begins inside another: "nested expressions are not allowed unless inside
// string literals". Linear in the length of `text`.
Result<TemplateString> ScanTemplate(std::string_view text);

}  // namespace kro::graph
