#include "controller/scope_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/yaml.h"

namespace kro::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const WatchScope kOneInA{.ns = "a", .name = "one"};
const WatchScope kNode{.name = "node"};
const WatchScope kBlueInA{.ns = "a", .label_selector = "color=blue"};
const WatchScope kRedInA{.ns = "a", .label_selector = "color in (dark,red)"};
const WatchScope kBlueAnywhere{.label_selector = "color=blue"};
const WatchScope kAllInB{.ns = "b"};

struct Case {
  std::string metadata;
  std::vector<WatchScope> scopes;
};

std::vector<WatchScope> ScopesOf(const ScopeFilter& filter, const std::string& metadata) {
  const auto object = json::ParseYamlDocument("metadata: {" + metadata + "}")->value;
  const auto scopes = filter.ScopesOf(object);
  EXPECT_EQ(filter.Selects(object), !scopes.empty()) << metadata;
  return {scopes.begin(), scopes.end()};
}

TEST(ScopeFilter, SelectsByNameOrByNamespaceAndLabels) {
  ScopeFilter filter;
  for (const auto& scope : {kOneInA, kNode, kBlueInA, kRedInA, kBlueAnywhere, kAllInB}) {
    filter.Add(scope);
  }
  const Case cases[] = {
      {"name: one, namespace: a", {kOneInA}},
      {"name: one, namespace: c", {}},
      {"name: two, namespace: a", {}},
      {"name: node", {kNode}},
      {"name: node, namespace: a", {}},
      {"name: two, namespace: a, labels: {color: blue}", {kBlueAnywhere, kBlueInA}},
      {"name: two, namespace: c, labels: {color: blue}", {kBlueAnywhere}},
      {"name: other, labels: {color: blue}", {kBlueAnywhere}},
      {"name: one, namespace: a, labels: {color: dark}", {kRedInA, kOneInA}},
      {"name: two, namespace: b", {kAllInB}},
      {"name: two, namespace: b, labels: {color: blue}", {kBlueAnywhere, kAllInB}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(ScopesOf(filter, one.metadata), one.scopes) << one.metadata;
  }
}

TEST(ScopeFilter, WhatIsTakenAwaySelectsNothingMore) {
  ScopeFilter filter;
  filter.Add(kOneInA);
  filter.Add(kBlueInA);
  filter.Add(kBlueAnywhere);
  filter.Remove(kBlueInA);
  filter.Remove(kOneInA);
  EXPECT_THAT(ScopesOf(filter, "name: one, namespace: a"), IsEmpty());
  EXPECT_THAT(ScopesOf(filter, "name: one, namespace: a, labels: {color: blue}"),
              ElementsAre(kBlueAnywhere));
  EXPECT_THAT(filter.scopes(), ElementsAre(kBlueAnywhere));
}

}  // namespace
}  // namespace kro::controller
