#include "base/go_quote.h"

#include <gtest/gtest.h>

namespace kro {
namespace {

TEST(GoQuote, EscapesWhatDoesNotPrint) {
  EXPECT_EQ(GoQuote("plain é 😀"), "\"plain é 😀\"");
  EXPECT_EQ(GoQuote(std::string_view("a\"\0\xff\x01é", 7)), "\"a\\\"\\x00\\xff\\x01é\"");
  EXPECT_EQ(GoQuote("\a\b\f\n\r\t\v\x7f"), "\"\\a\\b\\f\\n\\r\\t\\v\\x7f\"");
  EXPECT_EQ(GoQuote("\u00a0\u200b\U000f0000"), "\"\\u00a0\\u200b\\U000f0000\"");
}

TEST(GoQuote, QuotesACharacterAlone) {
  EXPECT_EQ(GoQuoteCharacter('a'), "'a'");
  EXPECT_EQ(GoQuoteCharacter('\''), "'\\''");
}

}  // namespace
}  // namespace kro
