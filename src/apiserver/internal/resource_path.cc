#include "apiserver/internal/resource_path.h"

#include <vector>

#include "apiserver/internal/query.h"

namespace kro::apiserver {
namespace {

std::optional<std::vector<std::string>> Segments(std::string_view path);

}  // namespace

std::optional<ResourcePath> ParseResourcePath(std::string_view path) {
  auto segments = Segments(path);
  if (!segments || segments->empty()) return std::nullopt;
  ResourcePath parsed;
  std::size_t at = 0;
  const auto left = [&] { return segments->size() - at; };
  const std::string root = (*segments)[at++];
  if (root == "apis") {
    if (left() == 0) return std::nullopt;
    parsed.group = (*segments)[at++];
  } else if (root != "api") {
    return std::nullopt;
  }
  if (left() < 2) return std::nullopt;
  parsed.version = (*segments)[at++];
  if ((*segments)[at] == "watch" && left() > 1) {
    parsed.legacy_watch = true;
    ++at;
  }
  // /namespaces/<ns>/<x> is resource x in <ns>, but that status and finalize belong to the Namespace.
  if ((*segments)[at] == "namespaces" && left() > 2 && (*segments)[at + 2] != "status" &&
      (*segments)[at + 2] != "finalize") {
    parsed.name_space = (*segments)[at + 1];
    parsed.has_namespace = true;
    at += 2;
  }
  parsed.resource = (*segments)[at++];
  if (left() > 0) parsed.name = (*segments)[at++];
  while (left() > 0) {
    if (!parsed.subresource.empty()) parsed.subresource += '/';
    parsed.subresource += (*segments)[at++];
  }
  return parsed;
}

namespace {

std::optional<std::vector<std::string>> Segments(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), segment.size() + 1));
    auto decoded = PercentDecode(segment, PlusIs::kPlus);
    if (!decoded || decoded->empty()) return std::nullopt;
    segments.push_back(std::move(*decoded));
  }
  return segments;
}

}  // namespace
}  // namespace kro::apiserver
