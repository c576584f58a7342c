#include "cli/source_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace kro::cli {
namespace {

// Longer lines are cut around the place.
constexpr std::size_t kMaxLine = 120;

std::string_view LineOf(std::string_view text, std::uint32_t number);
std::string_view WordOf(Severity severity);
std::size_t CodePoints(std::string_view text);
std::size_t OffsetOf(std::string_view text, std::size_t code_points);
std::string Blank(std::string_view text);

}  // namespace

std::string SourceBlock(const Diagnostic& diagnostic, std::string_view text) {
  const Location& where = diagnostic.where;
  std::string block = where.source.empty() ? "input" : where.source;
  if (where.position.line > 0)
    block += fmt::format(":{}:{}", where.position.line, where.position.column);
  block += fmt::format(": {}[{}]: {}\n", WordOf(diagnostic.severity), diagnostic.code,
                       diagnostic.message);
  if (!where.path.empty()) block += fmt::format("   at {}\n", where.path);
  std::string hint = diagnostic.hint;
  if (where.position.line > 0 && where.position.column > 0) {
    std::string_view line = LineOf(text, where.position.line);
    std::size_t begin = OffsetOf(line, where.position.column - 1);
    const std::size_t width =
        where.span ? std::max<std::size_t>(1, where.span->end - where.span->begin) : 1;
    if (begin > kMaxLine / 2) {
      const std::size_t cut = OffsetOf(line, CodePoints(line.substr(0, begin)) - kMaxLine / 2);
      line.remove_prefix(cut);
      begin -= cut;
    }
    line = line.substr(0, OffsetOf(line, kMaxLine));
    const std::string number = std::to_string(where.position.line);
    const std::size_t underlined =
        std::max<std::size_t>(1, CodePoints(line.substr(std::min(begin, line.size()), width)));
    block += fmt::format("   {} | {}\n   {} | {}^{}", number, line, std::string(number.size(), ' '),
                         Blank(line.substr(0, begin)), std::string(underlined - 1, '~'));
    if (!hint.empty()) block += " " + hint;
    block += "\n";
    hint.clear();
  }
  if (!hint.empty()) block += fmt::format("   hint: {}\n", hint);
  for (const Related& related : diagnostic.related) {
    block += fmt::format("   {}:{}:{}: {}\n", related.where.source, related.where.position.line,
                         related.where.position.column, related.message);
  }
  return block;
}

namespace {

std::string_view LineOf(std::string_view text, std::uint32_t number) {
  for (std::uint32_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string_view WordOf(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

// The byte at which this many code points end.
std::size_t OffsetOf(std::string_view text, std::size_t code_points) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xc0) == 0x80) continue;
    if (code_points == 0) break;
    --code_points;
  }
  return at;
}

// As wide as `text`.
std::string Blank(std::string_view text) {
  std::string blank;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80) blank += c == '\t' ? '\t' : ' ';
  }
  return blank;
}

}  // namespace
}  // namespace kro::cli
