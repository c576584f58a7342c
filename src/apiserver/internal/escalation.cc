#include "apiserver/internal/escalation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "apiserver/internal/policy_rule.h"
#include "apiserver/internal/status.h"
#include "apiserver/kinds/values.h"
#include "base/go_quote.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

Answer<void> CheckRole(const Authorizer& authorizer, const User& user, const Resource& resource,
                       const json::Value& role, const json::Value* old);
Answer<void> CheckBinding(const Authorizer& authorizer, const User& user, const Resource& resource,
                          const json::Value& binding);
// What the user lacks, in the server's words; empty if nothing.
std::string WhatIsMissing(const Authorizer& authorizer, const User& user,
                          std::string_view name_space, const std::vector<PolicyRule>& wanted);

}  // namespace

Answer<void> CheckEscalation(const Authorizer& authorizer, const User& user,
                             const Resource& resource, const json::Value& object,
                             const json::Value* old) {
  if (resource.group != kGroup || user.IsMaster()) return {};
  if (resource.name == "roles" || resource.name == "clusterroles") {
    return CheckRole(authorizer, user, resource, object, old);
  }
  return CheckBinding(authorizer, user, resource, object);
}

namespace {

Answer<void> CheckRole(const Authorizer& authorizer, const User& user, const Resource& resource,
                       const json::Value& role, const json::Value* old) {
  const std::string_view name = StringAt(role, {"metadata", "name"});
  const std::string_view name_space = StringAt(role, {"metadata", "namespace"});
  const auto same = [&](std::string_view key) {
    const json::Value* before = json::Find(*old, key);
    const json::Value* after = json::Find(role, key);
    return (before == nullptr) == (after == nullptr) && (before == nullptr || *before == *after);
  };
  if (old != nullptr && same("rules") && same("aggregationRule")) return {};
  if (authorizer
          .Decide(user, {.verb = "escalate",
                         .group = kGroup,
                         .version = "v1",
                         .resource = resource.name,
                         .name_space = name_space,
                         .name = name})
          .allowed) {
    return {};
  }
  if (std::string missing = WhatIsMissing(authorizer, user, name_space, ReadRules(role));
      !missing.empty()) {
    return std::unexpected(ForbiddenStatus(SubjectOf(resource, name), missing));
  }
  if (json::Find(role, "aggregationRule") == nullptr) return {};
  // It may gather anything.
  const std::vector<PolicyRule> everything = {{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}},
                                              {.verbs = {"*"}, .urls = {"*"}}};
  if (WhatIsMissing(authorizer, user, name_space, everything).empty()) return {};
  return std::unexpected(ForbiddenStatus(
      SubjectOf(resource, name), "must have cluster-admin privileges to use the aggregationRule"));
}

Answer<void> CheckBinding(const Authorizer& authorizer, const User& user, const Resource& resource,
                          const json::Value& binding) {
  const std::string_view name_space = StringAt(binding, {"metadata", "namespace"});
  const std::string_view kind = StringAt(binding, {"roleRef", "kind"});
  const std::string_view role = StringAt(binding, {"roleRef", "name"});
  if (authorizer
          .Decide(user, {.verb = "bind",
                         .group = kGroup,
                         .version = "v1",
                         .resource = kind == "ClusterRole" ? "clusterroles" : "roles",
                         .name_space = name_space,
                         .name = role})
          .allowed) {
    return {};
  }
  auto rules = authorizer.RulesOfRole(kind, role, name_space);
  if (!rules) return std::unexpected(NotFoundStatus(SubjectOf(resource, role)));
  const std::string missing = WhatIsMissing(authorizer, user, name_space, *rules);
  if (missing.empty()) return {};
  return std::unexpected(
      ForbiddenStatus(SubjectOf(resource, StringAt(binding, {"metadata", "name"})), missing));
}

std::string WhatIsMissing(const Authorizer& authorizer, const User& user,
                          std::string_view name_space, const std::vector<PolicyRule>& wanted) {
  const auto missing = MissingRules(authorizer.RulesFor(user, name_space), wanted);
  if (missing.empty()) return {};
  std::vector<std::string> lines;
  for (const PolicyRule& rule : missing) lines.push_back(ToString(rule));
  std::ranges::sort(lines);
  return fmt::format(
      "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
      GoQuote(user.name), GoList(user.groups), fmt::join(lines, "\n"));
}

}  // namespace
}  // namespace kro::apiserver
