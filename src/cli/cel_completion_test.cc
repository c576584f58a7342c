#include "cli/cel_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kro::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

// An instance with a schema, a variable without one, and a list.
class CelCompletion : public ::testing::Test {
 protected:
  CelCompletion() {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "vars.yaml") << "schema: {}\npod: {spec: {node: a, nodeName: b}}\n";
    std::ofstream(folder_ / "schema.yaml") << R"(
type: object
properties:
  spec:
    type: object
    properties:
      name: {type: string}
      replicas: {type: integer}
      ports:
        type: array
        items: {type: object, properties: {port: {type: integer}, protocol: {type: string}}}
)";
    session_ = *CelSession::Open({.expression = {},
                                  .vars = folder_ / "vars.yaml",
                                  .schemas = {"schema=" + (folder_ / "schema.yaml").string()}});
  }
  ~CelCompletion() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> Words(std::string_view text) const {
    return Complete(*session_, text).words;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("kro-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
       std::to_string(::testing::UnitTest::GetInstance()->random_seed()));
  std::unique_ptr<const CelSession> session_;
};

TEST_F(CelCompletion, NamesVariablesFunctionsAndMacros) {
  EXPECT_THAT(Words("sch"), ElementsAre("schema"));
  EXPECT_THAT(Words("1 + si"), ElementsAre("sign(", "size("));
  EXPECT_THAT(Words("h"), Contains("has("));
  EXPECT_THAT(Words("nothing_begins_so"), IsEmpty());
}

TEST_F(CelCompletion, NamesFieldsByTheSchema) {
  EXPECT_THAT(Words("schema.spec.re"), ElementsAre("replicas"));
  EXPECT_THAT(Words("schema.spec.?"), ElementsAre("name", "ports", "replicas"));
  EXPECT_EQ(Complete(*session_, "1 + schema.spec.re").begin, 16u);
}

TEST_F(CelCompletion, NamesFunctionsOfTheType) {
  EXPECT_THAT(Words("schema.spec.name.low"), ElementsAre("lowerAscii("));
  EXPECT_THAT(Words("'text'.start"), ElementsAre("startsWith("));
  EXPECT_THAT(Words("[1, 2].s"), Contains("sum("));
  EXPECT_THAT(Words("schema.spec.replicas.s"), Not(Contains("startsWith(")));
  EXPECT_THAT(Words("hash."), ElementsAre("fnv64a(", "md5(", "sha256("));
}

TEST_F(CelCompletion, NamesKeysOfDataWithoutASchema) {
  EXPECT_THAT(Words("pod.spec.node"), ElementsAre("node", "nodeName"));
}

TEST_F(CelCompletion, KnowsTheVariablesOfMacrosAroundIt) {
  EXPECT_THAT(Words("schema.spec.ports.map(p, p.p"), ElementsAre("port", "protocol"));
  EXPECT_THAT(Words("schema.spec.ports.all(i, p, i > 0 && p.p"), ElementsAre("port", "protocol"));
  EXPECT_THAT(Words("schema.spec.ports.filter(p, p.port > 0).exists(q, q.pro"),
              ElementsAre("protocol"));
  EXPECT_THAT(Words("cel.bind(x, schema.spec, x.na"), ElementsAre("name"));
  EXPECT_THAT(Words("schema.spec.ports.map(port, po"), Contains("port"));
}

}  // namespace
}  // namespace kro::cli
