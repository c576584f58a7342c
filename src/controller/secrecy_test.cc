#include "controller/secrecy.h"

#include <gtest/gtest.h>

namespace kro::controller {
namespace {

const api::Gvr kConfigMaps{"", "v1", "configmaps"};
const api::Gvr kSecrets{"", "v1", "secrets"};

graph::Node Making(const api::Gvr& gvr) {
  graph::Node node;
  node.mapping.gvr = gvr;
  return node;
}

TEST(Secrecy, OfAGraphThatIsNotKnownEverythingIsConfidential) {
  EXPECT_EQ(SecrecyOf(nullptr), Secrecy::kConfidential);
  EXPECT_EQ(SecrecyOf(nullptr, kConfigMaps), Secrecy::kConfidential);
}

TEST(Secrecy, OfAGraphItIsThatOfItsNodes) {
  graph::Graph graph;
  graph.nodes.push_back(Making(kConfigMaps));
  EXPECT_EQ(SecrecyOf(&graph), Secrecy::kNone);
  EXPECT_EQ(SecrecyOf(&graph, kConfigMaps), Secrecy::kNone);
  // An earlier revision made it, of which nothing is known.
  EXPECT_EQ(SecrecyOf(&graph, kSecrets), Secrecy::kConfidential);

  graph.nodes.push_back(Making(kSecrets));
  graph.nodes.back().confidential = {json::FieldPath({"data"})};
  EXPECT_EQ(SecrecyOf(&graph), Secrecy::kConfidential);
  EXPECT_EQ(SecrecyOf(&graph, kConfigMaps), Secrecy::kNone);
  EXPECT_EQ(SecrecyOf(&graph, kSecrets), Secrecy::kConfidential);
}

}  // namespace
}  // namespace kro::controller
