#include "apiserver/identity.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::apiserver {

bool User::IsIn(std::string_view group) const {
  return std::ranges::find(groups, group) != groups.end();
}

bool User::IsMaster() const { return IsIn("system:masters"); }

User ClusterAdmin() {
  return {.name = "kubernetes-admin", .groups = {"system:masters", "system:authenticated"}};
}

User AnonymousUser() { return {.name = "system:anonymous", .groups = {"system:unauthenticated"}}; }

User ServiceAccountUser(std::string_view name_space, std::string_view name) {
  return {.name = fmt::format("system:serviceaccount:{}:{}", name_space, name),
          .groups = {"system:serviceaccounts", fmt::format("system:serviceaccounts:{}", name_space),
                     "system:authenticated"}};
}

}  // namespace kro::apiserver
