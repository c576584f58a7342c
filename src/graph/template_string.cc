#include "graph/template_string.h"

#include <fmt/format.h>
#include "base/go_quote.h"

#include <algorithm>
#include <cstdint>

namespace kro::graph {
namespace {

// A run of the lowered text and the bytes of the source it came from.
struct Part {
  bool literal;
  std::size_t begin;  // in the source; of an expression: of its text, after "${"
  std::string_view text;
};

std::vector<Part> Split(const TemplateString& scanned);
constexpr std::size_t kNoClose = std::string_view::npos;
constexpr std::size_t kNested = kNoClose - 1;
std::size_t FindClose(std::string_view text, std::size_t begin);
std::vector<std::size_t> FindAllCloses(std::string_view text);

}  // namespace

bool TemplateString::standalone() const {
  return expressions.size() == 1 && expressions[0].span.begin == 0 &&
         expressions[0].span.end == source.size();
}

std::string TemplateString::Lowered() const {
  if (standalone()) return expressions[0].text;
  std::string lowered;
  for (const Part& part : Split(*this)) {
    if (!lowered.empty()) lowered += " + ";
    lowered += part.literal ? GoQuote(part.text) : fmt::format("({})", part.text);
  }
  return lowered;
}

std::size_t TemplateString::SourceOffset(std::size_t offset) const {
  if (standalone()) return std::min(offset + 2, source.size());
  std::size_t begin = 0;  // of the part in the lowered text
  for (const Part& part : Split(*this)) {
    if (begin > 0) begin += 3;
    const std::size_t width = part.literal ? GoQuote(part.text).size() : part.text.size() + 2;
    if (offset < begin + width) {
      if (part.literal || offset <= begin) return part.begin;
      return part.begin + std::min(offset - begin - 1, part.text.size());
    }
    begin += width;
  }
  return source.size();
}

Result<TemplateString> ScanTemplate(std::string_view text) {
  TemplateString scanned{.source = std::string(text)};
  std::vector<std::size_t> closes;  // filled once an expression without its end was met
  std::size_t cursor = 0;
  while (true) {
    const std::size_t open = text.find("${", cursor);
    if (open == std::string_view::npos) break;
    const std::size_t close = closes.empty() ? FindClose(text, open + 2) : closes[open + 2];
    if (close == kNested) {
      return Fail(ErrorCode::kInvalid,
                  "nested expressions are not allowed unless inside string literals");
    }
    if (close == kNoClose) {
      if (closes.empty()) closes = FindAllCloses(text);
      cursor = open + 1;  // plain text; what follows may still hold an expression
      continue;
    }
    scanned.expressions.push_back(
        {.text = std::string(text.substr(open + 2, close - open - 2)),
         .span = {static_cast<std::uint32_t>(open), static_cast<std::uint32_t>(close + 1)}});
    cursor = close + 1;
  }
  return scanned;
}

namespace {

bool OpensNested(std::string_view text, std::size_t i) {
  return text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{' && text[i - 1] != '"';
}

// The brace that closes an expression whose text begins at `begin`.
std::size_t FindClose(std::string_view text, std::size_t begin) {
  int depth = 1;
  bool in_literal = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_literal && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_literal = !in_literal;
    } else if (in_literal) {
      continue;
    } else if (OpensNested(text, i)) {
      return kNested;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i;
    }
  }
  return kNoClose;
}

// FindClose for every beginning at once. A text of many expressions without an end would take
// quadratic time one by one. From right to left: what stands at i decides by what is known behind it,
// once for a scan that is inside a literal at i, once for one that is not.
std::vector<std::size_t> FindAllCloses(std::string_view text) {
  const std::size_t end = text.size();
  std::vector<std::size_t> outside(end + 2, kNoClose);
  std::vector<std::size_t> inside(end + 2, kNoClose);
  for (std::size_t i = end; i-- > 0;) {
    const char c = text[i];
    inside[i] = c == '\\' ? inside[i + 2] : c == '"' ? outside[i + 1] : inside[i + 1];
    if (c == '"') {
      outside[i] = inside[i + 1];
    } else if (i > 0 && OpensNested(text, i)) {
      outside[i] = kNested;
    } else if (c == '}') {
      outside[i] = i;
    } else if (c == '{') {
      const std::size_t inner = outside[i + 1];
      outside[i] = inner < kNested ? outside[inner + 1] : inner;
    } else {
      outside[i] = outside[i + 1];
    }
  }
  return outside;
}

std::vector<Part> Split(const TemplateString& scanned) {
  std::vector<Part> parts;
  const std::string_view source(scanned.source);
  std::size_t cursor = 0;
  for (const EmbeddedExpression& expression : scanned.expressions) {
    if (expression.span.begin > cursor) {
      parts.push_back({true, cursor, source.substr(cursor, expression.span.begin - cursor)});
    }
    parts.push_back({false, expression.span.begin + 2u, expression.text});
    cursor = expression.span.end;
  }
  if (cursor < source.size()) parts.push_back({true, cursor, source.substr(cursor)});
  return parts;
}

}  // namespace
}  // namespace kro::graph
