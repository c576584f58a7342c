#include "graph/template_string.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "json/value.h"
#include "support/conformance.h"

namespace kro::graph {
namespace {

// The texts of the expressions, each in angle brackets, or "error".
std::string Scan(std::string_view text) {
  const auto scanned = ScanTemplate(text);
  if (!scanned) return "error";
  std::string found;
  for (const EmbeddedExpression& expression : scanned->expressions) {
    found += "<" + expression.text + ">";
  }
  return found;
}

TEST(TemplateString, FindsExpressionsAsTheirAuthorsWriteThem) {
  const struct {
    const char* text;
    const char* found;
  } kCases[] = {
      {"", ""},
      {"${a}", "<a>"},
      {"p-${a}-${b}", "<a><b>"},
      {"${true ? {} : {}}", "<true ? {} : {}>"},
      {"$${x}", "<x>"},
      {"${}", "<>"},
      {"${   }", "<   >"},
      // an expression without its end is plain text
      {"${a", ""},
      {"${a} ${b", "<a>"},
      {"${'{'}", ""},
      {"${'\"'}", ""},
      {"${r\"\\\"}", ""},
      // double quotes protect braces, single quotes do not
      {"${\"${x}\"}", "<\"${x}\">"},
      {"${\"}}\"}", "<\"}}\">"},
      {"${\"{\"}", "<\"{\">"},
      {"${'}'}", "<'>"},
      // nesting
      {"${f(${g})}", "error"},
      {"${a ${b}", "error"},
      {"${a ${b", "error"},
      {"${'${x}'}", "error"},
      {"${\"a\"${b}}", "<\"a\"${b}>"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Scan(c.text), c.found) << c.text;
}

TEST(TemplateString, IsStandaloneOnlyWithNothingAround) {
  EXPECT_TRUE(ScanTemplate("${a}")->standalone());
  EXPECT_FALSE(ScanTemplate(" ${a}")->standalone());
  EXPECT_FALSE(ScanTemplate("${a}\n")->standalone());
  EXPECT_FALSE(ScanTemplate("${a}${b}")->standalone());
}

TEST(TemplateString, MapsTheLoweredTextBackToItsSource) {
  const TemplateString scanned = *ScanTemplate("a\"-${xy}-${z}");
  ASSERT_EQ(scanned.Lowered(), "\"a\\\"-\" + (xy) + \"-\" + (z)");
  EXPECT_EQ(scanned.SourceOffset(0), 0u);
  EXPECT_EQ(scanned.SourceOffset(10), 5u);   // x
  EXPECT_EQ(scanned.SourceOffset(11), 6u);   // y
  EXPECT_EQ(scanned.SourceOffset(23), 11u);  // z
  EXPECT_EQ(ScanTemplate("${ab}")->SourceOffset(1), 3u);
}

TEST(TemplateString, TakesAMebibyteWithoutAnyEnd) {
  std::string text;
  while (text.size() < 1 << 20) text += "${\"";
  EXPECT_EQ(Scan(text), "");
  // the fallback for such texts finds what the plain scan finds
  EXPECT_EQ(Scan("${ \"a\"${b}"), "<b>");
  EXPECT_EQ(Scan("${\" ${c}-${d}"), "<c><d>");
  EXPECT_EQ(Scan("${\" ${f(${g})}"), "error");
}

TEST(TemplateString, EscapesLiteralTextAsGoDoes) {
  EXPECT_EQ(ScanTemplate("\t\x01é\xff\\${a}")->Lowered(), "\"\\t\\x01é\\xff\\\\\" + (a)");
  EXPECT_EQ(ScanTemplate("\u00a0\u2028${a}")->Lowered(), "\"\\u00a0\\u2028\" + (a)");
}

void ExpectRecorded(const json::Value& entry) {
  const auto scanned = ScanTemplate(json::FindString(entry, {"expr"}));
  const json::Value& expect = *json::Find(entry, "expect");
  if (const json::Value* error = json::Find(expect, "error")) {
    ASSERT_FALSE(scanned);
    EXPECT_EQ(scanned.error().message(), error->as_array()[0].as_string());
    return;
  }
  ASSERT_TRUE(scanned) << scanned.error().message();
  std::vector<std::string> expected;
  for (const json::Value& expression : json::Find(expect, "expressions")->as_array()) {
    expected.emplace_back(expression.as_string());
  }
  std::vector<std::string> actual;
  for (const EmbeddedExpression& e : scanned->expressions) actual.push_back(e.text);
  EXPECT_EQ(actual, expected);
  if (const json::Value* compiled = json::Find(expect, "compiled")) {
    EXPECT_EQ(scanned->Lowered(), compiled->as_string());
  }
  if (const json::Value* standalone = json::Find(expect, "standalone")) {
    EXPECT_EQ(scanned->standalone(), standalone->as_bool());
  }
}

TEST(TemplateStringConformance, AgreesWithTheRecordedExtraction) {
  const json::Value data = conformance::ReadJson("cel-spec/kro.json");
  conformance::Tally tally("cel-spec/kro extract");
  for (const json::Value& entry : data.as_array()) {
    if (json::FindString(entry, {"kind"}) != "extract") continue;
    tally.Run(std::string(json::FindString(entry, {"name"})), [&] { ExpectRecorded(entry); });
  }
}

}  // namespace
}  // namespace kro::graph
