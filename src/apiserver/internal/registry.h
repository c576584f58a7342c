// Registry: which resources are served.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/gvk.h"
#include "apiserver/internal/resource.h"
#include "apiserver/object_schema.h"
#include "base/error.h"

namespace kro::apiserver {

using ResourcePtr = std::shared_ptr<const Resource>;

struct ServedVersion {
  std::string version;
  std::vector<ResourcePtr> resources;  // by name
};

struct ServedGroup {
  std::string name;
  bool builtin = false;
  std::vector<ServedVersion> versions;  // the preferred one first
};

class Registry {
 public:
  // Holds the built-in resources.
  Registry();

  // In the order of discovery.
  const std::vector<ServedGroup>& groups() const { return groups_; }
  const ServedGroup* FindGroup(std::string_view group) const;

  // nullptr if it is not served.
  ResourcePtr Find(std::string_view group, std::string_view version,
                   std::string_view resource) const;
  ResourcePtr FindKind(std::string_view group, std::string_view version,
                       std::string_view kind) const;
  // In the group's preferred version.
  ResourcePtr FindInAnyVersion(std::string_view group, std::string_view resource) const;

  // Replaces all versions of a custom resource; with an empty list it is served no more.
  void SetCustom(const std::string& group, const std::string& resource,
                 std::vector<ResourcePtr> versions);

  // The structure of a resource's kind, for apply and patches.
  const ObjectSchema& StructureOf(const Resource& resource) const;
  // The same of any built-in kind, for example autoscaling/v1 Scale. All servers of a process share
  // what is read of these.
  Result<ObjectSchema> BuiltinStructure(const api::Gvk& gvk) const;

  // Counts changes of what is served.
  std::uint64_t generation() const { return generation_; }

 private:
  std::vector<ServedGroup> groups_;
  std::uint64_t generation_ = 1;
  mutable std::unordered_map<const Resource*, ObjectSchema> structures_;  // of built-in ones
};

// Order of versions as discovery shows it: stable before beta before alpha, higher numbers first.
bool ComesBefore(std::string_view version, std::string_view other);

}  // namespace kro::apiserver
