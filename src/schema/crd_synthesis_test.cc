#include "schema/crd_synthesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "api/conformance_data.h"
#include "json/yaml.h"
#include "schema/simpleschema.h"

namespace kro::schema {
namespace {

constexpr std::string_view kUid = "6f1c0f5e-0000-4000-8000-000000000001";

std::vector<std::string> CrdCases() {
  std::vector<std::string> names;
  const auto root = std::filesystem::path(KRO_SOURCE_DIR) / "test/data/conformance/crds";
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

// Cases whose file says a key twice, which our reader refuses and kubectl does not.
std::set<std::string> UnmetCases() {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/src/schema/crd_synthesis_unmet.txt");
  std::set<std::string> names;
  for (std::string line; std::getline(file, line);) names.insert(line);
  return names;
}

// A status with expressions is inferred by the graph compiler, whose tests run those cases.
bool NeedsExpressions(const api::Rgd& rgd) {
  const auto& status = rgd.spec.schema->status;
  return status && !status->as_object().empty();
}

std::string Canonical(const json::Value& value) { return json::Canonical(PlainNumbers(value)); }

TEST(CrdSynthesis, AgreesWithUpstream) {
  int passed = 0;
  int elsewhere = 0;
  const auto unmet = UnmetCases();
  for (const auto& name : CrdCases()) {
    SCOPED_TRACE(name);
    auto document = json::ParseYamlDocument(ReadTestFile("crds/" + name + "/rgd.yaml"), name);
    if (unmet.contains(name)) {
      EXPECT_FALSE(document) << "listed as unmet, but can be read";
      continue;
    }
    ASSERT_TRUE(document) << document.error()[0].message;
    auto decoded = api::DecodeRgd(document->value, name, &document->map);
    ASSERT_TRUE(decoded) << decoded.error()[0].message;
    api::Rgd& rgd = decoded->rgd;
    rgd.uid = kUid;
    ASSERT_TRUE(rgd.spec.schema);
    if (NeedsExpressions(rgd)) {
      ++elsewhere;
      continue;
    }
    const auto& schema = *rgd.spec.schema;
    const auto expected = json::Parse(ReadTestFile("crds/" + name + "/crd.json"));
    ASSERT_TRUE(expected);
    const auto spec = BuildSpecSchema(schema.spec ? &*schema.spec : nullptr,
                                      schema.types ? &*schema.types : nullptr);
    ++passed;
    if (json::Find(*expected, "unserialisable") != nullptr) {
      EXPECT_TRUE(spec || !spec.error().empty());
      continue;
    }
    ASSERT_TRUE(spec) << spec.error()[0].compatible;
    json::Value crd = SynthesizeCrd(schema, *spec, StatusSchema(nullptr));
    StampCrd(crd, rgd, "devel");
    // Upstream's plural of this kind is no legal name; see api/plural.h.
    if (name == "plural-dns") {
      EXPECT_EQ(json::FindString(crd, {"metadata", "name"}), "dns.kro.run");
      continue;
    }
    EXPECT_EQ(Canonical(crd.at("metadata")), Canonical(expected->at("metadata")));
    EXPECT_EQ(Canonical(crd.at("spec")), Canonical(expected->at("spec")));
  }
  std::printf("%d passed, %zu unmet, %d need expressions\n", passed, unmet.size(), elsewhere);
  EXPECT_GT(passed, 50);
}

api::Rgd Web() {
  api::Rgd rgd;
  rgd.name = "web";
  rgd.uid = "u-1";
  rgd.spec.schema.emplace();
  rgd.spec.schema->kind = "Web";
  rgd.spec.schema->api_version = "v1alpha1";
  return rgd;
}

json::Value CrdOf(const api::Rgd& rgd, std::string_view spec) {
  const auto fields = json::Parse(spec);
  const auto schema = BuildSpecSchema(&*fields, nullptr);
  json::Value crd = SynthesizeCrd(*rgd.spec.schema, *schema, StatusSchema(nullptr));
  StampCrd(crd, rgd, "devel");
  return crd;
}

TEST(CrdPatch, IsEmptyWhenTheServerOnlyAddedToIt) {
  const json::Value desired = CrdOf(Web(), R"({"a":"string"})");
  json::Value live = desired;
  live.as_object()["status"] = json::Object{{"acceptedNames", json::Object()}};
  live.at("spec").as_object()["conversion"] = json::Object{{"strategy", "None"}};
  live.at("metadata").at("labels").as_object()["team"] = "a";
  EXPECT_EQ(json::Canonical(MakeCrdPatch(live, desired)), "{}");
}

TEST(CrdPatch, SeesWhatNoReportLooksAt) {
  const json::Value live = CrdOf(Web(), R"({"a":"string | validation=\"self != ''\""})");
  EXPECT_NE(json::Canonical(MakeCrdPatch(live, CrdOf(Web(), R"({"a":"string"})"))), "{}");
  api::Rgd named = Web();
  named.spec.schema->short_names = {"w"};
  const json::Value with_names = CrdOf(named, R"({"a":"string"})");
  const json::Value patch = MakeCrdPatch(with_names, CrdOf(Web(), R"({"a":"string"})"));
  EXPECT_EQ(json::Canonical(patch.at("spec").at("names").at("shortNames")), "null");
}

}  // namespace
}  // namespace kro::schema
