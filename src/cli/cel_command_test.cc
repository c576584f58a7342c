#include "cli/cel_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace kro::cli {
namespace {

using ::testing::HasSubstr;

// A file of its own folder, removed with the test.
class CelCommand : public ::testing::Test {
 protected:
  CelCommand() { std::filesystem::create_directories(folder_); }
  ~CelCommand() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("kro-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
       std::to_string(::testing::UnitTest::GetInstance()->random_seed()));
};

TEST_F(CelCommand, PrintsValueTypeAndWhatWasRead) {
  const Output output =
      RunCel({.expression = "schema.spec.name + '-db'",
              .vars = File("vars.yaml", "schema:\n  spec:\n    name: web\n"),
              .schemas = {"schema=" + File("schema.yaml",
                                           "type: object\nproperties:\n  spec:\n    type: object\n"
                                           "    properties:\n      name: {type: string}\n")}});
  EXPECT_EQ(output.err, "");
  EXPECT_EQ(output.code, ExitCode::kOk);
  EXPECT_THAT(output.out, HasSubstr("value  \"web-db\"\ntype   string\ncost   "));
  EXPECT_THAT(output.out, HasSubstr("reads  schema\n"));
}

TEST_F(CelCommand, ChecksWithoutData) {
  const Output output = RunCel({.expression = "[1, 2].map(x, x * 2)", .check_only = true});
  EXPECT_EQ(output.out, "type   list(int)\nreads  nothing\n");
}

TEST_F(CelCommand, ShowsValuesWithoutAJsonFormAsExpressions) {
  const Output output =
      RunCel({.expression = "[dyn(quantity('1Gi')), b'a\\xff\"', 2u, duration('90s')]"});
  EXPECT_EQ(output.code, ExitCode::kOk);
  EXPECT_THAT(output.out,
              HasSubstr(R"(value  [quantity("1Gi"), b"a\xff\"", 2u, duration("90s")])"));
  EXPECT_THAT(output.out, HasSubstr("note   unsupported type: kubernetes.Quantity\n"));
}

TEST_F(CelCommand, PointsAtTheMistake) {
  const Output output =
      RunCel({.expression = "deploymnt.spec", .vars = File("vars.yaml", "deployment: {}\n")});
  EXPECT_EQ(output.code, ExitCode::kNo);
  EXPECT_THAT(output.err, HasSubstr("deploymnt"));
  EXPECT_THAT(output.err, HasSubstr("^~~~~~~~~"));
  EXPECT_THAT(output.err, HasSubstr("did you mean 'deployment'?"));
}

TEST_F(CelCommand, SaysWhatIsPending) {
  const Output output =
      RunCel({.expression = "db.status.host", .vars = File("vars.yaml", "db: {status: {}}\n")});
  EXPECT_EQ(output.code, ExitCode::kNo);
  EXPECT_EQ(output.err, "kro: no such key: host (data pending)\n");
}

TEST_F(CelCommand, PrintsJsonForScripts) {
  const Output output = RunCel({.expression = "1 + 1", .json = true});
  EXPECT_THAT(output.out, HasSubstr(R"("type":"int","variables":[],"value":2,"cost":)"));
}

TEST_F(CelCommand, RefusesFilesThatAreNotThere) {
  const Output output = RunCel({.expression = "1", .vars = "/nowhere/vars.yaml"});
  EXPECT_EQ(output.code, ExitCode::kNoInput);
  EXPECT_EQ(output.err, "kro: /nowhere/vars.yaml: No such file or directory\n");
}

TEST_F(CelCommand, RefusesVariablesThatAreNoMap) {
  const std::string path = File("vars.yaml", "- 1\n");
  const Output output = RunCel({.expression = "1", .vars = path});
  EXPECT_EQ(output.code, ExitCode::kNoInput);
  EXPECT_EQ(output.err,
            "kro: " + path + ": expected a map of variable names to values, found array\n");
}

TEST_F(CelCommand, EndsWhenTheBudgetIsUsedUp) {
  const Output output =
      RunCel({.expression = "lists.range(5000).all(a, lists.range(5000).all(b, a + b >= 0))"});
  EXPECT_EQ(output.code, ExitCode::kNo);
  EXPECT_THAT(output.err, HasSubstr("budget"));
}

}  // namespace
}  // namespace kro::cli
