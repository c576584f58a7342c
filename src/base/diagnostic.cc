#include "base/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

namespace kro {
namespace {

// Comparing takes the product of the lengths, and a long name is no slip of the finger.
constexpr std::size_t kMaxMisspelt = 100;
constexpr std::size_t kMaxCandidate = kMaxMisspelt + kMaxMisspelt / 3;

std::string Place(const Location& where);
std::string Caret(const Location& where);
std::size_t CodePoints(std::string_view text);
std::size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace

std::string Render(const Diagnostic& diagnostic) {
  std::string text = Place(diagnostic.where);
  if (!text.empty()) text += ": ";
  if (diagnostic.severity == Severity::kWarning) text += "warning: ";
  if (diagnostic.severity == Severity::kNote) text += "note: ";
  text += diagnostic.message;
  if (!diagnostic.code.empty()) text += fmt::format(" [{}]", diagnostic.code);
  if (!diagnostic.expected.empty()) text += "\n  expected " + diagnostic.expected;
  if (!diagnostic.found.empty()) {
    text += (diagnostic.expected.empty() ? "\n  found " : ", found ") + diagnostic.found;
  }
  std::string caret = Caret(diagnostic.where);
  if (!caret.empty()) {
    text += caret;
    if (!diagnostic.hint.empty()) text += " " + diagnostic.hint;
  } else if (!diagnostic.hint.empty()) {
    text += "\n  " + diagnostic.hint;
  }
  for (const Related& related : diagnostic.related) {
    text += fmt::format("\n  {}: {}", Place(related.where), related.message);
  }
  return text;
}

std::optional<std::string> DidYouMean(std::string_view name,
                                      const std::vector<std::string>& candidates) {
  if (name.size() > kMaxMisspelt) return std::nullopt;
  const std::size_t limit = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = limit + 1;
  std::optional<std::string> nearest;
  for (const std::string& candidate : candidates) {
    const std::size_t gap = candidate.size() > name.size() ? candidate.size() - name.size()
                                                           : name.size() - candidate.size();
    if (gap > limit || candidate == name) continue;
    const std::size_t distance = EditDistance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

namespace {

std::string Place(const Location& where) {
  std::string text = where.source;
  if (where.position.line > 0) {
    text += fmt::format("{}{}", text.empty() ? "line " : ":", where.position.line);
    if (where.position.column > 0) text += fmt::format(":{}", where.position.column);
  }
  if (!where.path.empty()) {
    if (!text.empty()) text += ": ";
    text += where.path;
  }
  return text;
}

// The line of the expression that holds the start of the span, with the span underlined.
std::string Caret(const Location& where) {
  const std::string& expression = where.expression;
  if (expression.empty()) return {};
  if (!where.span) return fmt::format("\n  ${{{}}}", expression);
  const std::size_t begin = std::min<std::size_t>(where.span->begin, expression.size());
  const std::size_t line_start =
      begin == 0 ? 0 : expression.rfind('\n', begin - 1) + 1;  // npos + 1 == 0
  const std::size_t line_end = std::min(expression.find('\n', begin), expression.size());
  const bool one_line = line_start == 0 && line_end == expression.size();

  std::string_view line(expression);
  line = line.substr(line_start, line_end - line_start);
  const std::size_t end = std::clamp<std::size_t>(where.span->end, begin, line_end);
  const std::size_t indent = CodePoints(line.substr(0, begin - line_start)) + (one_line ? 2 : 0);
  const std::size_t width =
      std::max<std::size_t>(1, CodePoints(line.substr(begin - line_start, end - begin)));
  return fmt::format("\n  {}{}{}\n  {}^{}", one_line ? "${" : "", line, one_line ? "}" : "",
                     std::string(indent, ' '), std::string(width - 1, '~'));
}

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); a change of
// case counts as nothing.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
  std::array<std::array<std::uint32_t, kMaxCandidate + 1>, 3> rows{};
  std::uint32_t* before = rows[0].data();  // the row two above
  std::uint32_t* above = rows[1].data();
  std::uint32_t* row = rows[2].data();
  std::iota(above, above + b.size() + 1, 0u);
  for (std::size_t i = 0; i < a.size(); ++i) {
    row[0] = static_cast<std::uint32_t>(i) + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({above[j] + (same(i, j) ? 0u : 1u), row[j] + 1, above[j + 1] + 1});
      if (i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j)) {
        row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace
}  // namespace kro
