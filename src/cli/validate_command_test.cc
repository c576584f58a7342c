#include "cli/validate_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "json/value.h"
#include "json/yaml.h"

namespace kro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Files in a folder of its own, removed with the test.
class ValidateCommand : public ::testing::Test {
 protected:
  ValidateCommand() {
    std::filesystem::create_directories(folder_);
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
  }
  ~ValidateCommand() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  std::string File(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return name;
  }

  // A definition of one resource.
  std::string Definition(const std::string& name, const std::string& kind,
                         const std::string& resource) {
    return File(name + ".yaml",
                "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nmetadata: {name: " +
                    name + "}\nspec:\n  schema:\n    apiVersion: v1alpha1\n    kind: " + kind +
                    "\n    spec: {name: string}\n    status: {where: \"${a.metadata.name}\"}\n"
                    "  resources:\n  - id: a\n    template:\n" +
                    resource);
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() /
      ("kro-validate-" +
       std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
       std::to_string(::testing::UnitTest::GetInstance()->random_seed()));
  std::filesystem::path before_;
};

const char kConfigMap[] =
    "      {apiVersion: v1, kind: ConfigMap, metadata: {name: \"${schema.spec.name}\"}}\n";

TEST_F(ValidateCommand, CompilesADefinitionWithTheKindsThatEveryClusterHas) {
  const Output output = RunValidate({.files = {Definition("web", "Web", kConfigMap)}});
  EXPECT_EQ(output.err, "");
  EXPECT_EQ(output.out,
            "web.yaml: ResourceGraphDefinition web: valid (1 resource, 1 level)\n"
            "1 document checked, 0 errors, 0 warnings\n");
  EXPECT_EQ(output.code, ExitCode::kOk);
}

TEST_F(ValidateCommand, SpeaksAsUpstreamDoesWhereItIsCalledLikeIt) {
  EXPECT_EQ(RunValidate({.files = {Definition("web", "Web", kConfigMap)}, .upstream = true}).out,
            "Validation successful! The ResourceGraphDefinition is valid.\n");
}

TEST_F(ValidateCommand, ShowsEveryFaultAtItsPlace) {
  const Output output = RunValidate({.files = {Definition("bad", "Bad", R"(
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${shema.spec.name}"}
      spec:
        replicsa: 2
        replicas: "${schema.spec.name}"
)")}});
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err,
            "bad.yaml:18:19: error[KRO602]: unknown field 'replicsa'\n"
            "   at spec.resources[0].template.spec.replicsa\n"
            "   18 |         replicsa: 2\n"
            "      |                   ^ did you mean 'replicas'?\n"
            "bad.yaml:16:27: error[KRO402]: unknown name 'shema'\n"
            "   at spec.resources[0].template.metadata.name\n"
            "   16 |       metadata: {name: \"${shema.spec.name}\"}\n"
            "      |                           ^~~~~ did you mean 'schema'?\n"
            "bad.yaml:19:22: error[KRO403]: expected int, got string\n"
            "   at spec.resources[0].template.spec.replicas\n"
            "   19 |         replicas: \"${schema.spec.name}\"\n"
            "      |                      ^~~~~~~~~~~~~~~~ convert it: int(…)\n"
            "validation failed: 1 document checked, 3 errors, 0 warnings\n");
  EXPECT_EQ(output.code, ExitCode::kNo);
}

TEST_F(ValidateCommand, PointsAtYamlThatDoesNotParse) {
  const std::string good = Definition("web", "Web", kConfigMap);
  const Output output =
      RunValidate({.files = {File("broken.yaml", "kind: X\nspec:\n  a: b: c\n"), good}});
  EXPECT_THAT(output.err, StartsWith("broken.yaml:3:7: error[KRO101]: "));
  EXPECT_THAT(
      output.err,
      HasSubstr("   3 |   a: b: c\n     |       ^ a value that holds ': ' must be quoted\n"));
  EXPECT_THAT(output.err,
              HasSubstr("validation failed: 2 documents checked, 1 error, 0 warnings\n"));
  // The other file is checked all the same.
  EXPECT_THAT(output.out, HasSubstr("web.yaml: ResourceGraphDefinition web: valid"));
  EXPECT_EQ(output.code, ExitCode::kNo);
}

const char kTable[] = R"(      apiVersion: cloud.example.com/v1
      kind: Table
      metadata: {name: "${schema.spec.name}"}
      spec: {key: "${schema.spec.name}"}
)";

TEST_F(ValidateCommand, AKindThatIsNotBuiltInIsTakenFromFilesOrUntyped) {
  const std::string file = Definition("db", "Db", kTable);
  const Output unknown = RunValidate({.files = {file}});
  EXPECT_THAT(
      unknown.err,
      AllOf(HasSubstr("db.yaml:14:13: error[KRO601]: no kind 'Table' in 'cloud.example.com/v1'"),
            HasSubstr("--crds"), HasSubstr("--unknown-kinds")));
  EXPECT_EQ(unknown.code, ExitCode::kNo);

  const Output warned = RunValidate({.files = {file}, .unknown_kinds = UnknownKinds::kWarn});
  EXPECT_THAT(
      warned.err,
      HasSubstr(
          "warning[KRO601]: no kind 'Table' in 'cloud.example.com/v1'; what is read of it is dyn"));
  EXPECT_EQ(warned.code, ExitCode::kOk);
  const Output strict =
      RunValidate({.files = {file}, .unknown_kinds = UnknownKinds::kWarn, .strict = true});
  EXPECT_EQ(strict.code, ExitCode::kNo);
  const Output ignored = RunValidate({.files = {file}, .unknown_kinds = UnknownKinds::kIgnore});
  EXPECT_EQ(ignored.err, "");

  File("crds/table.yaml", R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tables.cloud.example.com}
spec:
  group: cloud.example.com
  names: {kind: Table, plural: tables}
  scope: Cluster
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {
      spec: {type: object, properties: {key: {type: integer}}}}}}}
)");
  const Output typed = RunValidate({.files = {file}, .crds = {"crds"}});
  EXPECT_THAT(typed.err, AllOf(HasSubstr("error[KRO403]: expected int, got string"),
                               Not(HasSubstr("KRO601"))));
}

