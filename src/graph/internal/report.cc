#include "graph/internal/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace kro::graph {

json::FieldPath ResourcePath(std::size_t index) {
  return json::FieldPath({std::string("spec"), std::string("resources"), index});
}

Diagnostic Problem(std::string_view code, const json::FieldPath& path, std::string text) {
  Diagnostic problem{.code = std::string(code)};
  problem.where.path = path.ToString();
  problem.message = text;
  problem.compatible = std::move(text);
  return problem;
}

Diagnostics Enclose(Diagnostics inner, const json::FieldPath& root, std::string_view prefix) {
  const std::string begin = root.ToString();
  for (Diagnostic& diagnostic : inner) {
    std::string& path = diagnostic.where.path;
    const bool glued = begin.empty() || path.empty() || path.front() == '[';
    path = begin + (glued ? "" : ".") + path;
    constexpr std::size_t kLongPrefix = 500;
    if (prefix.size() <= kLongPrefix || &diagnostic == inner.data())
      diagnostic.compatible.insert(0, prefix);
  }
  return inner;
}

void Append(Diagnostics& all, Diagnostics more) {
  const std::size_t room = kMaxFaults - std::min(all.size(), kMaxFaults);
  more.resize(std::min(more.size(), room));
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string Suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  const auto near = DidYouMean(name, candidates);
  return near ? fmt::format("did you mean '{}'?", *near) : std::string();
}

}  // namespace kro::graph
