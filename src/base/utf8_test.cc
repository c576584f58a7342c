#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace kro {
namespace {

TEST(Utf8, CountsMalformedBytesOneByOne) {
  EXPECT_EQ(CountCodePoints("a\xed\xa0\x80z"), 5U);  // a lone surrogate
  EXPECT_EQ(CountCodePoints(std::string_view("\0\xc0\x80", 3)), 3U);
  EXPECT_EQ(ToValidUtf8("\xff"), "\uFFFD");
}

// Whole words of ASCII are counted at once: texts with one character of several bytes at each place.
TEST(Utf8, OffsetsAndCountsAgreeWhereverTheAsciiEnds) {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      const std::string text = std::string(at, 'a') + "é" + std::string(size - at, 'b');
      EXPECT_EQ(CountCodePoints(text), size + 1) << text;
      EXPECT_EQ(ByteOffset(text, at), at) << text;
      EXPECT_EQ(ByteOffset(text, at + 1), at + 2) << text;
      EXPECT_EQ(ByteOffset(text, size), at == size ? size : size + 1) << text;
      EXPECT_EQ(ByteOffset(text, size + 100), text.size()) << text;
    }
  }
}

}  // namespace
}  // namespace kro
