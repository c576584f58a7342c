#include "runtime/internal/seen.h"

#include <algorithm>

#include "cel/cel.h"

namespace kro::runtime {
namespace {

constexpr std::size_t kLongestValue = 120;

std::string Show(const SeenObject& seen, std::string_view path);

}  // namespace

std::vector<SeenValue> ValuesSeen(std::string_view expression, std::span<const std::string> ids,
                                  const ObjectOf& object_of) {
  static const cel::Environment environment = cel::Environment::Kro();
  std::vector<SeenValue> seen;
  const auto ast = cel::Parse(expression, environment.dialect());
  if (!ast) return seen;
  for (const cel::Reference& reference : cel::Inspect(*ast, environment, ids).references) {
    if (reference.path == reference.id) continue;
    if (std::ranges::find(seen, reference.path, &SeenValue::path) != seen.end()) continue;
    const std::string_view path = std::string_view(reference.path).substr(reference.id.size() + 1);
    seen.push_back({reference.path, Show(object_of(reference.id), path)});
  }
  return seen;
}

namespace {

std::string Show(const SeenObject& seen, std::string_view path) {
  const json::Value* object = seen.object;
  if (object != nullptr && seen.node != nullptr) {
    const auto parsed = json::FieldPath::Parse(path);
    if (!parsed || seen.node->IsConfidential(*parsed)) return "not shown";
  }
  while (object != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    object = json::Find(*object, path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  if (object == nullptr) return "absent";
  std::string text = json::Serialize(*object);
  if (text.size() > kLongestValue) {
    std::size_t end = kLongestValue;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += "…";
  }
  return text;
}

}  // namespace
}  // namespace kro::runtime
