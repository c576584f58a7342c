#include "json/value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "json/go_type.h"

namespace kro::json {
namespace {

std::string Reprint(std::string_view text) {
  auto value = Parse(text);
  return value ? Serialize(*value) : "error: " + value.error().message();
}

struct Case {
  std::string_view text;
  std::string_view printed;
};

TEST(Parse, ReadsAndPrintsValues) {
  const Case kCases[] = {
      {"null", "null"},
      {" \t\r\n true ", "true"},
      {"false", "false"},
      {R"({"b":1,"a":[ ]})", R"({"b":1,"a":[]})"},
      {R"({"":{}})", R"({"":{}})"},
      // numbers, as Go prints them
      {"1", "1"},
      {"1.0", "1"},
      {"-0", "0"},
      {"-0.0", "-0"},
      {"0.5", "0.5"},
      {"1e3", "1000"},
      {"1E+2", "100"},
      {"1e20", "100000000000000000000"},
      {"1e21", "1e+21"},
      {"1.5e21", "1.5e+21"},
      {"123456789012345678901", "123456789012345680000"},
      {"0.000001", "0.000001"},
      {"0.0000001", "1e-7"},
      {"1.25e-9", "1.25e-9"},
      {"3.141592653589793", "3.141592653589793"},
      {"9007199254740993", "9007199254740993"},
      {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709552000"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"-9223372036854775809", "-9223372036854776000"},
      {"1e-400", "0"},
      {"123.456e-999999999999", "0"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      // strings
      {R"("\u00e9\ud83d\ude00\/")", "\"é😀/\""},
      {R"("\u0000\u001f\b\f\n\r\t\"\\")", R"("\u0000\u001f\b\f\n\r\t\"\\")"},
      {"\"é😀\x7f\"", "\"é😀\x7f\""},
      {"\"<>&\"", "\"<>&\""},
  };
  for (const Case& c : kCases) EXPECT_EQ(Reprint(c.text), c.printed) << c.text;
}

TEST(Parse, ReadsEveryCharacterAtEveryPlaceOfAString) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (int c = 1; c < 0x80; ++c) {
      const std::string plain(before, 'a');
      const std::string text = plain + static_cast<char>(c) + "zé";
      const Value value = String(text);
      const std::string printed = Serialize(value);
      EXPECT_EQ(Parse(printed).value(), value) << printed;
      const bool is_escaped = c < 0x20 || c == '"' || c == '\\';
      EXPECT_EQ(printed.find('\\') == before + 1, is_escaped) << printed;
      EXPECT_EQ(Parse('"' + text + '"').has_value(), !is_escaped) << text;
    }
  }
}

TEST(Parse, RefusesWhatIsNotJson) {
  const Case kCases[] = {
      {"", "line 1, column 1: expected a value, found the end"},
      {"{} x", "line 1, column 4: expected the end, found 'x'"},
      {"{\n  \"é\": tru\n}", "line 2, column 8: expected a value, found 't'"},
      {"[1,]", "line 1, column 4: expected a value, found ']'"},
      {"{\"a\":1,}", "line 1, column 8: expected a key in double quotes, found '}'"},
      {"{a:1}", "line 1, column 2: expected a key in double quotes, found 'a'"},
      {"{\"a\" 1}", "line 1, column 6: expected ':', found '1'"},
      {"[1 2]", "line 1, column 4: expected ',' or ']', found '2'"},
      {"{\"a\":1", "line 1, column 7: expected ',' or '}', found the end"},
      {"// c\n1", "line 1, column 1: expected a value, found '/'"},
      // duplicate keys, however they are written
      {"{\"a\":1,\n\"\\u0061\":2}", "line 2, column 1: duplicate key \"a\""},
      // numbers
      {"01", "line 1, column 1: a number may not begin with 0"},
      {"+1", "line 1, column 1: expected a value, found '+'"},
      {"-", "line 1, column 2: expected a digit, found the end"},
      {"1.", "line 1, column 3: expected a digit, found the end"},
      {".5", "line 1, column 1: expected a value, found '.'"},
      {"1e", "line 1, column 3: expected a digit, found the end"},
      {"1e999", "line 1, column 1: number 1e999 is out of range"},
      {"NaN", "line 1, column 1: expected a value, found 'N'"},
      {"0x1", "line 1, column 2: expected the end, found 'x'"},
      // strings
      {"\"a", "line 1, column 1: a string does not end"},
      {"\"a\\", "line 1, column 3: a string does not end"},
      {"'a'", "line 1, column 1: expected a value, found '''"},
      {R"("\x")", "line 1, column 2: unknown escape in a string"},
      {R"("\u12g4")", "line 1, column 2: \\u must be followed by four hexadecimal digits"},
      {R"("\ud800")", "line 1, column 2: a surrogate escape must be one half of a pair"},
      {R"("\ud800\u0041")", "line 1, column 2: a surrogate escape must be one half of a pair"},
      {R"("\udc00\ud800")", "line 1, column 2: a surrogate escape must be one half of a pair"},
      {"\"a\nb\"", "line 1, column 3: control character \\u000a in a string must be escaped"},
      {std::string_view("\"\0\"", 3),
       "line 1, column 2: control character \\u0000 in a string must be escaped"},
      {std::string_view("1\0", 2), "line 1, column 2: expected the end, found byte 0x00"},
      {"\"\xff\"", "line 1, column 2: invalid UTF-8"},
      {"\"\xc0\xaf\"", "line 1, column 2: invalid UTF-8"},
      {"\"\xed\xa0\x80\"", "line 1, column 2: invalid UTF-8"},
      {"\"\xf4\x90\x80\x80\"", "line 1, column 2: invalid UTF-8"},
      {"\"\xe2\x82", "line 1, column 2: invalid UTF-8"},
      {"\xef\xbb\xbf{}", "line 1, column 1: a byte order mark is not allowed"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(Reprint(c.text), "error: " + std::string(c.printed)) << c.text;
  }
}

TEST(Parse, KeepsTheKindsOfNumbersApart) {
  EXPECT_TRUE(Parse("1")->is_int64());
  EXPECT_TRUE(Parse("-0")->is_int64());
  EXPECT_TRUE(Parse("1.0")->is_double());
  EXPECT_TRUE(Parse("1e0")->is_double());
  EXPECT_TRUE(Parse("9223372036854775808")->is_uint64());
  EXPECT_TRUE(Parse("18446744073709551616")->is_double());
}

TEST(Parse, RefusesTextsThatNestTooDeep) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(Parse(nested(kMaxDepth)).has_value());
  auto deeper = Parse(nested(kMaxDepth + 1));
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().message(), "line 1, column 1001: nested deeper than 1000");
  EXPECT_FALSE(Parse(std::string(1'000'000, '[')).has_value());
}

TEST(Parse, PutsEverythingIntoTheStorageGiven) {
  boost::json::monotonic_resource arena;
  auto value = Parse(R"({"a":["a long string that no small buffer holds"]})", &arena);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->storage().get(), &arena);
  EXPECT_EQ(Find(*value, "a")->get_array()[0].storage().get(), &arena);
}

