// LiveObject: an object as the cluster has it; ObjectIdentity: which object that is.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

#include "api/gvk.h"
#include "json/value.h"

namespace kro::runtime {

// Shared with the store it comes from, never changed.
using LiveObject = std::shared_ptr<const json::Value>;

// One object whatever the version it is spoken of in. The namespace of a cluster-scoped one is
// empty.
struct ObjectIdentity {
  api::GroupKind group_kind;
  std::string ns;
  std::string name;

  friend auto operator<=>(const ObjectIdentity&, const ObjectIdentity&) = default;
};

// Members of metadata; empty if there are none.
std::string_view NameOf(const json::Value& object);
std::string_view NamespaceOf(const json::Value& object);
std::string_view UidOf(const json::Value& object);
std::string_view LabelOf(const json::Value& object, std::string_view key);
std::string_view AnnotationOf(const json::Value& object, std::string_view key);

// Has a deletionTimestamp.
bool IsTerminating(const json::Value& object);

}  // namespace kro::runtime
