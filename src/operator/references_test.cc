// What instances read of the objects of others, with a whole operator: few watches, however many they name.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/simulated_cluster_test_util.h"

namespace kro::operator_ {
namespace {

using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr int kInstances = 100;

constexpr std::string_view kReader = R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: reader}
spec:
  schema: {apiVersion: v1alpha1, kind: Reader, spec: {number: string, team: string}}
  resources:
  - id: conf
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "conf-${schema.spec.number}", namespace: default}
  - id: team
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata: {namespace: default, selector: {matchLabels: {team: "${schema.spec.team}"}}}
  - id: copy
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "copy-${schema.spec.number}"}
      data: {k: "${conf.data.k}", members: "${string(team.size())}"}
)";

struct References : testing::Test {
  void Apply(const std::string& yaml) {
    for (const auto& reply : c.Apply(yaml)) EXPECT_TRUE(reply) << reply.error().message();
  }
  void Conf(int number, std::string_view value) {
    Apply(fmt::format(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: conf-{}, namespace: default}}, data: "
        "{{k: {}}}}}",
        number, value));
  }
  void Member(std::string_view name, std::string_view team) {
    Apply(fmt::format(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {}, namespace: default, labels: "
        "{{team: {}}}}}}}",
        name, team));
  }
  void Instance(int number) {
    Apply(fmt::format(
        "{{apiVersion: kro.run/v1alpha1, kind: Reader, metadata: {{name: r-{0}, namespace: "
        "default}}, spec: {{number: '{0}', team: t{1}}}}}",
        number, number % 5));
  }
  std::string Copy(int number) {
    const json::Value copy = c.Get(kConfigMaps, fmt::format("copy-{}", number), "default");
    if (copy.is_null()) return "none";
    return fmt::format("{} {}", json::FindString(copy, {"data", "k"}),
                       json::FindString(copy, {"data", "members"}));
  }
  // Those of what was made, aside.
  static int Referenced(const Replica& replica) {
    return replica.transport.OpenWatches("configmaps") - 1;
  }

  SimulatedCluster c;
};

TEST_F(References, OfManyInstancesShareAWatch) {
  auto replica = c.Start();
  c.ApplyAndSettle(kReader);
  for (int i = 0; i < kInstances; ++i) Conf(i, "v1");
  for (int i = 0; i < 300; ++i) Member(fmt::format("foreign-{}", i), "none");
  Member("goes", "t3");
  int most = 0;
  for (int i = 0; i < kInstances; ++i) {
    Instance(i);
    most = std::max(most, Referenced(*replica));
  }
  c.Advance(10s);
  EXPECT_LE(most, 17);
  EXPECT_EQ(Referenced(*replica), 1);
  for (int i = 0; i < kInstances; ++i) EXPECT_EQ(Copy(i), i % 5 == 3 ? "v1 1" : "v1 0");

  // A change of one concerns one, and what nobody reads concerns nobody.
  replica->transport.requests.clear();
  Conf(42, "v2");
  Member("foreign-0", "other");
  c.Advance(1min);
  EXPECT_EQ(Copy(42), "v2 0");
  EXPECT_THAT(
      replica->transport.requests,
      Each(Field(&http::Request::target, testing::AnyOf(HasSubstr("copy-42"), HasSubstr("r-42")))));
  EXPECT_THAT(replica->transport.requests, Not(SizeIs(0)));

  // What appears and what vanishes.
  Member("comes", "t4");
  c.Delete(kConfigMaps, "goes", "default");
  c.Delete(kConfigMaps, "conf-7", "default");
  c.Advance(2s);
  EXPECT_EQ(Copy(99), "v1 1");
  EXPECT_EQ(Copy(98), "v1 0");
  EXPECT_THAT(c.Condition(c.Get({"kro.run", "v1alpha1", "readers"}, "r-7", "default"), "Ready"),
              HasSubstr("waiting for external reference \"conf\": not found"));
  Conf(7, "v3");
  c.Advance(2s);
  EXPECT_EQ(Copy(7), "v3 0");

  // One that comes later reads what the watch passed over.
  Conf(kInstances, "v4");
  Member("late", "t0");
  Instance(kInstances);
  c.Advance(2s);
  EXPECT_EQ(Copy(kInstances), "v4 1");

  for (int i = 0; i <= kInstances; ++i) {
    c.Delete({"kro.run", "v1alpha1", "readers"}, fmt::format("r-{}", i), "default");
  }
  c.Advance(10s);
  EXPECT_EQ(Referenced(*replica), 0);
}

TEST_F(References, OfManyInstancesAreFollowedWithRightsToSingleObjectsOnly) {
  auto replica = c.Start();
  replica->transport.forbid = [](const http::Request& request) {
    return request.target.starts_with("/api/v1/configmaps") &&
           !request.target.contains("labelSelector");
  };
  c.ApplyAndSettle(kReader);
  for (int i = 0; i < 30; ++i) {
    Conf(i, "v1");
    Instance(i);
  }
  c.Advance(10s);
  Conf(29, "v2");
  c.Advance(2s);
  EXPECT_EQ(Copy(0), "v1 0");
  EXPECT_EQ(Copy(29), "v2 0");
  EXPECT_EQ(Referenced(*replica), 35);
}

}  // namespace
}  // namespace kro::operator_
