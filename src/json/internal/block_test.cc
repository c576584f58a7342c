#include "json/internal/block.h"

#include <gtest/gtest.h>

namespace kro::json {
namespace {

struct Case {
  std::string_view raw;
  int parent;
  std::string_view text;
};

TEST(DecodeBlock, ReadsLiteralAndFoldedScalars) {
  const Case kCases[] = {
      // chomping, with a final line break
      {"|\n a\n", 0, "a\n"},
      {"|-\n a\n", 0, "a"},
      {"|+\n a\n", 0, "a\n"},
      {">\n a\n", 0, "a\n"},
      {">-\n a\n", 0, "a"},
      {">+\n a\n", 0, "a\n"},
      {"|\n a\n\n\n", 0, "a\n"},
      {"|-\n a\n\n\n", 0, "a"},
      {"|+\n a\n\n\n", 0, "a\n\n\n"},
      {">+\n a\n \n", 0, "a\n\n"},
      // without one
      {"|\n a", 0, "a"},
      {"|-\n a", 0, "a"},
      {"|+\n a", 0, "a"},
      {">\n a", 0, "a"},
      {">-\n a", 0, "a"},
      {">+\n a", 0, "a"},
      {">+\n a\n ", 0, "a\n"},
      // lines indented more are not folded
      {">\n a\n b\n", 0, "a b\n"},
      {">\n a\n\n b\n", 0, "a\nb\n"},
      {">\n a\n   b", 0, "a\n  b"},
      {">\n a\n\n   b", 0, "a\n\n  b"},
      {">-\n a\n   b\n c\n", 0, "a\n  b\nc"},
      {">+\n a\n   b\n\n   c", 0, "a\n  b\n\n  c"},
      {">\n a\n \tb\n c", 0, "a\n\tb\nc"},
      {"|\n a\n   b", 0, "a\n  b"},
      // blank lines
      {"|\n\n  \n  a\n", 0, "\n\na\n"},
      {"|\n  a\n \n    \n  b", 0, "a\n\n  \nb"},
      {"|\n", 0, ""},
      {">", 0, ""},
      {"|\n\n\n", 0, ""},
      {"|+\n\n\n", 0, "\n\n"},
      {"|+\n  ", 0, ""},
      // indentation indicators and comments
      {"|1\n   a\n  b\n", 0, "  a\n b\n"},
      {"|-2\n    a", 2, "a"},
      {">1+ # c\n  a\n b\n\n", 0, " a\nb\n\n"},
      {">+1\n  \n \n", 0, " \n\n"},
      {"|1\n  a", -1, " a"},
      {"|\na\n--- x", -1, "a\n"},
      {"|\na\n---x\n...\n", -1, "a\n---x\n"},
      // other line breaks
      {"|\r\n a\r\n\r\n b\r\n", 0, "a\n\nb\n"},
      {">+\r\n a\r\n b\r\n\r\n", 0, "a b\n\n"},
      {">\r a\r b", 0, "a b"},
      // what follows is no part of it
      {"|\n a\nb: 1\n", 0, "a\n"},
      {"|+\n\n  z: 1\n", 2, "\n"},
  };
  for (const Case& c : kCases) EXPECT_EQ(DecodeBlock(c.raw, c.parent).text, c.text) << c.raw;
}

TEST(DecodeBlock, FindsTheEndAndTheIndentation) {
  const BlockText block = DecodeBlock("|\n   a\n\n b: 1\n", 1);
  EXPECT_EQ(block.end, 8u);
  EXPECT_EQ(block.indentation, 3u);
  EXPECT_FALSE(block.empty);
  EXPECT_TRUE(DecodeBlock("|\n\nb: 1\n", 0).empty);
}

}  // namespace
}  // namespace kro::json
