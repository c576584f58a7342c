// Recorded definitions whose status has expressions: the CRD that they become, and what is refused.
// Those without are tests of src/schema.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/rgd.h"
#include "graph/compile.h"
#include "graph/recorded_cluster_test_util.h"
#include "json/kubectl_yaml.h"
#include "json/value.h"
#include "schema/crd_synthesis.h"
#include "support/conformance.h"

namespace kro::graph {
namespace {

constexpr std::string_view kUid = "6f1c0f5e-0000-4000-8000-000000000001";

std::string Canonical(const json::Value& value) {
  return json::Canonical(conformance::PlainNumbers(value));
}

bool HasStatus(const api::RgdSpec& spec) {
  const auto& status = spec.schema->status;
  return status && !status->as_object().empty();
}

std::string ReadCase(const std::string& name, std::string_view file) {
  return conformance::ReadData(fmt::format("conformance/crds/{}/{}", name, file));
}

void ExpectCrd(const api::Rgd& rgd, const json::Value& expected, const Kinds& kinds) {
  const auto graph = Compile(rgd.name, rgd.spec, kinds);
  ASSERT_TRUE(graph) << graph.error()[0].compatible;
  json::Value crd = (*graph)->crd;
  schema::StampCrd(crd, rgd, "devel");
  EXPECT_EQ(Canonical(crd.at("metadata")), Canonical(expected.at("metadata")));
  EXPECT_EQ(Canonical(crd.at("spec")), Canonical(expected.at("spec")));
}

TEST(DefinitionConformance, BecomesTheRecordedCrd) {
  const Kinds kinds = RecordedCluster();
  conformance::Tally tally("crds with status", "test/conformance/definition_differences.txt");
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(conformance::DataPath("conformance/crds"))) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  for (const auto& name : names) {
    const auto read = json::ParseKubectlYaml(ReadCase(name, "rgd.yaml"), name);
    if (!read || read->documents.size() != 1)
      continue;  // counted by the test of those without a status
    const json::Document* document = &read->documents[0];
    auto decoded = api::DecodeRgd(document->value, name, &document->map);
    if (!decoded || !decoded->rgd.spec.schema || !HasStatus(decoded->rgd.spec)) continue;
    api::Rgd& rgd = decoded->rgd;
    rgd.uid = kUid;
    const json::Value expected = json::Parse(ReadCase(name, "crd.json")).value();
    tally.Run(name, [&] { ExpectCrd(rgd, expected, kinds); });
  }
}

// A definition of nothing but a schema.
json::Value DefinitionOf(const json::Value& test) {
  json::Object schema{{"apiVersion", "v1alpha1"}, {"kind", "App"}, {"scope", "Namespaced"}};
  for (const std::string_view section : {"spec", "types", "status"}) {
    if (const auto* content = json::Find(test, section)) schema[section] = *content;
  }
  return json::Object{{"schema", std::move(schema)}};
}

void ExpectStatus(const json::Value& test) {
  const auto spec = api::DecodeRgdSpec(DefinitionOf(test));
  ASSERT_TRUE(spec) << spec.error()[0].message;
  const auto graph = Compile("r", *spec, Kinds());
  if (const auto* expected = json::Find(test, "statusSchema")) {
    ASSERT_TRUE(graph) << graph.error()[0].compatible;
    const auto* status = json::Find((*graph)->crd.at("spec").at("versions").at(0),
                                    {"schema", "openAPIV3Schema", "properties", "status"});
    ASSERT_NE(status, nullptr);
    EXPECT_EQ(Canonical(*status), Canonical(*expected));
    return;
  }
  ASSERT_FALSE(graph);
  json::Array errors;
  if (const auto* several = json::Find(test, "errors")) errors = several->as_array();
  if (const auto* one = json::Find(test, "error")) errors.push_back(*one);
  const std::string_view found = Comparable(graph.error()[0].compatible);
  EXPECT_TRUE(std::ranges::any_of(
      errors,
      [&](const json::Value& error) { return found.ends_with(Comparable(error.get_string())); }))
      << found << "\n  not in " << json::Canonical(errors);
}

TEST(DefinitionConformance, InfersTheRecordedStatus) {
  conformance::Tally tally("simpleschema with status",
                           "test/conformance/definition_differences.txt");
  for (const auto& test : conformance::ReadCases("conformance/simpleschema.json")) {
    if (json::Find(test, "status") == nullptr) continue;
    tally.Run(std::string(json::FindString(test, {"id"})), [&] { ExpectStatus(test); });
  }
}

}  // namespace
}  // namespace kro::graph
