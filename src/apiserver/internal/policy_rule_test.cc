#include "apiserver/internal/policy_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::apiserver {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PolicyRule, AllowsWhatItNames) {
  const PolicyRule pods{.verbs = {"get", "list"}, .groups = {""}, .resources = {"pods", "*/scale"}};
  struct Case {
    AccessAttributes wanted;
    bool allowed;
  };
  const Case cases[] = {
      {{.verb = "get", .resource = "pods"}, true},
      {{.verb = "get", .resource = "pods", .name = "a"}, true},
      {{.verb = "watch", .resource = "pods"}, false},
      {{.verb = "get", .group = "apps", .resource = "pods"}, false},
      {{.verb = "get", .resource = "pods", .subresource = "status"}, false},
      {{.verb = "get", .resource = "deployments", .subresource = "scale"}, true},
      {{.verb = "get", .path = "/healthz"}, false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(Allows(pods, test.wanted), test.allowed)
        << test.wanted.verb << " " << test.wanted.resource << "/" << test.wanted.subresource;
  }
}

TEST(PolicyRule, NamesOfObjectsExcludeRequestsWithoutName) {
  const PolicyRule rule{
      .verbs = {"*"}, .groups = {"*"}, .resources = {"*"}, .resource_names = {"a"}};
  EXPECT_TRUE(Allows(rule, {.verb = "get", .resource = "pods", .name = "a"}));
  EXPECT_FALSE(Allows(rule, {.verb = "get", .resource = "pods", .name = "b"}));
  EXPECT_FALSE(Allows(rule, {.verb = "create", .resource = "pods"}));
}

TEST(PolicyRule, PathsEndInAStarOrAreExact) {
  const PolicyRule rule{.verbs = {"get"}, .urls = {"/apis/*", "/version"}};
  EXPECT_TRUE(Allows(rule, {.verb = "get", .path = "/apis/apps"}));
  EXPECT_TRUE(Allows(rule, {.verb = "get", .path = "/version"}));
  EXPECT_FALSE(Allows(rule, {.verb = "get", .path = "/version/x"}));
  EXPECT_FALSE(Allows(rule, {.verb = "post", .path = "/version"}));
}

std::vector<std::string> Missing(const std::vector<PolicyRule>& held,
                                 const std::vector<PolicyRule>& wanted) {
  std::vector<std::string> texts;
  for (const PolicyRule& rule : MissingRules(held, wanted)) texts.push_back(ToString(rule));
  return texts;
}

TEST(PolicyRule, WhatIsMissingIsToldByResource) {
  const PolicyRule held{.verbs = {"get"}, .groups = {""}, .resources = {"pods"}};
  const PolicyRule wanted{
      .verbs = {"get", "delete"}, .groups = {""}, .resources = {"pods", "secrets"}};
  EXPECT_THAT(Missing({held}, {wanted}),
              ElementsAre(R"({APIGroups:[""], Resources:["pods"], Verbs:["delete"]})",
                          R"({APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]})"));
}

TEST(PolicyRule, StarsCoverAllAndNamesDoNotCoverTheWhole) {
  const PolicyRule all{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}};
  const PolicyRule pods{.verbs = {"get"}, .groups = {""}, .resources = {"pods/log"}};
  EXPECT_THAT(Missing({all}, {pods}), IsEmpty());
  EXPECT_THAT(Missing({pods}, {all}),
              ElementsAre(R"({APIGroups:["*"], Resources:["*"], Verbs:["*"]})"));
  const PolicyRule named{
      .verbs = {"get"}, .groups = {""}, .resources = {"pods"}, .resource_names = {"a"}};
  const PolicyRule whole{.verbs = {"get"}, .groups = {""}, .resources = {"pods"}};
  EXPECT_THAT(Missing({whole}, {named}), IsEmpty());
  EXPECT_THAT(Missing({named}, {whole}),
              ElementsAre(R"({APIGroups:[""], Resources:["pods"], Verbs:["get"]})"));
}

}  // namespace
}  // namespace kro::apiserver
