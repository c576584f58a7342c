// The recorded cases whose CRD or schema depends on expressions: those of crds/ with a status, those of
// simpleschema.json with one, and the examples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "graph/compile.h"
#include "graph/recorded_cluster.h"
#include "json/yaml.h"
#include "schema/crd_synthesis.h"

namespace kro::graph {
namespace {

constexpr std::string_view kUid = "6f1c0f5e-0000-4000-8000-000000000001";

// Every rgd.yaml of crds/ that has a status, but one that says a key twice.
std::vector<std::string> CasesWithStatus() {
  std::vector<std::string> names;
  const auto root = std::filesystem::path(KRO_SOURCE_DIR) / "test/data/conformance/crds";
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const std::string name = entry.path().filename();
    const std::string text = ReadTestFile("crds/" + name + "/rgd.yaml");
    const auto document = json::ParseYamlDocument(text);
    const auto* status =
        document ? json::Find(document->value, {"spec", "schema", "status"}) : nullptr;
    if (status != nullptr && !status->as_object().empty()) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::string Canonical(const json::Value& value) { return json::Canonical(PlainNumbers(value)); }

TEST(CrdConformance, GivesTheRecordedCrds) {
  const Kinds kinds = RecordedCluster();
  int passed = 0;
  for (const std::string& name : CasesWithStatus()) {
    SCOPED_TRACE(name);
    const auto document = json::ParseYamlDocument(ReadTestFile("crds/" + name + "/rgd.yaml"), name);
    auto decoded = api::DecodeRgd(document->value, name, &document->map);
    ASSERT_TRUE(decoded);
    decoded->rgd.uid = kUid;
    const auto graph = Compile(decoded->rgd.name, decoded->rgd.spec, kinds);
    ASSERT_TRUE(graph) << graph.error()[0].compatible;
    json::Value crd = (*graph)->crd;
    schema::StampCrd(crd, decoded->rgd, "devel");
    const json::Value expected = ReadRecord("crds/" + name + "/crd.json");
    EXPECT_EQ(Canonical(crd.at("metadata")), Canonical(expected.at("metadata")));
    EXPECT_EQ(Canonical(crd.at("spec")), Canonical(expected.at("spec")));
    ++passed;
  }
  std::printf("%d passed, 0 unmet\n", passed);
  EXPECT_GE(passed, 32);
}

TEST(CrdConformance, InfersTheRecordedStatusOfSimpleSchemas) {
  int passed = 0;
  for (const json::Value& test : ReadCases("simpleschema.json")) {
    const auto* status = json::Find(test, "status");
    if (status == nullptr) continue;
    SCOPED_TRACE(json::Serialize(test));
    api::RgdSpec spec;
    spec.schema.emplace();
    spec.schema->kind = "App";
    spec.schema->api_version = "v1alpha1";
    if (const auto* section = json::Find(test, "spec")) spec.schema->spec = *section;
    if (const auto* section = json::Find(test, "types")) spec.schema->types = *section;
    spec.schema->status = *status;
    const auto graph = Compile("r", spec, Kinds());
    if (const auto* expected = json::Find(test, "statusSchema")) {
      ASSERT_TRUE(graph) << graph.error()[0].compatible;
      const auto* found = json::Find((*graph)->crd.at("spec").at("versions").at(0),
                                     {"schema", "openAPIV3Schema", "properties", "status"});
      EXPECT_EQ(Canonical(*found), Canonical(*expected));
    } else {
      ASSERT_FALSE(graph);
      const std::string& first = graph.error()[0].compatible;
      const auto cut = [](std::string_view text) {
        const auto place = text.find("Syntax error");
        return std::string(text.substr(0, place));
      };
      const auto* one = json::Find(test, "error");
      const json::Array errors = one ? json::Array{*one} : test.at("errors").as_array();
      const bool is_known = std::ranges::any_of(errors, [&](const json::Value& error) {
        return cut(error.as_string()) == cut(first);
      });
      EXPECT_TRUE(is_known) << first;
    }
    ++passed;
  }
  std::printf("%d passed, 0 unmet\n", passed);
  EXPECT_EQ(passed, 106);
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Examples, Compile) {
  const Kinds kinds = RecordedCluster();
  const auto root = std::filesystem::path(KRO_SOURCE_DIR) / "test/data/examples";
  int compiled = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = std::filesystem::relative(entry.path(), root);
    SCOPED_TRACE(name);
    const auto documents = json::ParseYaml(ReadFile(entry.path()), name);
    // One example says a key twice: kubectl takes the last one, here it is refused with both places.
    if (name == "kubernetes/core-dns/core-dns.yaml") {
      ASSERT_FALSE(documents);
      EXPECT_EQ(documents.error()[0].code, "KRO102");
      continue;
    }
    ASSERT_TRUE(documents) << Render(documents.error()[0]);
    for (const json::Document& document : *documents) {
      if (json::FindString(document.value, {"kind"}) != "ResourceGraphDefinition") continue;
      const auto decoded = api::DecodeRgd(document.value, name, &document.map);
      ASSERT_TRUE(decoded);
      CompileOptions options;
      options.source = name;
      options.map = &document.map;
      const auto graph = Compile(decoded->rgd.name, decoded->rgd.spec, kinds, options);
      std::string faults;
      if (!graph) {
        for (const Diagnostic& fault : graph.error()) faults += Render(fault);
      }
      EXPECT_TRUE(graph) << faults;
      compiled += graph ? 1 : 0;
    }
  }
  std::printf("%d compiled\n", compiled);
  EXPECT_EQ(compiled, 17);
}

}  // namespace
}  // namespace kro::graph
