#include "base/hash.h"

#include <gtest/gtest.h>

namespace kro {
namespace {

TEST(Hash, FnvMatchesItsPublishedVectors) {
  EXPECT_EQ(Fnv1a64(""), 0xcbf29ce484222325u);
  EXPECT_EQ(Fnv1a64("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(Fnv1a64("foobar"), 0x85944171f73967e8u);
  EXPECT_EQ(Fnv1a32("foobar"), 0xbf9cf968u);
}

TEST(Hash, Sha256MatchesTheStandardsExample) {
  EXPECT_EQ(ToHex(AsBytes(Sha256("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, SeedsGiveDifferentHashes) { EXPECT_NE(Hash64("kro", 0), Hash64("kro", 1)); }

}  // namespace
}  // namespace kro
