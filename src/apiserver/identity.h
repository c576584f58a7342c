// User: who makes a request, as the server sees it after authentication and impersonation.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kro::apiserver {

struct User {
  std::string name;
  std::vector<std::string> groups;
  std::string uid = {};
  std::map<std::string, std::vector<std::string>> extra = {};

  bool IsIn(std::string_view group) const;
  // Whether nothing is refused to the user: a member of system:masters.
  bool IsMaster() const;

  friend bool operator==(const User&, const User&) = default;
};

// kubernetes-admin in system:masters.
User ClusterAdmin();
// system:anonymous.
User AnonymousUser();
// A service account's user, "system:serviceaccount:<namespace>:<name>".
User ServiceAccountUser(std::string_view name_space, std::string_view name);

}  // namespace kro::apiserver
