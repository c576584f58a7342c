#include "json/internal/flow.h"

#include <gtest/gtest.h>

namespace kro::json {
namespace {

using namespace std::string_literals;

struct Case {
  std::string_view raw;
  std::string text;
};

TEST(DecodeFlow, ReadsSingleQuotedScalars) {
  const Case kCases[] = {
      {"''", ""},
      {"'a b'", "a b"},
      {"' a\tb '", " a\tb "},
      {"'\\n\"'", "\\n\""},
      // runs of quotes
      {"''''", "'"},
      {"''''''", "''"},
      {"'it''s'", "it's"},
      {"'a''''b'", "a''b"},
      {"'a''''''b'", "a'''b"},
      {"'''a'''' ''b'''", "'a'' 'b'"},
      // what follows the closing quote is no part of it
      {"'a': 'b'", "a"},
      // line breaks
      {"'a\nb'", "a b"},
      {"'a \t\n \tb'", "a b"},
      {"'a\n\nb'", "a\nb"},
      {"'a\n \n\t\n b'", "a\n\nb"},
      {"'a\r\n  b\r\n\r\n  c'", "a b\nc"},
      {"'a\rb\r\rc'", "a b\nc"},
      {"'\na\n'", " a "},
      {"'\n\n'", "\n"},
      {"' \n '", " "},
      {"'a''\n''b'", "a' 'b"},
      {"'é\n€'", "é €"},
  };
  for (const Case& c : kCases) EXPECT_EQ(DecodeFlow(c.raw, '\''), c.text) << c.raw;
}

TEST(DecodeFlow, ReadsDoubleQuotedScalars) {
  const Case kCases[] = {
      {R"("")", ""},
      {R"("it''s \"x\" \\ \/ \ ")", R"(it''s "x" \ /  )"},
      {R"("\0\a\b\t\n\v\f\r\e")", "\0\a\b\t\n\v\f\r\x1b"s},
      {R"("\x41\xe9\u20ac\U0001F600\uABcd")", "Aé€😀\uabcd"},
      {R"("\N\_\L\P")", "\u0085\u00a0\u2028\u2029"},
      {R"("x\ud83d\ude00\uD83D\uDE00y")", "x😀😀y"},
      {R"("\ud83dx\ude00")", "\ufffdx\ufffd"},
      {"\"a\\\tb\"", "a\tb"},
      // an escaped line break joins, and blanks before it stay
      {"\"a\\\n  b\"", "ab"},
      {"\"a \\\r\n  b\"", "a b"},
      {"\"a\\\n  \\ b\"", "a b"},
      {"\"a\\\n\n \n  b\"", "a\n\nb"},
      {"\"a \n\n  b\"", "a\nb"},
      {"\"a\\n \n b\"", "a\n b"},
  };
  for (const Case& c : kCases) EXPECT_EQ(DecodeFlow(c.raw, '"'), c.text) << c.raw;
}

TEST(DecodeFlow, ReadsPlainScalars) {
  const Case kCases[] = {
      {"", ""},
      {"a 'b' \\n \"", "a 'b' \\n \""},
      {"a\n  b", "a b"},
      {"a\n\n\r\n  b", "a\n\nb"},
  };
  for (const Case& c : kCases) EXPECT_EQ(DecodeFlow(c.raw, '\0'), c.text) << c.raw;
}

TEST(DecodeFlow, TakesLinearTime) {
  const std::string blanks(4 << 20, ' ');
  EXPECT_EQ(DecodeFlow("'" + blanks + "x'", '\'').size(), blanks.size() + 1);
}

}  // namespace
}  // namespace kro::json
