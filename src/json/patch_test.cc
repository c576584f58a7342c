#include "json/patch.h"

#include <gtest/gtest.h>

namespace kro::json {
namespace {

std::string Patched(std::string_view document, std::string_view patch) {
  auto result = ApplyPatch(*Parse(document), *Parse(patch));
  return result ? Serialize(*result) : "error: " + result.error().message();
}

TEST(ApplyPatch, FollowsRfc6902) {
  const struct {
    std::string_view document;
    std::string_view patch;
    std::string_view result;
  } kCases[] = {
      {R"({"a":1})", "[]", R"({"a":1})"},
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {R"({"a":1})", R"([{"op":"add","path":"","value":[]}])", "[]"},
      {R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
      {R"({"a":1,"b":2,"c":3})", R"([{"op":"remove","path":"/a"}])", R"({"b":2,"c":3})"},
      {R"({"a":[1,2,3]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[2,3]})"},
      {R"({"a":null})", R"([{"op":"replace","path":"/a","value":{"b":1}}])", R"({"a":{"b":1}})"},
      {R"({"a":{"b":1},"c":{}})", R"([{"op":"move","from":"/a/b","path":"/c/d"}])",
       R"({"a":{},"c":{"d":1}})"},
      {R"({"a":[1,2]})", R"([{"op":"move","from":"/a/0","path":"/a/1"}])", R"({"a":[2,1]})"},
      {R"({"a":[1]})", R"([{"op":"copy","from":"/a","path":"/b"}])", R"({"a":[1],"b":[1]})"},
      {R"({"a/b":{"~":1}})", R"([{"op":"replace","path":"/a~1b/~0","value":2}])",
       R"({"a/b":{"~":2}})"},
      {R"({"a":{"x":1,"y":2.0}})", R"([{"op":"test","path":"/a","value":{"y":2,"x":1.0}}])",
       R"({"a":{"x":1,"y":2}})"},
      {R"({"":1})", R"([{"op":"test","path":"/","value":1}])", R"({"":1})"},
      // refused
      {"{}", "{}", "error: a JSON patch is an array of operations, not object"},
      {"{}", "[1]", "error: operation 0: must be an object, not integer"},
      {"{}", R"([{"op":"add","value":1}])", "error: operation 0: needs a string 'path'"},
      {"{}", R"([{"op":"add","path":"/a"}])", "error: operation 0: needs a 'value'"},
      {"{}", R"([{"op":"x","path":"/a"}])", "error: operation 0: unknown op 'x'"},
      {"{}", R"([{"op":"remove","path":"/a"}])", "error: operation 0: '/a' does not exist"},
      {"{}", R"([{"op":"remove","path":"a"}])",
       "error: operation 0: 'a' must begin with '/' in 'path'"},
      {"{}", R"([{"op":"remove","path":"/~2"}])",
       "error: operation 0: '~' must be followed by 0 or 1 in '/~2'"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":1}])",
       "error: operation 0: '/a/2' is no index of a list of 1"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/00","value":1}])",
       "error: operation 0: '/a/00' is no index of a list of 1"},
      {R"({"a":[1]})", R"([{"op":"remove","path":"/a/-"}])",
       "error: operation 0: '/a/-' does not exist"},
      {R"({"a":"x"})", R"([{"op":"add","path":"/a/b","value":1}])",
       "error: operation 0: '/a' is string and has no members"},
      {R"({"a":{}})", R"([{"op":"move","from":"/a","path":"/a/b"}])",
       "error: operation 0: '/a' cannot move into itself"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Patched(c.document, c.patch), c.result) << c.patch;
}

TEST(ApplyPatch, ReportsAFailedTestAsConflict) {
  auto result =
      ApplyPatch(*Parse(R"({"a":1})"), *Parse(R"([{"op":"test","path":"/a","value":2}])"));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(result.error().message(), "operation 0: test of '/a' failed");
}

TEST(ApplyPatch, StopsCopiesThatGrowWithoutEnd) {
  // Each copy of the whole doubles it, and a long text reaches the limit with few values.
  Array grow;
  for (int i = 0; i < 60; ++i) {
    grow.push_back(Object{{"op", "copy"}, {"from", ""}, {"path", "/" + std::to_string(i)}});
  }
  auto result = ApplyPatch(Object{{"x", std::string(6 << 20, 'x')}}, grow);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kExhausted);

  Array nest;
  for (int i = 0; i < 12; ++i) {
    nest.push_back(Object{{"op", "copy"}, {"from", ""}, {"path", "/a"}});
  }
  result = ApplyPatch(Object{}, nest);
  EXPECT_TRUE(result.has_value());
}

TEST(ApplyMergePatch, FollowsRfc7386) {
  // The examples of RFC 7386, appendix A.
  const struct {
    std::string_view document;
    std::string_view patch;
    std::string_view result;
  } kCases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", "{}"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", "null", "null"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Serialize(ApplyMergePatch(*Parse(c.document), *Parse(c.patch))), c.result) << c.patch;
  }
}

TEST(MakeMergePatch, TurnsOneValueIntoTheOther) {
  const struct {
    std::string_view from;
    std::string_view to;
    std::string_view patch;
  } kCases[] = {
      {R"({"a":1,"b":{"c":2}})", R"({"b":{"c":2.0},"a":1})", "{}"},
      {R"({"a":1,"b":{"c":2,"d":3}})", R"({"b":{"c":4,"e":[1]}})",
       R"({"a":null,"b":{"d":null,"c":4,"e":[1]}})"},
      {R"({"a":[1,2]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"({"a":{"b":1}})", R"({"a":"x"})", R"({"a":"x"})"},
      {"1", "2", "2"},
      {"[1]", "[1]", "[1]"},
  };
  for (const auto& c : kCases) {
    const Value from = *Parse(c.from);
    const Value to = *Parse(c.to);
    const Value patch = MakeMergePatch(from, to);
    EXPECT_EQ(Serialize(patch), c.patch);
    EXPECT_EQ(Canonical(ApplyMergePatch(from, patch)), Canonical(to));
  }
}

}  // namespace
}  // namespace kro::json
