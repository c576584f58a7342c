#include "runtime/object_hash.h"

#include <gtest/gtest.h>

#include "runtime/pass_test_util.h"

namespace kro::runtime {
namespace {

TEST(ObjectHash, IsTheSameForEqualObjects) {
  EXPECT_EQ(ObjectHash(Yaml("{a: 1, b: [x, {c: null}]}")),
            ObjectHash(Yaml("{b: [x, {c: null}], a: 1}")));
  EXPECT_EQ(ObjectHash(json::Value(1.0)), ObjectHash(json::Value(1)));
  EXPECT_EQ(ObjectHash(json::Value(std::uint64_t{1})), ObjectHash(json::Value(1)));
  EXPECT_EQ(ObjectHash(json::Value(-0.0)), ObjectHash(json::Value(0)));
}

TEST(ObjectHash, DiffersForDifferentOnes) {
  const std::string_view kValues[] = {"{a: 1, b: 2}",
                                      "{a: 2, b: 1}",
                                      "{a: 1}",
                                      "{a: '1'}",
                                      "{a: true}",
                                      "{a: 1.5}",
                                      "{a: null}",
                                      "{}",
                                      "[]",
                                      "[{}]",
                                      "['a', 'b']",
                                      "['b', 'a']",
                                      "['ab']",
                                      "['', 'ab']",
                                      "{a: {b: 1}}",
                                      "{a: [1]}",
                                      "{a: [[1]]}",
                                      "''",
                                      "0",
                                      "false",
                                      "18446744073709551615",
                                      "1e300"};
  for (const std::string_view a : kValues) {
    for (const std::string_view b : kValues) {
      EXPECT_EQ(ObjectHash(Yaml(a)) == ObjectHash(Yaml(b)), a == b) << a << " and " << b;
    }
  }
}

// The hash stands in clusters: it must not change from build to build.
TEST(ObjectHash, IsStable) {
  EXPECT_EQ(ObjectHash(Yaml("{kind: ConfigMap, data: {a: b}, n: [1, 2.5, true, null]}")),
            "56b45f9d7e846fdd");
}

}  // namespace
}  // namespace kro::runtime
