// Authorizer: who may do what, by the roles and bindings in the store (spec kube-server section 10.2).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/identity.h"
#include "apiserver/internal/policy_rule.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/store.h"

namespace kro::apiserver {

class Authorizer {
 public:
  // `store` outlives it.
  explicit Authorizer(Store& store);
  ~Authorizer();

  struct Decision {
    bool allowed = false;
    // `RBAC: allowed by ClusterRoleBinding "b" of …`, or what is wrong with a binding that might have
    // allowed it. Empty: nothing to say.
    std::string reason;
  };
  Decision Decide(const User& user, const AccessAttributes& attributes) const;

  // 403 in the server's words if it is not allowed.
  Answer<void> Check(const User& user, const AccessAttributes& attributes) const;

  // All rules that hold for the user in a namespace; those of the cluster alone if it is empty.
  std::vector<PolicyRule> RulesFor(const User& user, std::string_view name_space) const;

  // The rules of a role that a binding in `name_space` refers to; nothing if there is no such role.
  std::optional<std::vector<PolicyRule>> RulesOfRole(std::string_view kind, std::string_view name,
                                                     std::string_view name_space) const;

 private:
  struct Subject;
  struct Binding;
  struct Policy;

  // The bindings that concern the user, and their rules. False from `visit` ends it.
  using Visit =
      std::function<bool(const PolicyRule& rule, const Binding& binding, const Subject& subject)>;
  void ForRules(const User& user, std::string_view name_space, const Visit& visit,
                std::vector<std::string>& faults) const;
  const Policy& policy() const;

  Store& store_;
  mutable std::unique_ptr<const Policy> policy_;  // nullptr: to be read again
};

// `User "alice" cannot list resource "pods" in API group "" in the namespace "default"`
std::string WhyForbidden(const User& user, const AccessAttributes& attributes);

}  // namespace kro::apiserver
