#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace kro {
namespace {

constexpr auto kStandard = Base64Alphabet::kStandard;
constexpr auto kUrlSafe = Base64Alphabet::kUrlSafe;

TEST(Base64, RoundTrips) {
  for (std::string text : {"", "f", "fo", "foo", "foob", "\xfb\xff"}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text), kStandard, Base64Padding::kRequired), text);
    EXPECT_EQ(DecodeBase64(EncodeBase64Url(text), kUrlSafe, Base64Padding::kForbidden), text);
  }
}

TEST(Base64, UrlSafeTextHasNoPadding) {
  EXPECT_EQ(EncodeBase64Url("f"), "Zg");
  EXPECT_EQ(EncodeBase64Url("fo"), "Zm8");
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
  EXPECT_EQ(EncodeBase64("\xfb\xff"), "+/8=");
}

TEST(Base64, ReportsTheFirstWrongByte) {
  EXPECT_EQ(DecodeBase64("aGVs\nbG8=", kStandard, Base64Padding::kRequired), "hello");
  EXPECT_EQ(DecodeBase64("YQ===", kStandard, Base64Padding::kRequired).error(), 4U);
  EXPECT_EQ(DecodeBase64("Y", kStandard, Base64Padding::kForbidden).error(), 0U);
  EXPECT_EQ(DecodeBase64("ab!=", kStandard, Base64Padding::kRequired).error(), 2U);
  EXPECT_EQ(DecodeBase64("-_8", kStandard, Base64Padding::kForbidden).error(), 0U);
}

}  // namespace
}  // namespace kro
