#include "base/diagnostic.h"

#include <gtest/gtest.h>

namespace kro {
namespace {

TEST(Diagnostic, ShowsThePlaceTheExpressionAndTheHint) {
  Diagnostic diagnostic;
  diagnostic.message = "undeclared reference to 'deploymnt'";
  diagnostic.where = {.source = "web.yaml",
                      .path = "spec.resources[0].template.spec.replicas",
                      .position = {12, 19},
                      .expression = "deploymnt.spec.replicas",
                      .span = Span{0, 9}};
  diagnostic.hint = "did you mean 'deployment'?";
  EXPECT_EQ(Render(diagnostic),
            "web.yaml:12:19: spec.resources[0].template.spec.replicas: undeclared reference to "
            "'deploymnt'\n"
            "  ${deploymnt.spec.replicas}\n"
            "    ^~~~~~~~~ did you mean 'deployment'?");
}

TEST(Diagnostic, ShowsOnlyTheLineOfTheFault) {
  Diagnostic diagnostic;
  diagnostic.message = "undefined field 'b'";
  diagnostic.where.expression = "x ||\n  a.b ||\n  c";
  diagnostic.where.span = Span{8, 9};
  EXPECT_EQ(Render(diagnostic), "undefined field 'b'\n    a.b ||\n     ^");
}

TEST(Diagnostic, CountsCodePointsNotBytes) {
  Diagnostic diagnostic;
  diagnostic.message = "m";
  diagnostic.where.expression = "'é' + x";
  diagnostic.where.span = Span{7, 8};
  EXPECT_EQ(Render(diagnostic), "m\n  ${'é' + x}\n          ^");
}

TEST(Diagnostic, ShowsExpectedAndFound) {
  Diagnostic diagnostic{.message = "type mismatch", .expected = "int", .found = "string"};
  EXPECT_EQ(Render(diagnostic), "type mismatch\n  expected int, found string");
  diagnostic.expected.clear();
  EXPECT_EQ(Render(diagnostic), "type mismatch\n  found string");
}

TEST(DidYouMean, FindsTheNearestName) {
  EXPECT_EQ(DidYouMean("deploymnt", {"service", "deployment"}), "deployment");
  EXPECT_EQ(DidYouMean("replica", {"replicas", "selector"}), "replicas");
  EXPECT_EQ(DidYouMean("lables", {"tables", "labels"}), "tables");
  EXPECT_EQ(DidYouMean("cle", {"version", "cel"}), "cel");
}

TEST(DidYouMean, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(DidYouMean("ghost", {"deployment", "service"}), std::nullopt);
  EXPECT_EQ(DidYouMean("x", {}), std::nullopt);
  EXPECT_EQ(DidYouMean(std::string(101, 'x'), {std::string(100, 'x')}), std::nullopt);
}

}  // namespace
}  // namespace kro
