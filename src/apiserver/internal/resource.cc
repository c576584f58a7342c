#include "apiserver/internal/resource.h"

#include <algorithm>
#include <array>
#include <utility>

#include "apiserver/internal/version_form.h"

namespace kro::apiserver {
namespace {

constexpr std::array<std::pair<std::string_view, Verb>, 8> kVerbs = {{
    {"create", Verb::kCreate},
    {"delete", Verb::kDelete},
    {"deletecollection", Verb::kDeleteCollection},
    {"get", Verb::kGet},
    {"list", Verb::kList},
    {"patch", Verb::kPatch},
    {"update", Verb::kUpdate},
    {"watch", Verb::kWatch},
}};

}  // namespace

std::string_view ToString(Verb verb) { return kVerbs[static_cast<std::size_t>(verb)].first; }

std::optional<Verb> ParseVerb(std::string_view word) {
  for (const auto& [name, verb] : kVerbs) {
    if (name == word) return verb;
  }
  return std::nullopt;
}

const std::string& Resource::StoredGroup() const {
  return stored_as == nullptr ? group : stored_as->stored.group;
}

bool Resource::Offers(Verb verb) const { return std::ranges::find(verbs, verb) != verbs.end(); }

const Subresource* Resource::FindSubresource(std::string_view subresource) const {
  auto found = std::ranges::find(subresources, subresource, &Subresource::name);
  return found == subresources.end() ? nullptr : &*found;
}

}  // namespace kro::apiserver
