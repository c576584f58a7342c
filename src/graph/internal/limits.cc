#include "graph/internal/limits.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "graph/internal/report.h"
#include "json/path.h"

namespace kro::graph {
namespace {

// Of all values' paths as text, and of the paths of strings with expressions as they are kept. An ordinary
// definition of 1 MiB has less than half of either.
constexpr std::size_t kMaxPathTexts = 16 << 20;
constexpr std::size_t kMaxExpressionPaths = 24 << 20;
constexpr std::size_t kSegmentBytes = sizeof(json::PathSegment);

// One value, and how far down it is.
struct Spot {
  const json::Value* value;
  std::size_t path_text;
  std::size_t depth;
};

Diagnostic TooMany(const json::FieldPath& path, std::string text);
std::optional<Diagnostic> CheckEntries(const api::RgdSpec& spec);
std::optional<Diagnostic> CheckValues(const json::Value& spec);

}  // namespace

std::optional<Diagnostic> CheckLimits(const api::RgdSpec& spec) {
  const json::FieldPath resources({std::string("spec"), std::string("resources")});
  if (spec.resources.size() > kMaxResources) {
    return TooMany(resources, fmt::format("a definition has at most {} resources, not {}",
                                          kMaxResources, spec.resources.size()));
  }
  if (auto fault = CheckEntries(spec)) return fault;
  return CheckValues(spec.raw);
}

namespace {

Diagnostic TooMany(const json::FieldPath& path, std::string text) {
  return Problem("KRO209", path, std::move(text));
}

// Lists whose entries are expressions, or ought to be, and names that stand in every fault below them.
std::optional<Diagnostic> CheckEntries(const api::RgdSpec& spec) {
  std::size_t entries = 0;
  for (std::size_t i = 0; i < spec.resources.size(); ++i) {
    const api::Resource& resource = spec.resources[i];
    if (resource.id.size() > kMaxNameBytes) {
      return TooMany(ResourcePath(i).Child("id"),
                     fmt::format("an id has at most {} bytes", kMaxNameBytes));
    }
    for (const api::ForEach& dimension : resource.for_each) {
      if (dimension.name.size() <= kMaxNameBytes) continue;
      return TooMany(ResourcePath(i).Child("forEach"),
                     fmt::format("the name of an iterator has at most {} bytes", kMaxNameBytes));
    }
    entries += resource.ready_when.size() + resource.include_when.size();
  }
  if (spec.schema && spec.schema->status) {
    const auto* conditions = json::Find(*spec.schema->status, "conditions");
    if (conditions != nullptr && conditions->is_array()) entries += conditions->get_array().size();
  }
  if (entries <= kMaxExpressions) return std::nullopt;
  return TooMany(
      json::FieldPath().Child("spec"),
      fmt::format("a definition has at most {} conditions, not {}", kMaxExpressions, entries));
}

std::optional<Diagnostic> CheckValues(const json::Value& spec) {
  const json::FieldPath root = json::FieldPath().Child("spec");
  std::size_t path_texts = 0;
  std::size_t expressions = 0;
  std::size_t expression_paths = 0;
  std::vector<Spot> open = {{&spec, 4, 1}};
  while (!open.empty()) {
    const Spot place = open.back();
    open.pop_back();
    path_texts += place.path_text;
    if (const auto* object = place.value->if_object()) {
      for (const auto& member : *object) {
        open.push_back(
            {&member.value(), place.path_text + member.key().size() + 1, place.depth + 1});
      }
    } else if (const auto* array = place.value->if_array()) {
      for (const auto& item : *array) open.push_back({&item, place.path_text + 4, place.depth + 1});
    } else if (const auto* text = place.value->if_string();
               text != nullptr && std::string_view(*text).find("${") != std::string_view::npos) {
      ++expressions;
      expression_paths += place.path_text + place.depth * kSegmentBytes;
    }
    if (path_texts > kMaxPathTexts || expression_paths > kMaxExpressionPaths) {
      return TooMany(root, "the definition has too many values that are nested too deep");
    }
  }
  if (expressions > kMaxExpressions) {
    return TooMany(root, fmt::format("a definition has at most {} strings with expressions, not {}",
                                     kMaxExpressions, expressions));
  }
  return std::nullopt;
}

}  // namespace
}  // namespace kro::graph
