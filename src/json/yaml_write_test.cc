#include <gtest/gtest.h>

#include "json/yaml.h"

namespace kro::json {
namespace {

TEST(ToYaml, WritesBlocksAsKubectlDoes) {
  EXPECT_EQ(ToYaml(*Parse(R"({"kind":"List","items":[{"a":1,"b":[1,[2,3],[]]},{}],
                              "spec":{"x":{"w":null,"y":1}},"z":1.5})")),
            "kind: List\n"
            "items:\n"
            "- a: 1\n"
            "  b:\n"
            "  - 1\n"
            "  - - 2\n"
            "    - 3\n"
            "  - []\n"
            "- {}\n"
            "spec:\n"
            "  x:\n"
            "    w: null\n"
            "    \"y\": 1\n"
            "z: 1.5\n");
}

TEST(ToYaml, QuotesWhatAReaderWouldTakeForSomethingElse) {
  const struct {
    std::string_view text;
    std::string_view yaml;
  } kCases[] = {
      {"plain text", "plain text\n"},
      {"${schema.spec.x + 'y'}", "${schema.spec.x + 'y'}\n"},
      {"a:b", "a:b\n"},
      {"", "\"\"\n"},
      {"yes", "\"yes\"\n"},
      {"n", "\"n\"\n"},
      {"null", "\"null\"\n"},
      {"014", "\"014\"\n"},
      {"1_000", "\"1_000\"\n"},
      {"1.0", "\"1.0\"\n"},
      {".inf", "\".inf\"\n"},
      {"<<", "\"<<\"\n"},
      {"2001-12-14T21:59:43Z", "\"2001-12-14T21:59:43Z\"\n"},
      {"1:30", "\"1:30\"\n"},
      {"- x", "'- x'\n"},
      {"-x", "-x\n"},
      {"{a}", "'{a}'\n"},
      {"*x", "'*x'\n"},
      {"a: b", "'a: b'\n"},
      {"a #b", "'a #b'\n"},
      {"it's # it", "'it''s # it'\n"},
      {" x", "' x'\n"},
      {"---", "'---'\n"},
      {"a\tb", "'a\tb'\n"},
      {"a\x01", "\"a\\u0001\"\n"},
      {"a\xc2\x85\xe2\x80\xa8", "\"a\\x85\\u2028\"\n"},
      {"a\nb", "|-\n  a\n  b\n"},
      {"a\n\nb\n", "|\n  a\n\n  b\n"},
      {"a\n\n", "|+\n  a\n\n"},
      {"\na", "\"\\na\"\n"},
      {"a \nb", "\"a \\nb\"\n"},
      {"a\r\nb", "\"a\\r\\nb\"\n"},
  };
  for (const auto& c : kCases) {
    const Value text(boost::json::string_view(c.text.data(), c.text.size()));
    EXPECT_EQ(ToYaml(text), c.yaml) << c.text;
    // As a value, as a key and in a list it reads back as it was.
    const Value nested = Object{{"k", Array{text, Object{{text.get_string(), text}, {"z", text}}}}};
    auto back = ParseYamlDocument(ToYaml(nested));
    ASSERT_TRUE(back.has_value()) << ToYaml(nested) << Render(back.error()[0]);
    EXPECT_EQ(Canonical(back->value), Canonical(nested)) << ToYaml(nested);
  }
}

TEST(ToYaml, WritesLongKeysThatReadBack) {
  const Value value = Object{{std::string(2000, 'k'), Object{{"a", 1}}}};
  auto back = ParseYamlDocument(ToYaml(value));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->value, value);
}

TEST(ToYaml, WritesValuesOfAnyDepth) {
  Value value = 1;
  for (int i = 0; i < 2000; ++i) value = Array{std::move(value)};
  EXPECT_FALSE(ToYaml(value).empty());
}

}  // namespace
}  // namespace kro::json
