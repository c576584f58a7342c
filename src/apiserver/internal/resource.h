// Resource: one collection in one version, as requests address it and discovery describes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"

namespace kro::apiserver {

struct VersionForm;
struct CustomVersion;

enum class Scope { kCluster, kNamespaced };

enum class Verb : std::uint8_t {
  kCreate,
  kDelete,
  kDeleteCollection,
  kGet,
  kList,
  kPatch,
  kUpdate,
  kWatch
};

// "create"; nullopt for a word that is none.
std::string_view ToString(Verb verb);
std::optional<Verb> ParseVerb(std::string_view word);

struct Subresource {
  std::string name;  // "status"
  std::string
      kind_group;  // of the kind it speaks; empty with kind_version empty: the resource's own
  std::string kind_version;
  std::string kind;
  std::vector<Verb> verbs;
};

struct Resource {
  std::string group;
  std::string version;
  std::string name;  // the plural, "deployments"
  std::string kind;
  std::string list_kind;
  std::string singular;
  Scope scope = Scope::kNamespaced;
  std::vector<Verb> verbs;  // in the order of discovery
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  std::vector<Subresource> subresources;
  // What a CRD says about this version; nullptr for built-in kinds.
  std::shared_ptr<const CustomVersion> custom;
  // Of a version of a built-in kind that is stored as another; else nullptr.
  const VersionForm* stored_as = nullptr;

  bool namespaced() const { return scope == Scope::kNamespaced; }
  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  api::Gvk gvk() const { return {group, version, kind}; }
  // "deployments.apps".
  std::string Qualified() const { return group.empty() ? name : name + "." + group; }
  // The group whose resource of this name holds the objects.
  const std::string& StoredGroup() const;
  bool Offers(Verb verb) const;
  // nullptr if there is none of that name.
  const Subresource* FindSubresource(std::string_view subresource) const;
};

}  // namespace kro::apiserver
