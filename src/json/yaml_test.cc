#include "json/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "json/kubectl_yaml.h"

namespace kro::json {
namespace {

std::string Show(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += Render(diagnostic);
  }
  return text;
}

// The documents as JSON lines, or what is wrong.
std::string Read(std::string_view text) {
  auto documents = ParseYaml(text);
  if (!documents) return Show(documents.error());
  std::string out;
  for (const Document& document : *documents) {
    if (!out.empty()) out += '\n';
    out += Serialize(document.value);
  }
  return out;
}

Document One(std::string_view text) {
  auto document = ParseYamlDocument(text);
  EXPECT_TRUE(document.has_value()) << Show(document ? Diagnostics{} : document.error());
  return document ? *std::move(document) : Document{};
}

struct Case {
  std::string_view text;
  std::string_view json;
};

TEST(ParseYaml, ResolvesScalarsAsKubectlDoes) {
  const Case kCases[] = {
      // booleans of YAML 1.1
      {"[y, Y, yes, Yes, YES, on, On, ON, true, True, TRUE]",
       "[true,true,true,true,true,true,true,true,true,true,true]"},
      {"[n, N, no, No, NO, off, Off, OFF, false, False, FALSE]",
       "[false,false,false,false,false,false,false,false,false,false,false]"},
      {"[yEs, tRUE, 'yes', \"no\", !!str on]", R"(["yEs","tRUE","yes","no","on"])"},
      {"[~, null, Null, NULL, nULL]", R"([null,null,null,null,"nULL"])"},
      // integers
      {"[0, -0, +7, -7, 1_000, 1__0_, _1]", R"([0,0,7,-7,1000,10,"_1"])"},
      {"[014, 0o14, 0O14, -014, 0x1F, 0XfF, -0x10, 0b101, 0b_1]", "[12,12,12,-12,31,255,-16,5,1]"},
      {"[08, 0o9, 0x, 0xg, 0b2, 1 2, '1']", R"([8,"0o9","0x","0xg","0b2","1 2","1"])"},
      {"[9223372036854775807, 9223372036854775808, 18446744073709551615, -9223372036854775808]",
       "[9223372036854775807,9223372036854775808,18446744073709551615,-9223372036854775808]"},
      {"[18446744073709551616, -9223372036854775809]",
       "[18446744073709552000,-9223372036854776000]"},
      // doubles; one without fraction is an integer once it went through JSON
      {"[1.5, 1., .5, -.5, +1.5, 1e3, 1E-2, 1e21, 1_0.5, -0.0]",
       "[1.5,1,0.5,-0.5,1.5,1000,0.01,1e+21,10.5,0]"},
      {"[1e400, 1e-400, ., +, 1.2.3, 1e, .e1]", R"(["1e400",0,".","+","1.2.3","1e",".e1"])"},
      // what YAML 1.1 knows and go-yaml leaves alone
      {"[2001-12-14, 2001-12-14t21:59:43.10-05:00, 190:20:30, 1:30]",
       R"(["2001-12-14","2001-12-14t21:59:43.10-05:00","190:20:30","1:30"])"},
      {"[=, <, '<<', Infinity, NaN]", R"(["=","<","<<","Infinity","NaN"])"},
      // tags
      {"[!!str 12, !!int '0x10', !!float 3, !!bool 'yes', !!null '', ! 12]",
       R"(["12",16,3,true,null,"12"])"},
      {"[!!binary aGVsbG8=, !!binary ' aG k= ', !!timestamp 2001-12-14]",
       R"(["hello","hi","2001-12-14"])"},
      {"a: !!str\nb: !!map {c: !!seq []}", R"({"a":"","b":{"c":[]}})"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, KeepsTheKindsOfNumbersApart) {
  const Document document = One("[1, 1.0, 1.5, 18446744073709551615, 1e19]");
  const Array& array = document.value.get_array();
  EXPECT_TRUE(array[0].is_int64());
  EXPECT_TRUE(array[1].is_int64());
  EXPECT_TRUE(array[2].is_double());
  EXPECT_TRUE(array[3].is_uint64());
  EXPECT_TRUE(array[4].is_double());
}

TEST(ParseYaml, MakesStringsOfKeys) {
  const Case kCases[] = {
      {"n: string", R"({"false":"string"})"},
      {"014: a\n1.5: b\ntrue: c\n'x': d", R"({"12":"a","1.5":"b","true":"c","x":"d"})"},
      {"1000000.5: a\n0.25: b", R"({"1.0000005e+06":"a","0.25":"b"})"},
      {"? complex\n: v\n? b", R"({"complex":"v","b":null})"},
      {"2001-12-14: a", R"({"2001-12-14":"a"})"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, ReadsWhatPeopleWrite) {
  const Case kCases[] = {
      {"", ""},
      {"# nothing\n", ""},
      {"\xef\xbb\xbf"
       "a: 1\n",
       R"({"a":1})"},
      {"a: 1\r\nb: |\r\n  x\r\n  y\r\n", R"({"a":1,"b":"x\ny\n"})"},
      {"a: 1\n---\n---\n# c\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}"},
      {"a:\n- 1\n- ~\n- b: c\n  d:\n", R"({"a":[1,null,{"b":"c","d":null}]})"},
      {"- 1\n-\n- 2\n", "[1,null,2]"},
      {"a: >-\n  x\n  y\n\n  z\nb: \"x\\n\\u00e9\\\n  y\"", R"({"a":"x y\nz","b":"x\né)"
                                                            "y\"}"},
      {"{\n\t\"a\":\t[1.5,\n\t\"\\ud83d\\ude00\"]\n}", R"({"a":[1.5,"😀"]})"},
      {"{\"a\": \"\\/\"}", R"({"a":"/"})"},
      {"a: ${schema.spec.x}\nb: {x: \"${y}\"}", R"({"a":"${schema.spec.x}","b":{"x":"${y}"}})"},
      {"a: http://x:80/#y", R"({"a":"http://x:80/#y"})"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, KeepsEveryCharacterOfQuotedText) {
  const Case kCases[] = {
      {"'a''''b'", R"("a''b")"},
      {"'a''''''b': '''''x'", R"({"a'''b":"''x"})"},
      {"- 'a\r\n  ''b''\n\n  c'\n- x", R"(["a 'b'\nc","x"])"},
      {"{a: 'it''s '''' x', b: '''''''''y'}", R"({"a":"it's '' x","b":"''''y"})"},
      // escapes near folded lines
      {"\"\\n\\\n \n  é''\"", R"("\n\né''")"},
      {"\"b\t\\\n\n   \\_x\\\n\n : \\u20ac\"", "\"b\\t\\n\u00a0x\\n: \u20ac\""},
      // a plain scalar over two lines
      {"----- x 'it''s'\n- y\n", R"("----- x 'it''s' - y")"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, KeepsEveryCharacterOfBlockScalars) {
  const Case kCases[] = {
      {"a: >\n  b\n\n     c", R"({"a":"b\n\n   c"})"},
      {"a: >\n  b\n     c", R"({"a":"b\n   c"})"},
      {"a: |\n", R"({"a":""})"},
      {"a: >+\n", R"({"a":""})"},
      {"a: |\r\n  b", R"({"a":"b"})"},
      {"o:\n  k: >+1\n     \n\n", R"({"o":{"k":"  \n\n"}})"},
      {"- - a: |1\n       b\n    c: 1\n", R"([[{"a":"  b\n","c":1}]])"},
      {"- |1\n   b\n-\n  |1\n   c\n", R"(["  b\n","  c\n"])"},
      {"k:\n- &x |\n  b\n- >-\n  c\n  d\n", R"({"k":["b\n","c d"]})"},
      {"&x k: |2\n   b\nl: 1\n", R"({"k":" b\n","l":1})"},
      {"? |\n  a\n: |1\n   b\n", R"({"a\n":"  b\n"})"},
      {"a: |\nb: 1\n", R"({"a":"","b":1})"},
      {"o:\n  k: |- # c\n\n  z: 1", R"({"o":{"k":"","z":1}})"},
      {"o:\n  k: |+\n\n\n  x: >2\n  # c\n  z: |\n    x\n",
       R"({"o":{"k":"\n\n","x":"","z":"x\n"}})"},
      {"o:\n  - &e !!str >1-\n\n  - *e\n", R"({"o":["",""]})"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, FollowsAliasesAndMergeKeys) {
  const Case kCases[] = {
      {"a: &x [1, {b: 2}]\nc: *x", R"({"a":[1,{"b":2}],"c":[1,{"b":2}]})"},
      {"&k a: 1\nb: *k", R"({"a":1,"b":"a"})"},
      {"x: &x {a: 1, b: 2}\nm: {<<: *x, b: 3, c: 4}",
       R"({"x":{"a":1,"b":2},"m":{"b":3,"c":4,"a":1}})"},
      // an explicit member wins wherever it stands, and so does the earlier map of a list
      {"x: &x {a: 1}\nz: &z {a: 2, b: 2}\nm:\n  <<: [*x, *z]\n",
       R"({"x":{"a":1},"z":{"a":2,"b":2},"m":{"a":1,"b":2}})"},
      {"m: {<<: {a: 1}, \"<<\": 2}", R"({"m":{"<<":2,"a":1}})"},
      // an anchor can be set again
      {"- &x 1\n- *x\n- &x 2\n- *x", "[1,1,2,2]"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, SaysWhatIsWrongAndWhere) {
  const Case kCases[] = {
      {"a: 1\nb: 2\n\"a\": 3",
       "line 3:1: a: duplicate key 'a' [KRO102]\n  remove one of them\n"
       "  line 1:1: a: it is here first"},
      {"x:\n  yes: 1\n  true: 2",
       "line 3:3: x.true: duplicate key 'true' [KRO102]\n  remove one of them\n"
       "  line 2:3: x.true: it is here first"},
      {"m:\n  <<: {a: 1, a: 2}",
       "line 2:14: m.a: duplicate key 'a' [KRO102]\n  remove one of them\n"
       "  line 2:8: m.a: it is here first"},
      {"x: &x {a: 1, a: 2}\nm: {<<: *x}",
       "line 1:14: x.a: duplicate key 'a' [KRO102]\n  remove one of them\n"
       "  line 1:8: x.a: it is here first"},
      {"a: [.inf]",
       "line 1:5: a[0]: .inf has no form in JSON [KRO103]\n  quote it if a string is meant"},
      {"a: -.INF\nb: .nan",
       "line 1:4: a: -.INF has no form in JSON [KRO103]\n  quote it if a string is meant\n"
       "line 2:4: b: .nan has no form in JSON [KRO103]\n  quote it if a string is meant"},
      {"a: !foo x", "line 1:9: a: unknown tag '!foo' [KRO103]\n  remove the tag"},
      {"a: !!int x", "line 1:10: a: 'x' is no !!int [KRO103]"},
      {"a: !!set {x}", "line 1:10: a: unknown tag 'tag:yaml.org,2002:set' on a map [KRO103]"},
      {"a: !!binary '*'", "line 1:13: a: !!binary holds no valid base64 [KRO103]"},
      {"a: !!binary /w==",
       "line 1:13: a: !!binary holds bytes that are no UTF-8 text [KRO103]\n"
       "  JSON strings hold text only"},
      {"~: 1", "line 1:1: a key must be a string, not null [KRO103]\n  quote the key"},
      {"? [a]\n: 1", "line 1:3: a key must be a scalar, not a map or a list [KRO103]"},
      {"a: {<<: 1}", "line 1:9: a: '<<' merges a map or a list of maps [KRO103]"},
      {"a: *x", "line 1:4: unknown anchor 'x' [KRO101]"},
      {"a: &x [*x]", "line 1:8: anchor 'x' contains itself [KRO101]"},
      {"&x a: 1\n---\nb: *x", "line 3:4: unknown anchor 'x' [KRO101]"},
      {"a: b: c",
       "line 1:5: invalid nested block mapping on the same line [KRO101]\n"
       "  a value that holds ': ' must be quoted"},
      {"a:\n\t- x",
       "line 2:1: tab character may not be used as indentation [KRO101]\n  indent with spaces"},
      {"a:\n-\n- 1",
       "line 3:1: did not find expected node content [KRO101]\n  write null for an empty item"},
      {"a: \"x", "line 1:5: double-quoted scalar without closing quote [KRO101]"},
      {"a: @x", "line 1:4: plain scalar cannot start with '@' [KRO101]\n  quote the value"},
      {std::string_view("a: \0", 4),
       "line 1:4: character U+0000 is not allowed [KRO101]\n"
       "  write it as an escape inside double quotes"},
      {"é: \xff", "line 1:4: invalid UTF-8 [KRO101]"},
      {"\xff\xfe"
       "a\0",
       "line 1:1: invalid UTF-8 [KRO101]"},
      {"{\"a\":1,\"a\":2}",
       "line 1:8: a: duplicate key 'a' [KRO102]\n  remove one of them\n"
       "  line 1:2: a: it is here first"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.json) << c.text;
}

TEST(ParseYaml, RefusesTextsThatNestTooDeep) {
  const auto nested = [](int depth, char open, char close) {
    return std::string(static_cast<std::size_t>(depth), open) +
           std::string(static_cast<std::size_t>(depth), close);
  };
  EXPECT_TRUE(ParseYaml(nested(kMaxDepth, '[', ']')).has_value());
  EXPECT_FALSE(ParseYaml(nested(kMaxDepth + 1, '[', ']')).has_value());
  EXPECT_FALSE(ParseYaml(std::string(200'000, '[')).has_value());
  std::string unterminated = "a: '";
  for (int i = 0; i < 200'000; ++i) unterminated += "${";
  EXPECT_TRUE(ParseYaml(unterminated + "'").has_value());
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  EXPECT_FALSE(ParseYaml(dashes).has_value());
}

TEST(ParseYaml, RefusesMergesThatMoveTooMuch) {
  const auto chain_of = [](int length) {
    std::string text = "m0: &m0 {k0: 1}\n";
    for (int i = 1; i < length; ++i) {
      text += fmt::format("m{}: &m{} {{<<: *m{}, k{}: 1}}\n", i, i, i - 1, i);
    }
    return text;
  };
  EXPECT_TRUE(ParseYaml(chain_of(50)).has_value());
  const auto parsed = ParseYaml(chain_of(200));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error()[0].message, "aliases expand to too much data");
}

TEST(ParseYaml, RefusesMergesThatNestTooDeep) {
  std::string text = "<<:\n- &a0 {a: 1}\n";
  for (int i = 1; i <= 20000; ++i) text += fmt::format("- &a{} {{<<: *a{}}}\n", i, i - 1);
  auto parsed = ParseYaml(text + "x: *a20000\n");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_TRUE(parsed.error()[0].message.starts_with("nested deeper than")) << Show(parsed.error());
}

TEST(ParseYaml, RefusesAliasesThatExpandTooFar) {
  std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    bomb +=
        fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  auto parsed = ParseYaml(bomb);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().size(), 1u);
  EXPECT_EQ(parsed.error()[0].message, "aliases expand to too much data");

  std::string deep = "- &a0 [x]\n";
  for (int i = 1; i <= kMaxDepth; ++i) deep += fmt::format("- &a{} [*a{}]\n", i, i - 1);
  EXPECT_FALSE(ParseYaml(deep).has_value());
}

TEST(ParseYaml, ReportsAKeyThatCannotBeReadOnceBesideRepeatedOnes) {
  constexpr std::string_view kText = "a: &x {b: 1}\n*x : 1\nc: 1\nc: 2\nc: 3\n";
  const auto refused = ParseYaml(kText);
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().size(), 3U) << Show(refused.error());
  EXPECT_EQ(refused.error()[0].where.position, (Position{2, 1}));
  EXPECT_EQ(refused.error()[1].where.position, (Position{4, 1}));
  ASSERT_EQ(refused.error()[1].related.size(), 1U);
  EXPECT_EQ(refused.error()[1].related[0].where.position, (Position{3, 1}));
  const auto read = ParseKubectlYaml(kText);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().size(), 1U) << Show(read.error());
}

TEST(ParseKubectlYaml, TakesTheLastOfRepeatedKeys) {
  constexpr std::string_view kText = "a: {x: 1, z: [1, 2]}\nb: 2\na: {x: 3, k: 4}\n";
  EXPECT_FALSE(ParseYaml(kText).has_value());
  const auto read = ParseKubectlYaml(kText, "d.yaml");
  ASSERT_TRUE(read.has_value()) << Show(read.error());
  ASSERT_EQ(read->documents.size(), 1u);
  EXPECT_EQ(Serialize(read->documents[0].value), R"({"a":{"x":3,"k":4},"b":2})");
  EXPECT_EQ(Show(read->warnings),
            "d.yaml:3:1: a: warning: duplicate key 'a' [KRO102]\n"
            "  the last one counts; remove the others\n"
            "  d.yaml:1:1: a: it is here first");
  EXPECT_EQ(read->documents[0].map.Of(*FieldPath::Parse("a.x")), (Position{3, 8}));
}

// As go-yaml 2.4 says it.
TEST(ParseKubectlYaml, SaysOfRepeatedKeysWhatTheStrictReaderOfGoSays) {
  const auto complaints = [](std::string_view text) {
    const auto read = ParseKubectlYaml(text);
    EXPECT_TRUE(read.has_value()) << text;
    std::string lines;
    for (const std::string& line : read->strict_complaints) lines += line + "\n";
    return lines;
  };
  // where the value begins, in the order of their ends
  EXPECT_EQ(complaints("a: {x: 1, x: 2}\n"
                       "a:\n"
                       "  k: 1\n"
                       "  k: |\n"
                       "    text\n"
                       "  k:\n"
                       "l: [{q: 1, q: 1}]\n"),
            "line 1: key \"x\" already set in map\n"
            "line 4: key \"k\" already set in map\n"
            "line 6: key \"k\" already set in map\n"
            "line 3: key \"a\" already set in map\n"
            "line 7: key \"q\" already set in map\n");
  EXPECT_EQ(complaints("a: 1\na: &x\n  b: 1\n"), "line 2: key \"a\" already set in map\n");
  // numbers and booleans are not their texts
  EXPECT_EQ(
      complaints("{1: a, '1': b, 0x1: c, yes: d, 'true': e, on: f, \"\\x01\": g, \"\\u0001\": h}"),
      "line 1: key 1 already set in map\n"
      "line 1: key true already set in map\n"
      "line 1: key \"\\x01\" already set in map\n");
  // what is merged or stands for an anchor counts each time
  EXPECT_EQ(complaints("x: &x {k: a, k: b}\n"
                       "y:\n"
                       "  <<: *x\n"
                       "  k: c\n"
                       "  <<: {k: d}\n"
                       "z:\n"
                       "  <<: [{q: s},\n"
                       "       {q: t}]\n"
                       "v: *x\n"
                       "v: *x\n"),
            "line 1: key \"k\" already set in map\n"
            "line 1: key \"k\" already set in map\n"
            "line 4: key \"k\" already set in map\n"
            "line 5: key \"k\" already set in map\n"
            "line 7: key \"q\" already set in map\n"
            "line 1: key \"k\" already set in map\n"
            "line 1: key \"k\" already set in map\n"
            "line 10: key \"v\" already set in map\n");
}

TEST(ParseKubectlYaml, WarnsOfKeysThatAreBooleans) {
  const auto read = ParseKubectlYaml("n: string\n'y': a\non: {true: b}\n", "k.yaml");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(Serialize(read->documents[0].value),
            R"({"false":"string","y":"a","true":{"true":"b"}})");
  ASSERT_EQ(read->warnings.size(), 2u);
  EXPECT_EQ(Render(read->warnings[0]),
            "k.yaml:1:1: false: warning: the key n is read as \"false\" [KRO106]\n"
            "  an unquoted y, n, yes, no, on or off is a boolean: write \"n\"");
  EXPECT_EQ(read->warnings[1].where.position, (Position{3, 1}));
}

TEST(ParseYamlDocument, WantsExactlyOne) {
  EXPECT_EQ(Serialize(One("---\na: 1\n---\n").value), R"({"a":1})");
  EXPECT_EQ(Show(ParseYamlDocument("# none", "x.yaml").error()),
            "x.yaml: expected one document, found none [KRO101]");
  EXPECT_EQ(Show(ParseYamlDocument("a: 1\n---\nb: 2", "x.yaml").error()),
            "x.yaml:3:1: expected one document, found 2 [KRO101]");
}

TEST(SourceMap, KnowsValuesAndKeys) {
  const Document document =
      One("kind: x\n"
          "spec:\n"
          "  é: {k: 'v'}\n"
          "  text: |2- # note\n"
          "     a\n"
          "  none:\n"
          "  copy: &c\n"
          "    - 1\n"
          "  again: *c\n");
  const auto at = [&](std::string_view path) { return document.map.Of(*FieldPath::Parse(path)); };
  const auto key = [&](std::string_view path) {
    return document.map.KeyOf(*FieldPath::Parse(path));
  };
  EXPECT_EQ(document.begin, (Position{1, 1}));
  EXPECT_EQ(at("kind"), (Position{1, 7}));
  EXPECT_EQ(key("spec"), (Position{2, 1}));
  EXPECT_EQ(at("spec.é"), (Position{3, 6}));
  EXPECT_EQ(at("spec.é.k"), (Position{3, 10}));
  EXPECT_EQ(key("spec.é.k"), (Position{3, 7}));
  EXPECT_EQ(at("spec.text"), (Position{4, 9}));
  EXPECT_EQ(at("spec.none"), (Position{6, 7}));
  EXPECT_EQ(at("spec.copy[0]"), (Position{8, 7}));
  EXPECT_EQ(at("spec.again"), (Position{9, 10}));
  // inside an alias, and beyond what is there: the nearest ancestor
  EXPECT_EQ(at("spec.again[0]"), (Position{9, 10}));
  EXPECT_EQ(at("spec.ghost.x"), at("spec"));
}

// Each place holds its path, so a long key above many values would cost the product of both.
TEST(SourceMap, LeavesOutPlacesWhosePathsTakeTooMuchRoom) {
  std::string text = "a: 1\n" + std::string(100'000, 'x') + ":\n";
  for (int i = 0; i < 5'000; ++i) text += "- 1\n";
  text += "z: 1\n";
  const auto document = ParseYamlDocument(text);
  ASSERT_TRUE(document);
  const FieldPath list = FieldPath().Child(std::string(100'000, 'x'));
  EXPECT_EQ(document->map.Of(list.Child(std::size_t{0})), (Position{3, 3}));
  EXPECT_EQ(document->map.Of(list.Child(std::size_t{4'999})), (Position{3, 1}));
  EXPECT_EQ(document->map.Of(FieldPath().Child("z")), (Position{5'003, 4}));
}

TEST(SourceMap, FindsBytesOfDecodedText) {
  const Document document =
      One("plain: ab é${x}\n"                         // 1
          "wide: ab\n"                                // 2
          "  cd\n"                                    // 3
          "\n"                                        // 4
          "  ef\n"                                    // 5
          "single: 'it''s ${x}'\n"                    // 6
          "double: \"a\\n\\u00e9\\U0001F600${x}\\\n"  // 7
          "   b\"\n"                                  // 8
          "literal: |\n"                              // 9
          "  ab\n"                                    // 10
          "    cd\n"                                  // 11
          "\n"                                        // 12
          "  ef\n"                                    // 13
          "folded: >-\n"                              // 14
          "\n"                                        // 15
          "   ab\n"                                   // 16
          "   cd\n"                                   // 17
          "     x\n"                                  // 18
          "   ef\n"                                   // 19
          "   gh\n"                                   // 20
          "\n"                                        // 21
          "   ij\n");                                 // 22
  const struct {
    std::string_view path;
    std::string_view needle;
    Position place;
  } kCases[] = {
      {"plain", "ab", {1, 8}},    {"plain", "${x}", {1, 12}}, {"wide", "cd", {3, 3}},
      {"wide", "ef", {5, 3}},     {"single", "s", {6, 14}},   {"single", "${x}", {6, 16}},
      {"double", "\n", {7, 11}},  {"double", "é", {7, 13}},   {"double", "${x}", {7, 29}},
      {"double", "b", {8, 4}},    {"literal", "ab", {10, 3}}, {"literal", "cd", {11, 5}},
      {"literal", "ef", {13, 3}}, {"folded", "ab", {16, 4}},  {"folded", "cd", {17, 4}},
      {"folded", "x", {18, 6}},   {"folded", "ef", {19, 4}},  {"folded", "gh", {20, 4}},
      {"folded", "ij", {22, 4}},
  };
  for (const auto& c : kCases) {
    const std::string text(FindString(document.value, {c.path}));
    const std::size_t offset = text.find(c.needle);
    ASSERT_NE(offset, text.npos) << c.path << " " << text;
    const Position place = document.map.Within(FieldPath().Child(c.path), offset);
    EXPECT_EQ(place, c.place) << c.path << ": " << c.needle << " at " << place.line << ":"
                              << place.column;
  }
}

}  // namespace
}  // namespace kro::json
