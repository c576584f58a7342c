#include "api/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kro::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Names, DnsLabelsAndSubdomains) {
  const std::string long_label(64, 'a');
  for (const std::string name : {"a", "a-b", "0", "my-name1"}) {
    EXPECT_THAT(CheckDns1123Label(name), IsEmpty()) << name;
    EXPECT_THAT(CheckDns1123Subdomain(name), IsEmpty()) << name;
  }
  for (const std::string name : {"", "-a", "a-", "A", "a_b", "ä"}) {
    EXPECT_THAT(CheckDns1123Label(name), Not(IsEmpty())) << name;
    EXPECT_THAT(CheckDns1123Subdomain(name), Not(IsEmpty())) << name;
    EXPECT_THAT(CheckDns1035Label(name), Not(IsEmpty())) << name;
  }
  EXPECT_THAT(CheckDns1123Label(long_label), ElementsAre("must be no more than 63 bytes"));
  EXPECT_THAT(CheckDns1123Subdomain("a.b-c.d"), IsEmpty());
  EXPECT_THAT(CheckDns1123Subdomain("a..b"), Not(IsEmpty()));
  EXPECT_THAT(CheckDns1123Subdomain("a."), Not(IsEmpty()));
  EXPECT_THAT(CheckDns1123Label("a.b"), Not(IsEmpty()));
  EXPECT_THAT(CheckDns1035Label("1a"), Not(IsEmpty()));
}

TEST(Names, LabelValuesMayBeEmptyAndHoldUpperCase) {
  EXPECT_THAT(CheckLabelValue(""), IsEmpty());
  EXPECT_THAT(CheckLabelValue("v1.0_A-b"), IsEmpty());
  EXPECT_THAT(CheckLabelValue("v1+2"), Not(IsEmpty()));
  EXPECT_THAT(CheckLabelValue("-a"), Not(IsEmpty()));
}

TEST(Names, KindsAndIds) {
  EXPECT_TRUE(IsKindName("WebApp2"));
  EXPECT_FALSE(IsKindName("webApp"));
  EXPECT_FALSE(IsKindName("Web-App"));
  EXPECT_FALSE(IsKindName(""));
  EXPECT_TRUE(IsResourceId("webApp2"));
  EXPECT_FALSE(IsResourceId("WebApp"));
  EXPECT_FALSE(IsResourceId("web_app"));
}

TEST(Names, ReservedWordsAreCaseSensitive) {
  for (const auto word : {"status", "each", "namespace", "while", "resourceGraphDefinition"}) {
    EXPECT_TRUE(IsReservedWord(word)) << word;
  }
  for (const auto word : {"Status", "resourcegroup", "string", "list", "deployment"}) {
    EXPECT_FALSE(IsReservedWord(word)) << word;
  }
}

}  // namespace
}  // namespace kro::api
