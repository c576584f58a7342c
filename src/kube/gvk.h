// Names of types and objects: plain values, comparable, hashable, printed as Go prints them.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kro::kube {

struct GroupVersion {
  std::string group;  // empty: the core group
  std::string version;

  // Reads "v1" or "apps/v1". kInvalid for anything else.
  static Result<GroupVersion> Parse(std::string_view api_version);

  std::string ToString() const;  // "v1", "apps/v1"

  friend bool operator==(const GroupVersion&, const GroupVersion&) = default;
  friend auto operator<=>(const GroupVersion&, const GroupVersion&) = default;
};

// A type as a manifest names it.
struct Gvk {
  std::string group;
  std::string version;
  std::string kind;

  GroupVersion group_version() const { return {group, version}; }
  std::string api_version() const { return group_version().ToString(); }
  std::string ToString() const;  // "apps/v1, Kind=Deployment"; the core group: "/v1, Kind=Pod"

  friend bool operator==(const Gvk&, const Gvk&) = default;
  friend auto operator<=>(const Gvk&, const Gvk&) = default;
};

// A collection as a URL names it.
struct Gvr {
  std::string group;
  std::string version;
  std::string resource;

  GroupVersion group_version() const { return {group, version}; }
  std::string ToString() const;  // "apps/v1, Resource=deployments"
  std::string group_resource() const;  // "deployments.apps", "pods"

  friend bool operator==(const Gvr&, const Gvr&) = default;
  friend auto operator<=>(const Gvr&, const Gvr&) = default;
};

// An object inside one collection. The namespace of a cluster-scoped object is empty.
struct ObjectKey {
  std::string name_space;
  std::string name;

  std::string ToString() const;  // "ns/name", "/name"
  std::string CacheKey() const;  // "ns/name", "name"

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

// Whether objects of a type live in namespaces.
enum class ResourceScope { kNamespaced, kCluster };

}  // namespace kro::kube

template <>
struct std::hash<kro::kube::GroupVersion> {
  std::size_t operator()(const kro::kube::GroupVersion& value) const noexcept;
};
template <>
struct std::hash<kro::kube::Gvk> {
  std::size_t operator()(const kro::kube::Gvk& value) const noexcept;
};
template <>
struct std::hash<kro::kube::Gvr> {
  std::size_t operator()(const kro::kube::Gvr& value) const noexcept;
};
template <>
struct std::hash<kro::kube::ObjectKey> {
  std::size_t operator()(const kro::kube::ObjectKey& value) const noexcept;
};

namespace kro::kube::internal {
template <typename T>
struct ToStringFormatter : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const T& value, Context& context) const {
    return fmt::formatter<std::string_view>::format(value.ToString(), context);
  }
};
}  // namespace kro::kube::internal

template <>
struct fmt::formatter<kro::kube::GroupVersion>
    : kro::kube::internal::ToStringFormatter<kro::kube::GroupVersion> {};
template <>
struct fmt::formatter<kro::kube::Gvk> : kro::kube::internal::ToStringFormatter<kro::kube::Gvk> {};
template <>
struct fmt::formatter<kro::kube::Gvr> : kro::kube::internal::ToStringFormatter<kro::kube::Gvr> {};
template <>
struct fmt::formatter<kro::kube::ObjectKey>
    : kro::kube::internal::ToStringFormatter<kro::kube::ObjectKey> {};
