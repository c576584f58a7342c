#include "schema/crd_synthesis.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "json/kubectl_yaml.h"
#include "schema/simpleschema.h"
#include "support/conformance.h"

namespace kro::schema {
namespace {

constexpr std::string_view kUid = "6f1c0f5e-0000-4000-8000-000000000001";

std::vector<std::string> CrdCases() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(conformance::DataPath("conformance/crds"))) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

std::string ReadCase(const std::string& name, std::string_view file) {
  return conformance::ReadData(fmt::format("conformance/crds/{}/{}", name, file));
}

// A status with expressions is inferred by the graph compiler, whose tests run those cases.
bool NeedsExpressions(const api::Rgd& rgd) {
  const auto& status = rgd.spec.schema->status;
  return status && !status->as_object().empty();
}

std::string Canonical(const json::Value& value) {
  return json::Canonical(conformance::PlainNumbers(value));
}

// Upstream's plurals of some kinds are no legal names; see api/plural.h.
bool HasIllegalPlural(const json::Value& crd) {
  return std::ranges::any_of(json::FindString(crd, {"spec", "names", "plural"}),
                             [](unsigned char c) { return std::isupper(c) != 0; });
}

void ExpectRecorded(const api::Rgd& rgd, const json::Value& expected) {
  const auto& schema = *rgd.spec.schema;
  const auto spec = BuildSpecSchema(schema.spec ? &*schema.spec : nullptr,
                                    schema.types ? &*schema.types : nullptr);
  if (json::Find(expected, "unserialisable") != nullptr) {
    EXPECT_TRUE(spec || !spec.error().empty());
    return;
  }
  ASSERT_TRUE(spec) << spec.error()[0].compatible;
  json::Value crd = SynthesizeCrd(schema, *spec, StatusSchema(nullptr));
  StampCrd(crd, rgd, "devel");
  if (HasIllegalPlural(expected)) {
    EXPECT_FALSE(HasIllegalPlural(crd));
    return;
  }
  EXPECT_EQ(Canonical(crd.at("metadata")), Canonical(expected.at("metadata")));
  EXPECT_EQ(Canonical(crd.at("spec")), Canonical(expected.at("spec")));
}

TEST(CrdSynthesisConformance, AgreesWithUpstream) {
  conformance::Tally tally("crds", "test/conformance/definition_differences.txt");
  for (const auto& name : CrdCases()) {
    const auto read = json::ParseKubectlYaml(ReadCase(name, "rgd.yaml"), name);
    if (!read || read->documents.size() != 1) {
      tally.Count(name, read ? "no single document" : read.error()[0].message);
      continue;
    }
    const json::Document* document = &read->documents[0];
    auto decoded = api::DecodeRgd(document->value, name, &document->map);
    if (!decoded || !decoded->rgd.spec.schema) {
      tally.Count(name, decoded ? "no schema" : decoded.error()[0].message);
      continue;
    }
    api::Rgd& rgd = decoded->rgd;
    rgd.uid = kUid;
    if (NeedsExpressions(rgd)) continue;
    const auto expected = json::Parse(ReadCase(name, "crd.json"));
    tally.Run(name, [&] { ExpectRecorded(rgd, expected.value()); });
  }
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
