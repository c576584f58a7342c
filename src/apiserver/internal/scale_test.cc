// Writes through /scale, and who then owns the replicas.
#include "apiserver/internal/scale.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apiserver/world_test_util.h"

namespace kro::apiserver {
namespace {

constexpr const char* kDeployments = "/apis/apps/v1/namespaces/default/deployments";
constexpr const char* kWeb = "/apis/apps/v1/namespaces/default/deployments/web";
constexpr std::string_view kApplyType = "application/apply-patch+yaml";

struct ScaleWorld : ServerWorld {
  ScaleWorld() {
    Create(fmt::format("{}?fieldManager=owner", kDeployments), R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}
)");
  }
  http::Response Apply(std::string_view body, std::string_view query) {
    return Send("PATCH", fmt::format("{}/scale{}", kWeb, query), std::string(body),
                std::string(kApplyType));
  }
  // The managers of which an entry has spec.replicas, with its operation and subresource.
  std::string Owners() {
    std::string owners;
    const json::Value web = Get(kWeb);
    for (const json::Value& entry : json::Find(web, {"metadata", "managedFields"})->as_array()) {
      if (json::Find(entry, {"fieldsV1", "f:spec", "f:replicas"}) == nullptr) continue;
      owners += fmt::format("{} {} {} {};", json::FindString(entry, {"manager"}),
                            json::FindString(entry, {"operation"}),
                            json::FindString(entry, {"apiVersion"}),
                            json::FindString(entry, {"subresource"}));
    }
    return owners;
  }
};

constexpr std::string_view kThree = R"(
apiVersion: autoscaling/v1
kind: Scale
metadata: {name: web}
spec: {replicas: 3}
)";

TEST(Scale, AnApplyOwnsTheReplicasThatItSets) {
  ScaleWorld world;
  const http::Response answer = world.Apply(kThree, "?fieldManager=scaler&force=true");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(world.At(kWeb, "spec.replicas"), "3");
  EXPECT_EQ(world.Owners(), "scaler Apply apps/v1 scale;");
}

TEST(Scale, AnApplyConflictsWithAnotherOwner) {
  ScaleWorld world;
  const http::Response refused = world.Apply(kThree, "?fieldManager=scaler");
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_NE(refused.body.find(R"(conflict with \"owner\")"), std::string::npos) << refused.body;
  EXPECT_EQ(world.At(kWeb, "spec.replicas"), "1");
  EXPECT_EQ(world.Owners(), "owner Update apps/v1 ;");
}

TEST(Scale, AnApplyOfWhatIsThereAlreadySharesIt) {
  ScaleWorld world;
  EXPECT_EQ(world
                .Apply("apiVersion: autoscaling/v1\nkind: Scale\nspec: {replicas: 1}\n",
                       "?fieldManager=scaler")
                .status,
            200);
  EXPECT_NE(world.Owners().find("scaler Apply apps/v1 scale;"), std::string::npos)
      << world.Owners();
}

TEST(Scale, AnApplyNeedsItsManagerAndTheRightType) {
  ScaleWorld world;
  EXPECT_EQ(world.Apply(kThree, "").status, 422);
  EXPECT_EQ(world.Apply("apiVersion: apps/v1\nkind: Deployment\n", "?fieldManager=m").status, 400);
  EXPECT_EQ(
      world.Apply("apiVersion: autoscaling/v1\nkind: Scale\nspec: {x: 1}\n", "?fieldManager=m")
          .status,
      500);
  EXPECT_EQ(world.Send("PATCH", fmt::format("{}/scale", kWeb), "{}", "text/plain").status, 415);
  EXPECT_EQ(world.Send("PUT", fmt::format("{}/scale", kWeb), "{}", "text/plain").status, 415);
}

TEST(Scale, AnUpdateTakesTheReplicasFromTheirOwner) {
  ScaleWorld world;
  EXPECT_EQ(world
                .Send("PATCH", fmt::format("{}/scale?fieldManager=hand", kWeb),
                      R"({"spec":{"replicas":2}})", "application/merge-patch+json")
                .status,
            200);
  EXPECT_EQ(world.Owners(), "hand Update apps/v1 scale;");
  EXPECT_EQ(world
                .Send("PUT", fmt::format("{}/scale?fieldManager=hand", kWeb),
                      "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: web}\n"
                      "spec: {replicas: 4}\n",
                      "application/yaml")
                .status,
            200);
  EXPECT_EQ(world.At(kWeb, "spec.replicas"), "4");
  EXPECT_EQ(world.Owners(), "hand Update apps/v1 scale;");
}

TEST(Scale, ADryRunShowsTheScaleAsItWouldBe) {
  ScaleWorld world;
  const std::string version = world.At(kWeb, "metadata.resourceVersion");
  const http::Response answer = world.Apply(kThree, "?fieldManager=s&force=true&dryRun=All");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(R"("replicas":3)"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find(fmt::format(R"("resourceVersion":"{}")", version)), std::string::npos)
      << answer.body;
  EXPECT_EQ(world.At(kWeb, "spec.replicas"), "1");
}

TEST(Scale, IsOfTheObjectThatIsMeant) {
  ScaleWorld world;
  EXPECT_EQ(world
                .Send("PATCH", fmt::format("{}/scale", kWeb),
                      R"({"metadata":{"uid":"other"},"spec":{"replicas":2}})",
                      "application/merge-patch+json")
                .status,
            409);
}

}  // namespace
}  // namespace kro::apiserver
