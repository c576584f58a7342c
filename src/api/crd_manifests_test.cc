#include "api/crd_manifests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "json/yaml.h"

namespace kro::api {
namespace {

const json::Value& SpecSchema(const json::Value& crd) {
  return crd.at("spec")
      .at("versions")
      .at(0)
      .at("schema")
      .at("openAPIV3Schema")
      .at("properties")
      .at("spec");
}

TEST(CrdManifests, EveryRuleInTheTableIsJson) {
  for (const auto& field : FieldsOfRgdSpec()) {
    EXPECT_TRUE(json::Parse("{" + std::string(field.rules) + "}")) << field.path;
  }
}

TEST(CrdManifests, RgdHasUpstreamsRules) {
  const json::Value crd = RgdCrd();
  EXPECT_EQ(json::FindString(crd, {"metadata", "name"}), "resourcegraphdefinitions.kro.run");
  const json::Value& spec = SpecSchema(crd);
  EXPECT_EQ(json::Canonical(spec.at("required")), R"(["schema"])");
  const json::Value& schema = spec.at("properties").at("schema");
  EXPECT_EQ(json::Canonical(schema.at("required")), R"(["kind","apiVersion","scope"])");
  EXPECT_EQ(
      json::Canonical(schema.at("properties").at("kind")),
      R"({"description":"Kind of the instances.","pattern":"^[A-Z][a-zA-Z0-9]{0,62}$","type":"string",)"
      R"("x-kubernetes-validations":[{"message":"kind is immutable","rule":"self == oldSelf"}]})");
  const json::Value& resource = spec.at("properties").at("resources").at("items");
  EXPECT_EQ(json::Canonical(resource.at("required")), R"(["id"])");
  EXPECT_EQ(json::Canonical(resource.at("properties").at("forEach")),
            R"({"description":"Makes one object for each element.","items":)"
            R"({"additionalProperties":{"type":"string"},"maxProperties":1,"minProperties":1,)"
            R"("type":"object"},"type":"array"})");
}

TEST(CrdManifests, ARevisionHoldsTheSameSpec) {
  const json::Value revision = GraphRevisionCrd();
  const json::Value& spec = SpecSchema(revision);
  EXPECT_EQ(spec.at("properties").at("snapshot").at("properties").at("spec"), SpecSchema(RgdCrd()));
  EXPECT_EQ(json::Canonical(spec.at("required")), R"(["revision","snapshot"])");
  EXPECT_EQ(json::Canonical(spec.at("properties").at("snapshot").at("required")),
            R"(["name","generation","spec"])");
  EXPECT_EQ(json::Canonical(revision.at("spec").at("versions").at(0).at("selectableFields")),
            R"([{"jsonPath":".spec.snapshot.name"}])");
}

TEST(CrdManifests, NamesAreComplete) {
  for (const auto& crd : AllCrds()) {
    const std::string name(json::FindString(crd, {"spec", "names", "plural"}));
    EXPECT_EQ(json::FindString(crd, {"metadata", "name"}),
              name + "." + std::string(json::FindString(crd, {"spec", "group"})));
  }
}

// The files that an administrator applies. `KRO_UPDATE=1 api_test` writes them anew.
TEST(CrdManifests, TheFilesToInstallAreCurrent) {
  for (const auto& crd : AllCrds()) {
    const std::string path = std::string(KRO_SOURCE_DIR) + "/config/crd/" +
                             std::string(json::FindString(crd, {"metadata", "name"})) + ".yaml";
    if (std::getenv("KRO_UPDATE") != nullptr) std::ofstream(path) << json::ToYaml(crd);
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text, json::ToYaml(crd)) << path;
  }
}

}  // namespace
}  // namespace kro::api
