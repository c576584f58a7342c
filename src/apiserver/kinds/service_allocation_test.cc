#include "apiserver/kinds/service_allocation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

using ::testing::HasSubstr;

const std::string kServices = "/api/v1/namespaces/default/services";

http::Response Post(ServerWorld& world, std::string_view name, std::string_view spec,
                    std::string_view query = "") {
  return world.Send(
      "POST", fmt::format("{}{}", kServices, query),
      fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{}"}},"spec":{}}})",
                  name, spec));
}

constexpr std::string_view kCertain = R"({"clusterIP":"10.96.0.50","ports":[{"port":80}]})";
constexpr std::string_view kNodePort =
    R"({"type":"NodePort","ports":[{"port":80,"nodePort":30007}]})";
constexpr std::string_view kAny = R"({"ports":[{"port":80}]})";

TEST(ServiceAllocation, AnAddressBelongsToOneServiceUntilItIsDeleted) {
  ServerWorld world;
  ASSERT_EQ(Post(world, "a", kCertain).status, 201);
  const http::Response second = Post(world, "b", kCertain);
  EXPECT_EQ(second.status, 422);
  EXPECT_THAT(second.body, HasSubstr("failed to allocate IP 10.96.0.50: provided IP is already "
                                     "allocated"));
  world.Send("DELETE", kServices + "/a");
  EXPECT_EQ(Post(world, "b", kCertain).status, 201);
}

TEST(ServiceAllocation, ARefusedCreationLeavesNothingTaken) {
  ServerWorld world;
  ASSERT_EQ(Post(world, "a", kAny).status, 201);
  EXPECT_EQ(Post(world, "a", kCertain).status, 409);
  EXPECT_EQ(Post(world, "a", kNodePort).status, 409);
  EXPECT_EQ(Post(world, "b", R"({"clusterIP":"10.96.0.50","ports":[]})").status, 422);
  EXPECT_EQ(Post(world, "b", kCertain, "?dryRun=All").status, 201);
  EXPECT_EQ(Post(world, "b", kNodePort, "?dryRun=All").status, 201);
  EXPECT_EQ(Post(world, "b", kCertain).status, 201);
  EXPECT_EQ(Post(world, "c", kNodePort).status, 201);
}

TEST(ServiceAllocation, ARefusedUpdateChangesNothing) {
  ServerWorld world;
  ASSERT_EQ(Post(world, "a", kNodePort).status, 201);
  const auto refused = world.Send(
      "PATCH", kServices + "/a",
      R"({"spec":{"ports":[{"port":80,"nodePort":30008},{"port":81,"nodePort":30009}]}})",
      "application/merge-patch+json");
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_EQ(Post(world, "b", kNodePort).status, 422);
  EXPECT_EQ(
      Post(world, "b", R"({"type":"NodePort","ports":[{"port":80,"nodePort":30008}]})").status,
      201);
}

TEST(ServiceAllocation, AChangeOfTypeGivesBackWhatOnlyTheFormerTypeHas) {
  ServerWorld world;
  ASSERT_EQ(
      Post(world, "a",
           R"({"type":"LoadBalancer","clusterIP":"10.96.0.50","externalTrafficPolicy":"Local",)"
           R"("healthCheckNodePort":30008,"ports":[{"port":80,"nodePort":30007}]})")
          .status,
      201);
  const auto changed = world.Send("PATCH", kServices + "/a",
                                  R"({"spec":{"type":"ExternalName","externalName":"x.y"}})",
                                  "application/merge-patch+json");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(world.At(kServices + "/a", "spec.clusterIP"), "nothing");
  EXPECT_EQ(world.At(kServices + "/a", "spec.healthCheckNodePort"), "nothing");
  EXPECT_EQ(world.At(kServices + "/a", "spec.ports[0].nodePort"), "nothing");
  EXPECT_EQ(Post(world, "b", kCertain).status, 201);
  EXPECT_EQ(Post(world, "c", kNodePort).status, 201);
  EXPECT_EQ(
      Post(world, "d", R"({"type":"NodePort","ports":[{"port":80,"nodePort":30008}]})").status,
      201);
}

TEST(ServiceAllocation, AFullRangeIsSaidAndEmptiesWithItsServices) {
  ServerWorld world;
  constexpr int kPorts = 2768;
  constexpr int kEach = 173;
  static_assert(kPorts % kEach == 0);
  std::string spec = R"({"type":"NodePort","ports":[)";
  for (int i = 1; i <= kEach; ++i) {
    spec += fmt::format(R"({}{{"name":"p{}","port":{}}})", i == 1 ? "" : ",", i, i);
  }
  spec += "]}";
  for (int i = 0; i < kPorts / kEach; ++i) {
    ASSERT_EQ(Post(world, fmt::format("s{}", i), spec).status, 201);
  }
  const auto full = Post(world, "more", R"({"type":"NodePort","ports":[{"port":80}]})");
  EXPECT_EQ(full.status, 500);
  EXPECT_THAT(full.body, HasSubstr("failed to allocate a nodePort: range is full"));
  world.Send("DELETE", kServices + "/s3");
  EXPECT_EQ(Post(world, "more", spec).status, 201);
}

TEST(ServiceAllocation, WhatIsGivenOutLeavesTheStartOfTheRangeToThoseWhoAsk) {
  ServerWorld world;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Post(world, fmt::format("s{}", i), kAny).status, 201);
  }
  EXPECT_EQ(Post(world, "dns", R"({"clusterIP":"10.96.0.10","ports":[{"port":53}]})").status, 201);
}

TEST(ServiceAllocation, APutThatLeavesThemOutKeepsThePortsOfTheSameNames) {
  ServerWorld world;
  ASSERT_EQ(Post(world, "a", kNodePort).status, 201);
  const auto put = world.Send(
      "PUT", kServices + "/a",
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"type":"NodePort",)"
      R"("ports":[{"port":8080}]}})");
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(world.At(kServices + "/a", "spec.ports[0].nodePort"), "30007");
}

}  // namespace
}  // namespace kro::apiserver
