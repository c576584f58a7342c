#include "cel/source.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::cel {
namespace {

// At most this many issues are reported (spec 1.5).
constexpr std::size_t kMaxIssues = 100;
// A longer line is not shown (spec 1.6).
constexpr std::size_t kMaxSnippet = 16384;

std::string Display(std::string_view source, const Issue& issue);
std::string Snippet(std::string_view source, Position position);
bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

Position PositionOf(std::string_view source, std::uint32_t offset) {
  Position position{1, 1};
  for (char c : source.substr(0, offset)) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if (StartsCodePoint(c)) {
      ++position.column;
    }
  }
  return position;
}

Diagnostics ToDiagnostics(std::string_view source, Issues issues) {
  // By place, then in the order of discovery.
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  for (std::size_t i = 0; i < issues.size(); ++i) {
    order.emplace_back(issues[i].span ? std::int64_t{issues[i].span->begin} : -1, i);
  }
  std::sort(order.begin(), order.end());
  Diagnostics diagnostics;
  for (std::size_t i = 0; i < order.size() && i < kMaxIssues; ++i) {
    Issue& issue = issues[order[i].second];
    Diagnostic diagnostic;
    diagnostic.compatible = Display(source, issue);
    diagnostic.code = std::move(issue.code);
    diagnostic.message = std::move(issue.author.empty() ? issue.message : issue.author);
    diagnostic.where.expression = source;
    diagnostic.where.span = issue.span;
    diagnostic.expected = std::move(issue.expected);
    diagnostic.found = std::move(issue.found);
    diagnostic.hint = std::move(issue.hint);
    diagnostics.push_back(std::move(diagnostic));
  }
  if (issues.size() > kMaxIssues) {
    diagnostics.back().compatible +=
        fmt::format("\n{} more errors were truncated", issues.size() - kMaxIssues);
  }
  return diagnostics;
}

namespace {

std::string Display(std::string_view source, const Issue& issue) {
  if (!issue.span) return fmt::format("ERROR: <input>:-1:0: {}", issue.message);
  Position position = PositionOf(source, issue.span->begin);
  // An empty expression ends in column 0 for upstream's parser.
  if (source.empty()) position.column = 0;
  return fmt::format("ERROR: <input>:{}:{}: {}{}", position.line, position.column, issue.message,
                     Snippet(source, position));
}

std::string Snippet(std::string_view source, Position position) {
  for (std::uint32_t line = 1; line < position.line; ++line) {
    source.remove_prefix(source.find('\n') + 1);
  }
  std::string_view shown = source.substr(0, source.find('\n'));
  if (shown.size() > kMaxSnippet) return {};
  std::string out = "\n | ";
  for (char c : shown) out += c == '\t' ? ' ' : c;
  out += "\n | ";
  std::uint32_t column = 1;
  std::size_t i = 0;
  auto wide = [&] { return i < shown.size() && static_cast<unsigned char>(shown[i]) >= 0x80; };
  for (; column < position.column; ++column) {
    out += wide() ? "\uFF0E" : ".";
    ++i;
    while (i < shown.size() && !StartsCodePoint(shown[i])) ++i;
  }
  out += wide() ? "\uFF3E" : "^";
  return out;
}

}  // namespace
}  // namespace kro::cel
