#include "dev/manifests.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "json/path.h"

namespace kro::dev {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Names(const ManifestSet& set) {
  std::vector<std::string> names;
  for (const Manifest& manifest : set.objects) names.push_back(manifest.id.ToString());
  return names;
}

TEST(Manifests, AreReadFromFoldersInTheOrderInWhichTheyAreNeeded) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("kro-manifests-{}", ::getpid());
  std::filesystem::create_directories(folder / "sub" / ".hidden");
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name) << text;
  };
  write("a.yaml",
        "apiVersion: kro.run/v1alpha1\nkind: Web\nmetadata: {name: w, namespace: team}\n");
  write("b.yml",
        "apiVersion: kro.run/v1alpha1\nkind: ResourceGraphDefinition\nmetadata: {name: d}\n---\n"
        "apiVersion: dev.kro.run/v1alpha1\nkind: Rules\nrules: []\n");
  write("sub/c.json", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team"}})");
  write("sub/.hidden/d.yaml", "broken: [");
  write("notes.txt", "broken: [");
  const ManifestSet set = ReadManifests({folder});
  std::filesystem::remove_all(folder);
  EXPECT_THAT(Names(set), ElementsAre("Namespace team", "ResourceGraphDefinition d", "Web team/w"));
  EXPECT_EQ(set.rules.size(), 1u);
  EXPECT_THAT(set.faults, IsEmpty());
}

TEST(Manifests, SayWhereTheyAreWrong) {
  struct Case {
    std::string_view text, fault;
  };
  const Case kCases[] = {
      {"a: [1\n", "f.yaml:"},
      {"---\na: 1\n", "f.yaml:2:1: this is no object: it has no apiVersion and kind"},
      {"apiVersion: v1\nkind: Pod\n", "f.yaml:1:1: the Pod has no metadata.name"},
      {"{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n"
       "{apiVersion: v1, kind: Pod, metadata: {name: a}}",
       "f.yaml:3:1: Pod a is also in f.yaml, line 1"},
  };
  for (const Case& c : kCases) {
    ManifestSet set;
    ReadManifest(c.text, "f.yaml", set);
    ASSERT_FALSE(set.faults.empty()) << c.text;
    EXPECT_THAT(Render(set.faults.front()), HasSubstr(std::string(c.fault)));
    EXPECT_THAT(set.broken, ElementsAre("f.yaml"));
  }
}

TEST(Manifests, AMissingFileIsAFault) {
  const ManifestSet set = ReadManifests({"/no/such/file.yaml"});
  ASSERT_EQ(set.faults.size(), 1u);
  EXPECT_THAT(Render(set.faults[0]), HasSubstr("/no/such/file.yaml: No such file"));
}

TEST(Manifests, GiveFaultsTheirPlaceInTheFile) {
  ManifestSet set;
  ReadManifest(
      "apiVersion: kro.run/v1alpha1\nkind: R\nmetadata: {name: r}\nspec:\n  text: a-${web.nme}-b\n",
      "r.yaml", set);
  Diagnostic fault{.code = "KRO402", .message = "no such field 'nme'"};
  fault.where.path = "spec.text";
  fault.where.expression = "web.nme";
  fault.where.span = Span{4, 7};
  EXPECT_EQ(Render(InFile(fault, set.objects[0])),
            "r.yaml:5:17: spec.text: no such field 'nme' [KRO402]\n  ${web.nme}\n        ^~~");
}

}  // namespace
}  // namespace kro::dev
