#include "dev/instance_tree.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::dev {
namespace {

using apiserver::ObjectChange;
using testing::ElementsAre;

using Labels = std::vector<std::pair<std::string, std::string>>;

bool Put(InstanceTree& tree, std::string uid, std::string resource, std::string name,
         std::string parent, std::string rest) {
  static std::uint64_t revision = 0;
  Labels labels{{"kro.run/owned", "true"}};
  if (!parent.empty()) labels.emplace_back("kro.run/instance-id", parent);
  const std::string members = fmt::format(R"("metadata":{{"name":"{}"}}{})", name, rest);
  return tree.Observe({.revision = ++revision,
                       .group = resource == "deployments" ? "apps" : "g",
                       .resource = resource,
                       .name_space = "ns",
                       .name = name,
                       .uid = uid,
                       .labels = labels,
                       .members = members});
}

std::vector<std::string> Shown(const InstanceTree& tree) {
  std::vector<std::string> lines;
  for (const TreeLine& line : tree.Lines()) {
    lines.push_back(fmt::format("{} {} {} {}{}", line.depth, line.resource, line.name, line.state,
                                line.message.empty() ? "" : ": " + line.message));
  }
  return lines;
}

TEST(InstanceTree, ShowsInstancesAndBelowThemWhatTheyMade) {
  InstanceTree tree;
  Put(tree, "2", "webs", "b", "", R"(,"status":{"state":"ACTIVE"})");
  Put(tree, "1", "webs", "a", "",
      R"(,"status":{"state":"IN_PROGRESS","conditions":[{"type":"Ready","status":"False","message":"waits"}]})");
  Put(tree, "3", "deployments", "a", "1", R"(,"spec":{"replicas":2},"status":{"readyReplicas":1})");
  Put(tree, "4", "configmaps", "c", "1", "");
  EXPECT_THAT(Shown(tree),
              ElementsAre("0 webs ns/a IN_PROGRESS: waits", "1 deployments a 1/2 ready",
                          "1 configmaps c ", "0 webs ns/b ACTIVE"));
}

TEST(InstanceTree, SaysWhetherAChangeIsToBeSeen) {
  InstanceTree tree;
  EXPECT_TRUE(Put(tree, "1", "webs", "a", "", R"(,"status":{"state":"ACTIVE"})"));
  EXPECT_FALSE(Put(tree, "1", "webs", "a", "", R"(,"status":{"state":"ACTIVE","count":3})"));
  EXPECT_TRUE(Put(tree, "1", "webs", "a", "", R"(,"status":{"state":"ERROR"})"));
  const Labels nobody;
  EXPECT_FALSE(tree.Observe({.resource = "pods", .name = "x", .uid = "9", .labels = nobody}));
  EXPECT_TRUE(tree.Observe({.type = ObjectChange::Type::kRemoved,
                            .resource = "webs",
                            .name = "a",
                            .uid = "1",
                            .labels = nobody}));
  EXPECT_TRUE(tree.Lines().empty());
}

}  // namespace
}  // namespace kro::dev
