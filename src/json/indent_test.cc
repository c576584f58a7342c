#include "json/indent.h"

#include <gtest/gtest.h>

namespace kro::json {
namespace {

TEST(Indent, PutsEachMemberAndItemOnALine) {
  EXPECT_EQ(Indent(R"({"a":{"b":[1,{"c":null}]},"d":"e"})"), R"({
  "a": {
    "b": [
      1,
      {
        "c": null
      }
    ]
  },
  "d": "e"
})");
}

TEST(Indent, KeepsWhatIsEmptyTogether) { EXPECT_EQ(Indent(R"([{},[]])"), "[\n  {},\n  []\n]"); }

TEST(Indent, LeavesTextsAlone) {
  EXPECT_EQ(Indent(R"({"a":"{\",:[\\"})"), "{\n  \"a\": \"{\\\",:[\\\\\"\n}");
}

}  // namespace
}  // namespace kro::json
