#include "graph/suspicions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace kro::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "path: message", or "path line:column" with `places`.
std::vector<std::string> Found(std::string_view yaml, bool places = false) {
  const auto document = json::ParseYamlDocument(yaml);
  EXPECT_TRUE(document) << yaml;
  const json::Value& object = document->value;
  const auto rgd = api::DecodeRgd(object, "a.yaml", &document->map);
  EXPECT_TRUE(rgd);
  std::vector<std::string> lines;
  for (const Diagnostic& warning : FindSuspicions(rgd->rgd.spec, "a.yaml", &document->map)) {
    EXPECT_EQ(warning.severity, Severity::kWarning);
    EXPECT_NE(warning.hint, "");
    const Position at = warning.where.position;
    lines.push_back(warning.where.path +
                    (places ? " " + std::to_string(at.line) + ":" + std::to_string(at.column)
                            : ": " + warning.message));
  }
  return lines;
}

std::string Template(std::string_view text) {
  return "spec:\n  resources:\n  - id: a\n    template:\n      data:\n        k: " +
         std::string(text) + "\n";
}

TEST(Suspicions, TextThatOnlyLooksLikeAnExpression) {
  constexpr std::string_view kPlain =
      "spec.resources[0].template.data.k: this is plain text, not an expression";
  constexpr std::string_view kUnclosed =
      "spec.resources[0].template.data.k: '${' without its '}': this is plain text";
  for (const std::string_view text :
       {"$(schema.spec.name)", "'{{ .schema.spec.name }}'", "'{{schema.spec.name}}'"}) {
    EXPECT_THAT(Found(Template(text)), ElementsAre(kPlain)) << text;
  }
  for (const std::string_view text : {"${schema.spec.name", "${schema.kind}-${schema.spec.name"}) {
    EXPECT_THAT(Found(Template(text)), ElementsAre(kUnclosed)) << text;
  }
  EXPECT_THAT(Found(Template("${a ${b}x")), IsEmpty()) << "the compiler refuses it";
  for (const std::string_view text :
       {"${schema.spec.name}", "$(VAR)", "'{{ .Values.x }}'", "$HOME", "'${\"${x}\"}'"}) {
    EXPECT_THAT(Found(Template(text)), IsEmpty()) << text;
  }
}

TEST(Suspicions, KeysAreNoExpressions) {
  EXPECT_THAT(Found("spec:\n  resources:\n  - id: a\n    template:\n      data: "
                    "{\"${schema.spec.name}\": x}\n",
                    true),
              ElementsAre("spec.resources[0].template.data[\"${schema.spec.name}\"] 5:14"));
}

TEST(Suspicions, BracketsOfAnEnum) {
  EXPECT_THAT(
      Found("spec:\n  schema:\n    spec:\n      o: {size: 'string | enum=[small, large]'}\n      "
            "p: string | enum=a,b\n"),
      ElementsAre(
          "spec.schema.spec.o.size: the brackets count as part of the first and the last value"));
}

TEST(Suspicions, StatusIsSearchedToo) {
  EXPECT_THAT(Found("spec:\n  schema:\n    status:\n      l: ['${a.b']\n", true),
              ElementsAre("spec.schema.status.l[0] 4:11"));
}

}  // namespace
}  // namespace kro::graph