TEST(Serialize, WritesNullForWhatJsonHasNoNumberFor) {
  EXPECT_EQ(Serialize(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(Serialize(std::numeric_limits<double>::quiet_NaN()), "null");
}

TEST(Canonical, SortsKeysAtEveryLevel) {
  EXPECT_EQ(Canonical(*Parse(R"({"b":{"z":1,"a":2},"B":[{"y":0,"x":0}],"a.":1,"a":1})")),
            R"({"B":[{"x":0,"y":0}],"a":1,"a.":1,"b":{"a":2,"z":1}})");
}

TEST(Canonical, IsTheSameForEqualNumbers) {
  EXPECT_EQ(Canonical(Value(1)), Canonical(Value(1.0)));
  EXPECT_EQ(Canonical(Value(-0.0)), "0");
  EXPECT_EQ(Canonical(Value(std::uint64_t{7})), Canonical(Value(std::int64_t{7})));
}

TEST(IsTooDeep, CountsAsParseDoes) {
  Value value = 1;
  for (int i = 0; i < kMaxDepth; ++i) value = Array{std::move(value)};
  EXPECT_FALSE(IsTooDeep(value));
  EXPECT_TRUE(IsTooDeep(Object{{"a", value}}));
}

TEST(Find, FollowsKeys) {
  const Value value = *Parse(R"({"metadata":{"name":"web","generation":3}})");
  EXPECT_EQ(FindString(value, {"metadata", "name"}), "web");
  EXPECT_EQ(FindString(value, {"metadata", "generation"}), "");
  EXPECT_EQ(FindString(value, {"metadata", "name", "x"}), "");
  EXPECT_EQ(Find(value, {"spec"}), nullptr);
  EXPECT_EQ(Find(Value(1), "a"), nullptr);
}

TEST(TypeName, TellsIntegersFromNumbers) {
  EXPECT_EQ(TypeName(Value(1)), "integer");
  EXPECT_EQ(TypeName(Value(1.0)), "number");
  EXPECT_EQ(TypeName(Value(Array())), "array");
  EXPECT_EQ(TypeName(Value()), "null");
}

TEST(GoWord, IsWhatJsonCallsAValueButForBool) {
  EXPECT_EQ(GoWord(Value(1)), "number");
  EXPECT_EQ(GoWord(Value(1.5)), "number");
  EXPECT_EQ(GoWord(Value(true)), "bool");
  EXPECT_EQ(GoWord(Value(Object())), "object");
}

TEST(GoType, IsWhatDecodingMakes) {
  EXPECT_EQ(GoType(Value()), "<nil>");
  EXPECT_EQ(GoType(Value(true)), "bool");
  EXPECT_EQ(GoType(Value(1)), "int64");
  EXPECT_EQ(GoType(Value(std::uint64_t{1} << 63)), "float64");
  EXPECT_EQ(GoType(Value("")), "string");
  EXPECT_EQ(GoType(Value(Array())), "[]interface {}");
  EXPECT_EQ(GoType(Value(Object())), "map[string]interface {}");
}

}  // namespace
}  // namespace kro::json
