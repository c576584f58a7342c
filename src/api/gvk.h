// Gvk, Gvr and GroupKind: how Kubernetes names types and collections.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::api {

// A type in a manifest.
struct Gvk {
  std::string group;  // empty: the core group
  std::string version;
  std::string kind;

  // "apps/v1" or "v1".
  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }

  // "apps/v1, Kind=Deployment"; the core group prints as "/v1, Kind=Pod".
  std::string ToString() const { return group + "/" + version + ", Kind=" + kind; }

  friend auto operator<=>(const Gvk&, const Gvk&) = default;
};

// A collection in a URL.
struct Gvr {
  std::string group;
  std::string version;
  std::string resource;

  friend auto operator<=>(const Gvr&, const Gvr&) = default;
};

struct GroupKind {
  std::string group;
  std::string kind;

  // "Deployment.apps"; "ConfigMap" for the core group.
  std::string ToString() const { return group.empty() ? kind : kind + "." + group; }

  friend auto operator<=>(const GroupKind&, const GroupKind&) = default;
};

// Splits "apps/v1". kInvalid: `invalid apiVersion format "<v>": unexpected GroupVersion string: <v>`.
Result<Gvk> ParseGvk(std::string_view api_version, std::string_view kind);

}  // namespace kro::api
