#include "kube/resource_version.h"

#include <algorithm>

namespace kro::kube {
namespace {

bool IsNumber(std::string_view text);

}  // namespace

std::partial_ordering CompareResourceVersions(std::string_view a, std::string_view b) {
  if (a == b) return std::partial_ordering::equivalent;
  if (!IsNumber(a) || !IsNumber(b)) return std::partial_ordering::unordered;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  int order = a.compare(b);
  return order <=> 0;
}

namespace {

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace
}  // namespace kro::kube
