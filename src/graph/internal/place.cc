#include "graph/internal/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

namespace kro::graph {
namespace {

std::string WithoutTypeNames(std::string_view message);

}  // namespace

std::string_view Place::Shown() const {
  return text.standalone() ? std::string_view(text.expressions[0].text) : text.source;
}

Location Place::Locate(std::optional<Span> span) const {
  Location where{.path = path.ToString()};
  if (text.standalone()) {
    where.expression = text.expressions[0].text;
    where.span = span.value_or(Span{0, static_cast<std::uint32_t>(where.expression.size())});
    return where;
  }
  if (!span || !text.has_expressions()) return where;
  const std::size_t begin = text.SourceOffset(span->begin);
  const std::size_t end = span->end > span->begin ? text.SourceOffset(span->end - 1) + 1 : begin;
  // Between the parts stands a '+' that the author did not write; it concerns the part behind it, or
  // the one before if that is plain text.
  const EmbeddedExpression* part = &text.expressions[0];
  for (const EmbeddedExpression& expression : text.expressions) {
    if (expression.span.begin < end) part = &expression;
  }
  const std::size_t first = part->span.begin + 2u;
  const auto within = [&](std::size_t offset) {
    return static_cast<std::uint32_t>(std::clamp(offset, first, first + part->text.size()) - first);
  };
  where.expression = part->text;
  where.span = Span{within(begin), within(end)};
  if (where.span->begin == where.span->end && begin < end) {
    where.span = Span{0, static_cast<std::uint32_t>(part->text.size())};
  }
  return where;
}

Diagnostic Place::Fault(std::string_view code, std::string compatible, std::string message) const {
  Diagnostic fault{.code = std::string(code), .message = std::move(message), .where = Locate()};
  fault.compatible = std::move(compatible);
  return fault;
}

Diagnostics Place::Faults(const Diagnostics& issues, std::string_view prefix) const {
  Diagnostics faults;
  std::string all;
  std::size_t texts = 0;
  for (const Diagnostic& issue : issues) {
    if (texts > kMaxFaultTexts) break;
    Diagnostic fault = issue;
    fault.where = Locate(issue.where.span);
    fault.message = WithoutTypeNames(issue.message);
    fault.compatible = fmt::format("{}{}", prefix, issue.compatible);
    const bool selects_from_list =
        issue.compatible.find("type 'list(") != std::string::npos &&
        issue.compatible.find("does not support field selection") != std::string::npos;
    if (selects_from_list) fault.hint = "of a list, take one with [0] or all with .map(x, x.…)";
    // Between the parts of a string there is a '+' that the author did not write.
    if (!text.standalone() && fault.compatible.find("'_+_'") != std::string::npos) {
      fault.code = "KRO406";
      fault.message = "text and values other than strings cannot be joined";
      fault.hint = "convert the value: ${string(…)}";
    }
    texts += fault.where.expression.size() + fault.compatible.size() + issue.compatible.size();
    all += fmt::format("{}{}", all.empty() ? "" : "\n", issue.compatible);
    faults.push_back(std::move(fault));
  }
  if (!faults.empty()) faults[0].compatible = fmt::format("{}{}", prefix, all);
  return faults;
}

json::FieldPath Join(json::FieldPath base, const json::FieldPath& below) {
  for (const json::PathSegment& segment : below.segments()) {
    std::visit([&](const auto& part) { base.Push(part); }, segment);
  }
  return base;
}

namespace {

// Types of schemas have names that authors never see: __type_web.spec becomes `object`.
std::string WithoutTypeNames(std::string_view message) {
  constexpr std::string_view kBegin = "__type_";
  constexpr std::string_view kEnd = "'\"(), ";
  std::string shown;
  while (true) {
    const std::size_t begin = message.find(kBegin);
    shown += message.substr(0, begin);
    if (begin == std::string_view::npos) return shown;
    shown += "object";
    const std::size_t end = message.find_first_of(kEnd, begin);
    if (end == std::string_view::npos) return shown;
    message.remove_prefix(end);
  }
}

}  // namespace
}  // namespace kro::graph
