// Every definition of test/data/examples compiles.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "graph/compile.h"
#include "graph/recorded_cluster_test_util.h"
#include "json/kubectl_yaml.h"

namespace kro::graph {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Examples, Compile) {
  const Kinds kinds = RecordedCluster();
  const auto root = std::filesystem::path(conformance::DataPath("examples"));
  int compiled = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = std::filesystem::relative(entry.path(), root);
    SCOPED_TRACE(name);
    // As kubectl reads them: one example says a key twice.
    const auto read = json::ParseKubectlYaml(ReadFile(entry.path()), name);
    ASSERT_TRUE(read) << Render(read.error()[0]);
    for (const json::Document& document : read->documents) {
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
  EXPECT_EQ(compiled, 18);
}

}  // namespace
}  // namespace kro::graph
