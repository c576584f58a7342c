#include "graph/internal/place.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <variant>

namespace kro::graph {

std::string_view Place::Shown() const {
  return text.standalone() ? std::string_view(text.expressions[0].text) : text.source;
}

Location Place::Locate(std::optional<Span> span) const {
  Location where{.path = path.ToString(), .expression = std::string(Shown())};
  if (text.standalone() || !span) {
    where.span = span;
    return where;
  }
  const std::size_t begin = text.SourceOffset(span->begin);
  const std::size_t end =
      span->end > span->begin ? text.SourceOffset(span->end - 1) + 1 : begin;
  where.span = Span{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
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
  for (const Diagnostic& issue : issues) {
    Diagnostic fault = issue;
    fault.where = Locate(issue.where.span);
    fault.compatible = fmt::format("{}{}", prefix, issue.compatible);
    // Between the parts of a string there is a '+' that the author did not write.
    if (!text.standalone() && fault.compatible.find("'_+_'") != std::string::npos) {
      fault.code = "KRO406";
      fault.message = "text and values other than strings cannot be joined";
      fault.hint = "convert the value: ${string(…)}";
    }
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

}  // namespace kro::graph