TEST_F(ValidateCommand, ReadsTheDocumentsThatAServerPublishes) {
  const std::string file = Definition("db", "Db", kTable);
  const std::string document = File("openapi.json", R"({"openapi": "3.0.0",
    "paths": {"/apis/cloud.example.com/v1/tables": {"get": {"x-kubernetes-action": "list",
      "x-kubernetes-group-version-kind": {"group": "cloud.example.com", "version": "v1", "kind": "Table"}}}},
    "components": {"schemas": {"Table": {"type": "object",
      "x-kubernetes-group-version-kind": [{"group": "cloud.example.com", "version": "v1", "kind": "Table"}],
      "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}}},
        "spec": {"type": "object", "properties": {"key": {"type": "string"}}}}}}}})");
  const Output output =
      RunValidate({.files = {file}, .crds = {document}, .show = ValidateOptions::Show::kGraph});
  EXPECT_EQ(output.err, "");
  EXPECT_THAT(output.out,
              HasSubstr("node a: Resource, cloud.example.com/v1 Table (tables), cluster-scoped"));
}

TEST_F(ValidateCommand, DefinitionsMayUseEachOthersKindsInAnyOrder) {
  const std::string upper = Definition("upper", "Upper", R"(
      apiVersion: kro.run/v1alpha1
      kind: Lower
      metadata: {name: x}
      spec: {name: "${schema.spec.name}"}
)");
  const std::string lower = Definition("lower", "Lower", kConfigMap);
  const Output output = RunValidate({.files = {upper, lower}});
  EXPECT_EQ(output.err, "");
  EXPECT_EQ(output.code, ExitCode::kOk);
}

TEST_F(ValidateCommand, WarnsOfKeysThatAreReadOtherwiseThanTheyLook) {
  const std::string file = File("odd.yaml", R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: odd}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Odd
    spec: {n: string}
  resources:
  - id: a
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.spec.n}"}
      data: {k: a}
      data: {k: b}
)");
  const Output output = RunValidate({.files = {file}});
  EXPECT_THAT(output.err,
              HasSubstr("odd.yaml:9:12: warning[KRO106]: the key n is read as \"false\""));
  EXPECT_THAT(output.err, HasSubstr("odd.yaml:17:7: warning[KRO102]: duplicate key 'data'"));
  EXPECT_THAT(output.err, HasSubstr("error[KRO403]: undefined field 'n'"));
  EXPECT_THAT(
      output.err,
      HasSubstr("YAML reads an unquoted key n as false: quote it where it is declared, \"n\""));
}

