#include <gtest/gtest.h>

#include "http/transport.h"

namespace kro::http {
namespace {

TEST(Headers, FindsTheFirstFieldWithoutRegardToCase) {
  const Headers headers{{"Content-Type", "a"}, {"content-type", "b"}};
  ASSERT_NE(headers.Find("CONTENT-TYPE"), nullptr);
  EXPECT_EQ(*headers.Find("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.Find("Content"), nullptr);
}

TEST(Headers, SetReplacesEveryFieldOfTheName) {
  Headers headers{{"Accept", "a"}, {"X", "x"}, {"accept", "b"}};
  headers.Set("ACCEPT", "c");
  EXPECT_EQ(headers.fields().size(), 2u);
  EXPECT_EQ(*headers.Find("accept"), "c");
}

TEST(Headers, AddKeepsWhatIsThere) {
  Headers headers;
  headers.Add("Warning", "1");
  headers.Add("Warning", "2");
  EXPECT_EQ(headers.fields().size(), 2u);
  headers.Remove("warning");
  EXPECT_TRUE(headers.fields().empty());
}

}  // namespace
}  // namespace kro::http
