#include "apiserver/internal/formats.h"

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

namespace kro::apiserver::internal {
namespace {

// `\\` and `\x0a` stand for one byte.
std::string Unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
    } else if (text[++i] == 'x') {
      int byte = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      bytes += static_cast<char>(byte);
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

// Each line of the file says yes or no, and then what has the format or has it not.
void ExpectVerdicts(std::string_view format, const std::string& file) {
  std::ifstream lines(KRO_SOURCE_DIR "/src/apiserver/internal/testdata/" + file);
  int cases = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("# ")) continue;
    ++cases;
    EXPECT_EQ(HasFormat(format, Unescaped(line.substr(4))), line.starts_with("yes")) << line;
  }
  EXPECT_GT(cases, 100);
}

// What net/mail of Go 1.26 answers.
TEST(Formats, AnEmailIsWhatGoReadsAsOneAddress) { ExpectVerdicts("email", "mail_addresses.txt"); }

// What url.ParseRequestURI of Go 1.26 answers.
TEST(Formats, AUriIsWhatGoReadsInARequest) { ExpectVerdicts("uri", "request_uris.txt"); }

TEST(Formats, AddressesMayHaveLeadingZerosButThoseOfIpv6) {
  for (const std::string_view text :
       {"1.2.3.4", "001.02.3.4", "::ffff:1.2.3.4", "::ffff:01.2.3.4"}) {
    EXPECT_TRUE(HasFormat("ipv4", text)) << text;
  }
  for (const std::string_view text : {"::", "1.2.3", "256.1.1.1", "1.2.3.4 ", "0x1.2.3.4", ""}) {
    EXPECT_FALSE(HasFormat("ipv4", text)) << text;
  }
  for (const std::string_view text : {"::", "00ff::", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::"}) {
    EXPECT_TRUE(HasFormat("ipv6", text)) << text;
  }
  for (const std::string_view text : {"1.2.3.4", "00001::", "::ffff:01.2.3.4", "fe80::1%eth0"}) {
    EXPECT_FALSE(HasFormat("ipv6", text)) << text;
  }
  for (const std::string_view text : {"01.2.3.4/08", "00001::/16", "::1/128", "1.2.3.4/000032"}) {
    EXPECT_TRUE(HasFormat("cidr", text)) << text;
  }
  for (const std::string_view text : {"1.2.3.4/33", "1.2.3.4/+1", "1.2.3.4", "/8", "::1/129"}) {
    EXPECT_FALSE(HasFormat("cidr", text)) << text;
  }
}

TEST(Formats, AMailAddressOfAMegabyteIsReadLikeAShortOne) {
  constexpr std::size_t kLength = 1 << 20;
  const std::string open(kLength, '(');
  const std::string close(kLength, ')');
  EXPECT_FALSE(HasFormat("email", "a@b " + open));
  EXPECT_TRUE(HasFormat("email", "a@b " + open + close));
  std::string names;
  while (names.size() < kLength) names += "\"x\" ";
  EXPECT_FALSE(HasFormat("email", names));
  EXPECT_TRUE(HasFormat("email", names + "<a@b>"));
}

}  // namespace
}  // namespace kro::apiserver::internal