TEST_F(ValidateCommand, ReportsForPrograms) {
  const std::string file = Definition(
      "bad", "Bad", "      {apiVersion: v1, kind: ConfigMap, metadata: {name: \"${x.y}\"}}\n");
  const Output output = RunValidate({.files = {file}, .json = true});
  const auto report = json::Parse(output.out);
  ASSERT_TRUE(report);
  EXPECT_EQ(json::Find(*report, {"summary", "errors"})->to_number<int>(), 1);
  const json::Value& fault = report->at("results").at(0).at("diagnostics").at(0);
  EXPECT_EQ(json::FindString(fault, {"code"}), "KRO402");
  EXPECT_EQ(json::FindString(fault, {"conditionText"}),
            "failed to build dependency graph: failed to extract dependencies: references unknown "
            "identifiers: [x]");
  EXPECT_EQ(json::Serialize(fault.at("range")),
            R"({"start":{"line":13,"column":61},"end":{"line":13,"column":62}})");
}

std::string TestData(const std::string& name) {
  std::ifstream file(std::string(KRO_SOURCE_DIR) + "/src/cli/testdata/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// With the first of each text replaced that the edits name.
std::string Edited(std::string text, const json::Value& edits) {
  for (const json::Value& edit : edits.as_array()) {
    const std::string from(edit.at(0).as_string());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), std::string(edit.at(1).as_string()));
  }
  return text;
}

TEST_F(ValidateCommand, TellsOfEveryUsualMistakeWhatToDo) {
  const auto mistakes = json::ParseYamlDocument(TestData("mistakes.yaml"));
  ASSERT_TRUE(mistakes);
  const std::string web = TestData("web.yaml");
  std::string found;
  for (const json::Value& mistake : mistakes->value.as_array()) {
    found += "== " + std::string(json::FindString(mistake, {"what"})) + "\n";
    const Output output =
        RunValidate({.files = {File("web.yaml", Edited(web, mistake.at("edits")))}});
    found += output.err + output.out;
  }
  if (std::getenv("KRO_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(std::string(KRO_SOURCE_DIR) + "/src/cli/testdata/mistakes.txt", std::ios::binary)
        << found;
  }
  EXPECT_EQ(found, TestData("mistakes.txt")) << "to accept: KRO_UPDATE_GOLDEN=1 cli_test";
}

TEST_F(ValidateCommand, SaysWhatTheApiServerWouldRefuse) {
  const std::string file = File("bad.yaml", R"(
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: bad}
spec:
  schema:
    kind: Bad
    spec: {name: string}
    shortNames: [Bad]
    additionalPrinterColumns: [{name: X, type: string}]
  resources: []
)");
  const Output output = RunValidate({.files = {file}});
  EXPECT_THAT(
      output.err,
      AllOf(HasSubstr("error[KRO107]: the API server would refuse this: Required value\n   at "
                      "spec.schema.apiVersion"),
            HasSubstr(
                "bad.yaml:9:18: error[KRO107]: the API server would refuse this: Invalid value"),
            HasSubstr("at spec.schema.additionalPrinterColumns[0].jsonPath")));
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.code, ExitCode::kNo);
}

TEST_F(ValidateCommand, SaysWhatTheCompilerSaidOnlyOnce) {
  const Output output = RunValidate({.files = {Definition("bad", "bad", kConfigMap)}});
  EXPECT_THAT(output.err, AllOf(HasSubstr("error[KRO201]"), Not(HasSubstr("KRO107"))));
}

TEST_F(ValidateCommand, AFileThatCannotBeReadHidesNoneOfItsFolder) {
  std::filesystem::create_directory("some");
  std::filesystem::rename(Definition("good", "Good", kConfigMap), "some/good.yaml");
  std::filesystem::create_symlink("nowhere.yaml", "some/dangling.yaml");
  const Output output = RunValidate({.files = {"some"}});
  EXPECT_THAT(output.err,
              HasSubstr("some/dangling.yaml: error[KRO101]: No such file or directory\n"));
  EXPECT_THAT(output.out, HasSubstr("some/good.yaml: ResourceGraphDefinition good: valid"));
  EXPECT_EQ(output.code, ExitCode::kNo);
}

TEST_F(ValidateCommand, SaysWhatCannotBeRead) {
  EXPECT_EQ(RunValidate({.files = {"nowhere.yaml"}}).code, ExitCode::kNoInput);
  EXPECT_THAT(RunValidate({.files = {File("none.yaml", "a: 1\n")}}).err,
              HasSubstr("no ResourceGraphDefinition found"));
}

}  // namespace
}  // namespace kro::cli
