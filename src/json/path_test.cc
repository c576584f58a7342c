#include "json/path.h"

#include <gtest/gtest.h>

namespace kro::json {
namespace {

using Segments = std::vector<PathSegment>;
PathSegment Name(std::string name) { return name; }
PathSegment At(std::size_t index) { return index; }

TEST(FieldPath, ReadsItsTextForm) {
  const struct {
    std::string_view text;
    Segments segments;
  } kCases[] = {
      {"", {}},
      {"spec", {Name("spec")}},
      {"spec.ports[0].name", {Name("spec"), Name("ports"), At(0), Name("name")}},
      {R"(["a.b"])", {Name("a.b")}},
      {R"(p[""])", {Name("p"), Name("")}},
      {R"(status.["a.b"])", {Name("status"), Name("a.b")}},
      {R"(p["a.b"]c[1][2])", {Name("p"), Name("a.b"), Name("c"), At(1), At(2)}},
      {R"(p["a]b"])", {Name("p"), Name("a]b")}},
      {"a.", {Name("a")}},
  };
  for (const auto& c : kCases) {
    auto path = FieldPath::Parse(c.text);
    ASSERT_TRUE(path.has_value()) << c.text;
    EXPECT_EQ(path->segments(), c.segments) << c.text;
  }
}

TEST(FieldPath, NamesTheByteOfAFault) {
  const struct {
    std::string_view text;
    std::string_view error;
  } kCases[] = {
      {R"(a["b"x)", "expected closing bracket after quote at position 5"},
      {R"(a["b")", "expected closing bracket after quote at position 5"},
      {R"(a["b)", "unterminated quoted string starting at position 3"},
      {"a..b", "empty field name at position 2"},
      {".a", "empty field name at position 0"},
      {"a[1", "unterminated array index at position 2"},
      {"a[x]", "invalid array index 'x' at position 2"},
      {"a[]", "invalid array index '' at position 2"},
      {"a[-1]", "invalid array index '-1' at position 2"},
      {"a[99999999999999999999]", "invalid array index '99999999999999999999' at position 2"},
  };
  for (const auto& c : kCases) {
    auto path = FieldPath::Parse(c.text);
    ASSERT_FALSE(path.has_value()) << c.text;
    EXPECT_EQ(path.error().message(), c.error) << c.text;
  }
}

TEST(FieldPath, WritesNamesWithDotsInQuotes) {
  FieldPath path;
  EXPECT_EQ(path.ToString(), "");
  path = path.Child("spec").Child("ports").Child(0).Child("a.b").Child("").Child("c");
  EXPECT_EQ(path.ToString(), R"(spec.ports[0]["a.b"][""].c)");
  EXPECT_EQ(FieldPath().Child("a.b").ToString(), R"(["a.b"])");
  EXPECT_EQ(FieldPath::Parse(path.ToString()), path);
}

TEST(Get, ReturnsNullWhereThePathLeadsNowhere) {
  const Value root = *Parse(R"({"a":[{"b":1}]})");
  EXPECT_EQ(*Get(root, *FieldPath::Parse("a[0].b")), Value(1));
  EXPECT_EQ(Get(root, FieldPath()), &root);
  EXPECT_EQ(Get(root, *FieldPath::Parse("a[1]")), nullptr);
  EXPECT_EQ(Get(root, *FieldPath::Parse("a.b")), nullptr);
  EXPECT_EQ(Get(root, *FieldPath::Parse("a[0].b.c")), nullptr);
}

TEST(Set, MakesWhatIsMissing) {
  Value root;
  ASSERT_TRUE(Set(root, *FieldPath::Parse("a.b[0].c"), 1).has_value());
  ASSERT_TRUE(Set(root, *FieldPath::Parse("a.b[1]"), 2).has_value());
  ASSERT_TRUE(Set(root, *FieldPath::Parse("a.b[0].c"), 3).has_value());
  EXPECT_EQ(Serialize(root), R"({"a":{"b":[{"c":3},2]}})");
}

TEST(Set, LeavesTheValueAloneWhenItFails) {
  Value root = *Parse(R"({"a":"text","b":[1]})");
  const Value before = root;
  EXPECT_EQ(Set(root, *FieldPath::Parse("a.x"), 1).error().message(),
            "a: no field 'x' in a value of type string");
  EXPECT_EQ(Set(root, *FieldPath::Parse("b.x"), 1).error().message(),
            "b: no field 'x' in a value of type array");
  EXPECT_EQ(Set(root, *FieldPath::Parse("b[2]"), 1).error().message(),
            "b: index 2 is beyond the end of 1 elements");
  EXPECT_EQ(Set(root, *FieldPath::Parse("c[1]"), 1).error().message(),
            "c: index 1 is beyond the end of 0 elements");
  EXPECT_EQ(root, before);
}

TEST(Erase, KeepsTheOrderOfTheRest) {
  Value root = *Parse(R"({"a":1,"b":[1,2,3],"c":3,"d":4})");
  EXPECT_TRUE(Erase(root, *FieldPath::Parse("a")));
  EXPECT_TRUE(Erase(root, *FieldPath::Parse("b[1]")));
  EXPECT_FALSE(Erase(root, *FieldPath::Parse("b[7]")));
  EXPECT_FALSE(Erase(root, *FieldPath::Parse("x.y")));
  EXPECT_FALSE(Erase(root, FieldPath()));
  EXPECT_EQ(Serialize(root), R"({"b":[1,3],"c":3,"d":4})");
}

}  // namespace
}  // namespace kro::json
