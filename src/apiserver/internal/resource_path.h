// ResourcePath: what the path of a request addresses (spec kube-server section 1.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kro::apiserver {

// /api/v1/namespaces/a/pods/b/status is {"", "v1", "a", "pods", "b", "status"}.
struct ResourcePath {
  std::string group;
  std::string version;
  std::string name_space;
  std::string resource;
  std::string name;         // empty: the collection
  std::string subresource;  // what follows, "exec" or "proxy/a/b"
  bool has_namespace = false;
  bool legacy_watch = false;  // /api/v1/watch/…
};

// nullopt if `path` (still percent-encoded, without query) lies outside /api and /apis, or names no
// resource there.
std::optional<ResourcePath> ParseResourcePath(std::string_view path);

}  // namespace kro::apiserver
