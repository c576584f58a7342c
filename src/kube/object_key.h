// ObjectKey: an object inside one collection. With the names of types and collections (api/gvk.h)
// this is what every request and every store speaks of, so they are at home in this folder too.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>

#include "api/gvk.h"
#include "base/to_string_formatter.h"

namespace kro::kube {

using api::GroupVersion;
using api::Gvk;
using api::Gvr;

// A plain value. The namespace of a cluster-scoped object is empty.
struct ObjectKey {
  std::string name_space;
  std::string name;

  std::string ToString() const;  // "ns/name", "/name"
  std::string CacheKey() const;  // "ns/name", "name"

  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

}  // namespace kro::kube

template <>
struct std::hash<kro::kube::ObjectKey> {
  std::size_t operator()(const kro::kube::ObjectKey& value) const noexcept;
};

template <>
struct fmt::formatter<kro::kube::ObjectKey> : kro::ToStringFormatter<kro::kube::ObjectKey> {};
