// Gvk, Gvr, GroupVersion and GroupKind: how Kubernetes names types and collections. Plain values,
// comparable, hashable, printed as Go prints them.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/to_string_formatter.h"

namespace kro::api {

struct GroupVersion {
  std::string group;  // empty: the core group
  std::string version;

  // Reads "v1" or "apps/v1". As in Go an empty part stays empty; only a second '/' is kInvalid:
  // `unexpected GroupVersion string: <text>`.
  static Result<GroupVersion> Parse(std::string_view text);

  // "apps/v1" or "v1".
  std::string ToString() const { return group.empty() ? version : group + "/" + version; }

  friend auto operator<=>(const GroupVersion&, const GroupVersion&) = default;
};

// A type in a manifest.
struct Gvk {
  std::string group;
  std::string version;
  std::string kind;

  GroupVersion group_version() const { return {group, version}; }

  // "apps/v1" or "v1".
  std::string ApiVersion() const { return group_version().ToString(); }

  // "apps/v1, Kind=Deployment"; the core group prints as "/v1, Kind=Pod".
  std::string ToString() const { return group + "/" + version + ", Kind=" + kind; }

  friend auto operator<=>(const Gvk&, const Gvk&) = default;
};

// A collection in a URL.
struct Gvr {
  std::string group;
  std::string version;
  std::string resource;

  GroupVersion group_version() const { return {group, version}; }

  // "apps/v1, Resource=deployments"; the core group prints as "/v1, Resource=pods".
  std::string ToString() const { return group + "/" + version + ", Resource=" + resource; }

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

template <>
struct std::hash<kro::api::GroupVersion> {
  std::size_t operator()(const kro::api::GroupVersion& value) const noexcept;
};
template <>
struct std::hash<kro::api::Gvk> {
  std::size_t operator()(const kro::api::Gvk& value) const noexcept;
};
template <>
struct std::hash<kro::api::Gvr> {
  std::size_t operator()(const kro::api::Gvr& value) const noexcept;
};
template <>
struct std::hash<kro::api::GroupKind> {
  std::size_t operator()(const kro::api::GroupKind& value) const noexcept;
};

template <>
struct fmt::formatter<kro::api::GroupVersion> : kro::ToStringFormatter<kro::api::GroupVersion> {};
template <>
struct fmt::formatter<kro::api::Gvk> : kro::ToStringFormatter<kro::api::Gvk> {};
template <>
struct fmt::formatter<kro::api::Gvr> : kro::ToStringFormatter<kro::api::Gvr> {};
template <>
struct fmt::formatter<kro::api::GroupKind> : kro::ToStringFormatter<kro::api::GroupKind> {};
