#include "http/pem.h"

#include <gtest/gtest.h>

#include "http/certificates_test_util.h"

namespace kro::http {
namespace {

TEST(CheckKeyPair, TakesAPairAndNothingElse) {
  const Authority authority;
  const Certificate one = authority.Issue("DNS:one");
  const Certificate two = authority.Issue("DNS:two");
  EXPECT_TRUE(CheckKeyPair(one.certificate_pem, one.key_pem));
  EXPECT_TRUE(CheckKeyPair(one.certificate_pem + authority.pem, one.key_pem));
  // One file was replaced, the other not yet.
  EXPECT_EQ(CheckKeyPair(two.certificate_pem, one.key_pem).error().message(),
            "the private key is not that of the certificate");
  EXPECT_FALSE(CheckKeyPair(one.certificate_pem.substr(0, 200), one.key_pem));
  EXPECT_FALSE(CheckKeyPair(one.certificate_pem, one.key_pem.substr(0, 60)));
  EXPECT_FALSE(CheckKeyPair("", ""));
}

TEST(CheckRoots, WantsCertificatesAllOfWhichCanBeRead) {
  const Authority one;
  const Authority two;
  EXPECT_TRUE(CheckRoots(one.pem));
  EXPECT_TRUE(CheckRoots("of the first\n" + one.pem + "\nof the second\n" + two.pem));
  EXPECT_FALSE(CheckRoots(""));
  EXPECT_FALSE(CheckRoots("garbage"));
  EXPECT_FALSE(CheckRoots(one.pem + two.pem.substr(0, 100)));
  EXPECT_FALSE(CheckRoots(one.Issue("DNS:one").key_pem));
}

}  // namespace
}  // namespace kro::http
