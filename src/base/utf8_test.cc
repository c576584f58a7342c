#include "base/utf8.h"

#include <gtest/gtest.h>

namespace kro {
namespace {

TEST(Utf8, CountsMalformedBytesOneByOne) {
  EXPECT_EQ(CountCodePoints("a\xed\xa0\x80z"), 5U);  // a lone surrogate
  EXPECT_EQ(CountCodePoints(std::string_view("\0\xc0\x80", 3)), 3U);
  EXPECT_EQ(ToValidUtf8("\xff"), "\uFFFD");
}

}  // namespace
}  // namespace kro
