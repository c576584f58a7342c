// The pure parts below the libraries: quantities, versions, addresses, URLs, text.

#include <gmock/gmock.h>

#include "cel/library/format_text.h"
#include "cel/library/go_text.h"
#include "cel/library/network_address.h"
#include "cel/library/quantity_value.h"
#include "cel/library/regex_pattern.h"
#include "cel/library/semver_value.h"
#include "cel/library/url_value.h"

namespace kro::cel {
namespace {

struct Case {
  std::string_view input;
  std::string_view expected;
};

TEST(Quantity, HasOneCanonicalText) {
  constexpr Case kCases[] = {
      {"1000m", "1"},
      {"1500m", "1500m"},
      {"0.5", "500m"},
      {"1.5Gi", "1536Mi"},
      {"1024Mi", "1Gi"},
      {"1000k", "1M"},
      {"1e3", "1e3"},
      {"1500e0", "1500"},
      {"0.1n", "1n"},
      {"-0.1n", "-1n"},
      {"Gi", "0"},
      {"100Ei", "9223372036854775807"},
      {"12345678901234567890123", "12345678901234567890123"},
      {"1e-100000", "1e-9"},
  };
  for (const auto& [input, expected] : kCases) {
    auto quantity = Quantity::Parse(input);
    ASSERT_TRUE(quantity) << input;
    EXPECT_EQ(quantity->ToString(), expected) << input;
  }
}

TEST(Quantity, RefusesWhatWouldTakeTooLong) {
  EXPECT_FALSE(Quantity::Parse("1e2000000000"));
  EXPECT_FALSE(Quantity::Parse(std::string(20'000, '9')));
}

TEST(Quantity, ComputesExactlyBeyondInt64) {
  Quantity max = Quantity::Of(INT64_MAX);
  EXPECT_EQ(max.Plus(Quantity::Of(1)).ToString(), "9223372036854775808");
  EXPECT_EQ(Quantity::Of(0).Minus(Quantity::Of(INT64_MIN)).ToString(), "9223372036854775808");
  EXPECT_EQ(max.Plus(Quantity::Of(1)).Minus(Quantity::Of(1)), max);
}

TEST(Quantity, SurvivesStorageAsPlainData) {
  for (std::string_view text : {"5", "-2.5Gi", "12345678901234567890123", "1e30"}) {
    std::string digits;
    auto quantity = Quantity::Parse(text);
    ASSERT_TRUE(quantity);
    EXPECT_EQ(Quantity::FromPlain(quantity->ToPlain(digits)).ToString(), quantity->ToString());
  }
}

TEST(SemanticVersion, OrdersAsTheStandardHasIt) {
  constexpr std::string_view kAscending[] = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                             "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                             "1.0.0-rc.1",  "1.0.0",         "1.0.1",
                                             "1.1.0",       "10.0.0"};
  for (std::size_t i = 0; i + 1 < std::size(kAscending); ++i) {
    auto a = SemanticVersion::Parse(kAscending[i]);
    auto b = SemanticVersion::Parse(kAscending[i + 1]);
    ASSERT_TRUE(a && b);
    EXPECT_LT(*a, *b) << kAscending[i];
  }
}

TEST(IpAddress, IsWrittenCanonically) {
  constexpr Case kCases[] = {
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"2001:DB8::0:1", "2001:db8::1"},
      {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
      {"1.2.3.4", "1.2.3.4"},
  };
  for (const auto& [input, expected] : kCases) {
    auto address = IpAddress::Parse(input);
    ASSERT_TRUE(address) << address.error().message();
    EXPECT_EQ(address->ToString(), expected);
  }
  for (std::string_view bad :
       {"", "1.2.3", "1:2", "::1::", "1::2:3:4:5:6:7:8", "12345::", "%", ":"}) {
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
  }
}

TEST(IpNetwork, ContainsPartsOfItself) {
  auto wide = IpNetwork::Parse("10.1.2.3/9");
  auto narrow = IpNetwork::Parse("10.127.0.0/16");
  ASSERT_TRUE(wide && narrow);
  EXPECT_TRUE(wide->Contains(*narrow));
  EXPECT_FALSE(narrow->Contains(*wide));
  EXPECT_EQ(wide->Masked().ToString(), "10.0.0.0/9");
}

TEST(Url, IsTakenApart) {
  auto url = Url::Parse("HTTPS://u:p%40@[fe80::1%25eth0]:80/a%2Fb?x=1&x=2#f");
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(url->scheme(), "https");
  EXPECT_EQ(url->Hostname(), "fe80::1%eth0");
  EXPECT_EQ(url->Port(), "80");
  EXPECT_EQ(url->EscapedPath(), "/a%2Fb");
  EXPECT_EQ(url->Query().size(), 1U);
}

TEST(Url, HasAHostThatGoTakes) {
  for (std::string_view text :
       {"http://:80", "http://a:", "http://a_b", "http://a<b", "http://[::1]:80",
        "http://[::1%25en0]", "http://[::ffff:1.2.3.4]", "pg://a:80,b:90", "http://user@host"}) {
    EXPECT_TRUE(Url::IsValid(text)) << text;
  }
  for (std::string_view text :
       {"http://a:b", "http://a b", "http://a%20b", "http://a|b", "http://[::1", "http://[x]",
        "http://[1.2.3.4]", "http://[::1%25]", "http://a:80:90", "http://x[::1]"}) {
    EXPECT_FALSE(Url::IsValid(text)) << text;
  }
}

TEST(FormatReader, TellsWhatIsWrongWithAClause) {
  constexpr Case kCases[] = {
      {"%", "unexpected end of string"},
      {"%y", "could not parse formatting clause: unrecognized formatting clause \"y\""},
      {"%.101f",
       "could not parse formatting clause: error while parsing precision: precision 101 exceeds "
       "maximum allowed precision 100"},
  };
  for (const auto& [input, expected] : kCases) {
    FormatReader reader(input);
    EXPECT_EQ(reader.ReadLiteral(), "");
    auto clause = reader.ReadClause();
    ASSERT_FALSE(clause);
    EXPECT_EQ(clause.error().message(), expected);
  }
}

TEST(GoText, WritesNumbersAsGoDoes) {
  EXPECT_EQ(PlainDouble(1.5e20), "150000000000000000000");
  EXPECT_EQ(PlainDouble(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(PlainDouble(-1.5e-9), "-0.0000000015");
  EXPECT_EQ(PlainDouble(-0.0), "-0");
  EXPECT_EQ(PlainDouble(1234.5), "1234.5");
  EXPECT_EQ(FixedDouble(2.5, 0), "2");
  EXPECT_EQ(ScientificDouble(1052.032911275, 3), "1.052e+03");
  EXPECT_EQ(JsonDouble(1e21), "1e+21");
  EXPECT_EQ(JsonDouble(1e-7), "1e-7");
  EXPECT_EQ(GoDuration(5'400'000'000'000), "1h30m0s");
  EXPECT_EQ(GoDuration(INT64_MIN), "-2562047h47m16.854775808s");
}

TEST(Pattern, WordsErrorsAsGoDoes) {
  EXPECT_EQ(CompilePattern("(").error().message(), "error parsing regexp: missing closing ): `(`");
  EXPECT_EQ(CompilePattern("x{1001}").error().message(),
            "error parsing regexp: invalid repeat count: `{1001}`");
}

}  // namespace
}  // namespace kro::cel
