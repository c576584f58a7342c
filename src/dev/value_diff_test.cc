#include "dev/value_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::dev {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Diff(std::string_view before, std::string_view after) {
  return DiffObjects(json::ParseYamlDocument(before)->value, json::ParseYamlDocument(after)->value);
}

TEST(DiffObjects, NamesWhatWasAddedRemovedAndChanged) {
  EXPECT_THAT(
      Diff("spec: {replicas: 2, old: gone, same: 1}", "spec: {replicas: 4, same: 1, new: [1]}"),
      ElementsAre("spec.replicas 2 -> 4", "spec.new: [1]", "spec.old removed, was gone"));
}

TEST(DiffObjects, ComparesListItemsByTheirNames) {
  EXPECT_THAT(
      Diff("c: [{name: a, v: 1}, {name: b, v: 2}]", "c: [{name: b, v: 3}, {name: a, v: 1}]"),
      ElementsAre("c.b.v 2 -> 3"));
  EXPECT_THAT(Diff("c: [1, 2]", "c: [1, 3, 4]"), ElementsAre("c[1] 2 -> 3", "c[2]: 4"));
}

TEST(DiffObjects, LeavesOutWhatTheServerKeepsForItself) {
  EXPECT_THAT(Diff("{metadata: {name: a, generation: 1, resourceVersion: '1'}, status: {a: 1}}",
                   "{metadata: {name: a, generation: 2, resourceVersion: '2'}, status: {a: 2}}"),
              IsEmpty());
}

TEST(DiffObjects, CutsLongValuesBetweenCharacters) {
  const std::string text = "é" + std::string(57, 'x') + "éé";
  EXPECT_THAT(Diff("a: short", "a: " + text),
              ElementsAre("a short -> é" + std::string(57, 'x') + "…"));
}

}  // namespace
}  // namespace kro::dev
