// PolicyRule: one rule of a Role or ClusterRole, and the arithmetic of rules (spec kube-server section
// 10.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace kro::apiserver {

struct PolicyRule {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;       // "deployments", "deployments/status", "*/scale", "*"
  std::vector<std::string> resource_names;  // empty: any
  std::vector<std::string> urls;            // "/healthz", "/apis/*"

  friend bool operator==(const PolicyRule&, const PolicyRule&) = default;
};

// What somebody wants to do. Borrowed.
struct AccessAttributes {
  std::string_view verb;
  std::string_view group;
  std::string_view version;
  std::string_view resource;
  std::string_view subresource;
  std::string_view name_space;  // empty: cluster scope
  std::string_view name;
  std::string_view path;  // of a request that is for no resource; empty otherwise

  bool IsResource() const { return path.empty(); }
};

// `rules` of a Role or ClusterRole.
std::vector<PolicyRule> ReadRules(const json::Value& role);
json::Value ToJson(const PolicyRule& rule);

bool Allows(const PolicyRule& rule, const AccessAttributes& attributes);

// The parts of `wanted` that `held` does not cover, put together by resource.
std::vector<PolicyRule> MissingRules(const std::vector<PolicyRule>& held,
                                     const std::vector<PolicyRule>& wanted);

// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`
std::string ToString(const PolicyRule& rule);

// `["a" "b"]`, as Go shows a list of texts.
std::string GoList(const std::vector<std::string>& texts);

}  // namespace kro::apiserver
