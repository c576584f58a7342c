// Expressions made at random, well typed and not, must give the naive evaluator's results.
//
// KRO_CEL_CASES sets how many there are, KRO_CEL_SEED the first of them; scripts/cel-oracle runs a
// million. A failure prints its seed, which makes the same expression and data again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "cel/cel.h"
#include "cel/naive_test_util.h"

namespace kro::cel {
namespace {

constexpr std::uint64_t kCases = 20'000;
constexpr int kMaxDepth = 4;

constexpr const char* kSchema = R"({"type": "object", "properties": {
  "b": {"type": "boolean"}, "c": {"type": "boolean"},
  "i": {"type": "integer"}, "j": {"type": "integer"},
  "d": {"type": "number"}, "s": {"type": "string"}, "t": {"type": "string"},
  "li": {"type": "array", "items": {"type": "integer"}},
  "ls": {"type": "array", "items": {"type": "string"}},
  "mi": {"type": "object", "additionalProperties": {"type": "integer"}},
  "lo": {"type": "array", "items": {"type": "object", "properties": {
    "b": {"type": "boolean"}, "i": {"type": "integer"}, "s": {"type": "string"}}}},
  "o": {"type": "object", "properties": {
    "b": {"type": "boolean"}, "i": {"type": "integer"}, "s": {"type": "string"},
    "d": {"type": "number"}, "li": {"type": "array", "items": {"type": "integer"}}}}}})";

enum class Want { kBool, kInt, kUint, kDouble, kString, kInts, kStrings, kMap, kOptional };
constexpr Want kWants[] = {Want::kBool,   Want::kInt,  Want::kUint,    Want::kDouble,
                           Want::kString, Want::kInts, Want::kStrings, Want::kMap};

constexpr const char* kInts[] = {"0", "1", "2", "3", "7", "-1", "-5"};
constexpr const char* kLongInts[] = {"9223372036854775807", "-9223372036854775808",
                                     "4611686018427387904", "9007199254740993"};
constexpr const char* kUints[] = {"0u", "1u", "2u", "5u", "7u"};
constexpr const char* kLongUints[] = {"18446744073709551615u", "9223372036854775808u"};
constexpr const char* kDoubles[] = {
    "0.0", "1.0", "-1.5", "2.5", "1e300", "-0.0", "1e19", "3.0", "9007199254740992.0", "0.0 / 0.0"};
constexpr const char* kStrings[] = {"''",  "'a'", "'ab'",   "'abc'", "'b'",
                                    "'é'", "'1'", "'true'", "'😀x'"};

// Makes an expression and the data that it reads.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string Expression();
  json::Value Data();   // fits kSchema; parts may be missing
  json::Value Loose();  // any JSON

 private:
  std::size_t Below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  template <typename T, std::size_t N>
  const T& Pick(const T (&from)[N]) {
    return from[Below(N)];
  }
  bool Chance(std::size_t percent) { return Below(100) < percent; }

  std::string Of(Want want, int depth);
  std::string Leaf(Want want);
  std::string Bool(int depth);
  std::string Int(int depth);
  std::string Number(Want want, int depth);
  std::string Text(int depth);
  std::string List(Want want, int depth);
  std::string Map(int depth);
  std::string Optional(int depth);
  std::string Quantified(int depth);
  Want Item(Want list) const { return list == Want::kInts ? Want::kInt : Want::kString; }
  std::string Bind(Want want);

  json::Value Scalar(Want want);

  std::mt19937_64 random_;
  std::vector<std::pair<std::string, Want>> bound_;
  int names_ = 0;
};

std::string Generator::Expression() { return Of(Pick(kWants), kMaxDepth); }

std::string Generator::Of(Want want, int depth) {
  // What the checker must not see: a value of another type.
  if (Chance(3)) return fmt::format("dyn({})", Of(Pick(kWants), depth - 1));
  if (Chance(1)) return Chance(50) ? "later" : "latest";  // not known yet
  if (depth <= 0) return Leaf(want);
  if (Chance(6)) {
    return fmt::format("({} ? {} : {})", Of(Want::kBool, depth - 1), Of(want, depth - 1),
                       Of(want, depth - 1));
  }
  if (Chance(3)) {
    const Want inner = Pick(kWants);
    const std::string init = Of(inner, depth - 1);
    const std::string name = Bind(inner);
    std::string text = fmt::format("cel.bind({}, {}, {})", name, init, Of(want, depth - 1));
    bound_.pop_back();
    return text;
  }
  if (want != Want::kOptional && Chance(4)) {
    const std::string optional = want == Want::kInt
                                     ? Optional(depth - 1)
                                     : fmt::format("optional.of({})", Of(want, depth - 1));
    return fmt::format("{}.orValue({})", optional, Of(want, depth - 1));
  }
  if (Chance(20)) return Leaf(want);
  switch (want) {
    case Want::kBool:
      return Bool(depth);
    case Want::kInt:
      return Int(depth);
    case Want::kUint:
    case Want::kDouble:
      return Number(want, depth);
    case Want::kString:
      return Text(depth);
    case Want::kInts:
    case Want::kStrings:
      return List(want, depth);
    case Want::kMap:
      return Map(depth);
    case Want::kOptional:
      return Optional(depth);
  }
  return "null";
}

std::string Generator::Leaf(Want want) {
  if (Chance(30)) {
    for (std::size_t i = bound_.size(); i-- > 0;) {
      if (bound_[i].second == want) return bound_[i].first;
    }
  }
  const bool literal = Chance(45);
  static constexpr const char* kBoolFields[] = {"schema.b", "schema.o.b", "any.b", "schema.c",
                                                "schema.lo[0].b"};
  static constexpr const char* kIntFields[] = {"schema.i",     "schema.j",       "schema.o.i",
                                               "any.i",        "schema.mi.x",    "schema.mi['y']",
                                               "schema.li[0]", "schema.lo[1].i", "any.o.i"};
  static constexpr const char* kDoubleFields[] = {"schema.d", "schema.o.d", "any.d"};
  static constexpr const char* kTextFields[] = {
      "schema.s", "schema.t", "schema.o.s", "schema.lo[0].s", "schema.ls[0]", "any.s", "any.o.s"};
  switch (want) {
    case Want::kBool:
      return literal ? (Chance(50) ? "true" : "false") : Pick(kBoolFields);
    case Want::kInt:
      return !literal ? Pick(kIntFields) : Chance(10) ? Pick(kLongInts) : Pick(kInts);
    case Want::kUint:
      return Chance(10) ? Pick(kLongUints) : Pick(kUints);
    case Want::kDouble:
      return literal ? fmt::format("({})", Pick(kDoubles)) : Pick(kDoubleFields);
    case Want::kString:
      return literal ? Pick(kStrings) : Pick(kTextFields);
    case Want::kInts:
      return literal ? "[1, 2, 3]" : Chance(50) ? "schema.li" : "schema.o.li";
    case Want::kStrings:
      return literal ? "['a', 'b']" : "schema.ls";
    case Want::kMap:
      return literal ? "{'x': 1, 'y': 2}" : "schema.mi";
    case Want::kOptional:
      return Chance(50) ? "schema.?o.?i" : "optional.none()";
  }
  return "null";
}

std::string Generator::Bool(int depth) {
  static constexpr const char* kOrders[] = {"<", "<=", ">", ">=", "==", "!="};
  static constexpr const char* kHas[] = {"has(schema.s)", "has(schema.o.i)", "has(schema.mi.x)",
                                         "has(schema.o)", "has(any.i)",      "has(schema.lo[0].s)"};
  static constexpr const char* kMembers[] = {"contains", "startsWith", "endsWith"};
  switch (Below(11)) {
    case 0:
      return fmt::format("({} && {})", Of(Want::kBool, depth - 1), Of(Want::kBool, depth - 1));
    case 1:
      return fmt::format("({} || {})", Of(Want::kBool, depth - 1), Of(Want::kBool, depth - 1));
    case 2:
      return fmt::format("!({})", Of(Want::kBool, depth - 1));
    case 3:
    case 4: {
      const Want type = Pick(kWants);
      const bool equality = type == Want::kInts || type == Want::kStrings || type == Want::kMap;
      return fmt::format("({} {} {})", Of(type, depth - 1),
                         kOrders[equality ? 4 + Below(2) : Below(6)], Of(type, depth - 1));
    }
    case 5:
      return fmt::format("(dyn({}) {} dyn({}))", Of(Pick(kWants), depth - 1), Pick(kOrders),
                         Of(Pick(kWants), depth - 1));
    case 6: {
      const Want list = Chance(50) ? Want::kInts : Want::kStrings;
      return fmt::format("({} in {})", Of(Item(list), depth - 1), Of(list, depth - 1));
    }
    case 7:
      return fmt::format("({} in {})", Of(Want::kString, depth - 1), Of(Want::kMap, depth - 1));
    case 8:
      return Pick(kHas);
    case 9:
      return fmt::format("{}.{}({})", Of(Want::kString, depth - 1), Pick(kMembers),
                         Of(Want::kString, depth - 1));
    default:
      return Quantified(depth);
  }
}

std::string Generator::Quantified(int depth) {
  static constexpr const char* kMacros[] = {"all", "exists", "exists_one"};
  if (Chance(20)) {
    const bool number = Chance(50);
    return fmt::format("schema.lo.{}(v, v.{} == {})", Pick(kMacros), number ? "i" : "s",
                       Of(number ? Want::kInt : Want::kString, depth - 2));
  }
  const Want container = Chance(20) ? Want::kMap : Chance(50) ? Want::kInts : Want::kStrings;
  const bool map = container == Want::kMap;
  const std::string range = Of(container, depth - 1);
  if (Chance(25)) {
    const std::string index = Bind(map ? Want::kString : Want::kInt);
    const std::string value = Bind(map ? Want::kInt : Item(container));
    std::string text = fmt::format("{}.{}({}, {}, {})", range, Chance(50) ? "all" : "exists", index,
                                   value, Of(Want::kBool, depth - 1));
    bound_.resize(bound_.size() - 2);
    return text;
  }
  const std::string name = Bind(map ? Want::kString : Item(container));
  std::string text =
      fmt::format("{}.{}({}, {})", range, Pick(kMacros), name, Of(Want::kBool, depth - 1));
  bound_.pop_back();
  return text;
}

std::string Generator::Int(int depth) {
  switch (Below(6)) {
    case 0:
      return fmt::format("size({})", Of(Chance(50) ? Want::kString : Want::kInts, depth - 1));
    case 1:
      return fmt::format("int({})", Of(Chance(50) ? Want::kDouble : Want::kUint, depth - 1));
    case 2:
      return fmt::format("{}[{}]", Of(Want::kInts, depth - 1), Of(Want::kInt, depth - 1));
    case 3:
      return fmt::format("{}[{}]", Of(Want::kMap, depth - 1), Of(Want::kString, depth - 1));
    default:
      return Number(Want::kInt, depth);
  }
}

std::string Generator::Number(Want want, int depth) {
  if (want == Want::kUint && Chance(15)) return fmt::format("uint({})", Of(Want::kInt, depth - 1));
  if (want == Want::kDouble && Chance(15)) {
    return fmt::format("double({})", Of(Want::kInt, depth - 1));
  }
  if (want != Want::kUint && Chance(12)) return fmt::format("-({})", Of(want, depth - 1));
  const std::size_t operators = want == Want::kDouble ? 4 : 5;
  return fmt::format("({} {} {})", Of(want, depth - 1), "+-*/%"[Below(operators)],
                     Of(want, depth - 1));
}

std::string Generator::Text(int depth) {
  if (Chance(60)) {
    return fmt::format("({} + {})", Of(Want::kString, depth - 1), Of(Want::kString, depth - 1));
  }
  if (Chance(50)) {
    static constexpr Want kPrinted[] = {Want::kInt, Want::kUint, Want::kBool, Want::kString};
    return fmt::format("string({})", Of(Pick(kPrinted), depth - 1));
  }
  return fmt::format("{}[{}]", Of(Want::kStrings, depth - 1), Of(Want::kInt, depth - 1));
}

std::string Generator::List(Want want, int depth) {
  switch (Below(4)) {
    case 0:
      return fmt::format("({} + {})", Of(want, depth - 1), Of(want, depth - 1));
    case 1: {
      std::string items;
      for (std::size_t i = Below(4); i-- > 0;) {
        items += (items.empty() ? "" : ", ") + Of(Item(want), depth - 1);
      }
      return fmt::format("[{}]", items);
    }
    default: {
      const Want from = Chance(50) ? Want::kInts : Want::kStrings;
      const std::string range = Of(from, depth - 1);
      const std::string name = Bind(Item(from));
      std::string text;
      if (from == want && Chance(50)) {
        text = fmt::format("{}.filter({}, {})", range, name, Of(Want::kBool, depth - 1));
      } else if (Chance(30)) {
        text = fmt::format("{}.map({}, {}, {})", range, name, Of(Want::kBool, depth - 1),
                           Of(Item(want), depth - 1));
      } else {
        text = fmt::format("{}.map({}, {})", range, name, Of(Item(want), depth - 1));
      }
      bound_.pop_back();
      return text;
    }
  }
}

std::string Generator::Map(int depth) {
  if (Chance(30)) {
    const std::string range = Of(Want::kMap, depth - 1);
    const std::string key = Bind(Want::kString), value = Bind(Want::kInt);
    std::string text =
        fmt::format("{}.transformMap({}, {}, {})", range, key, value, Of(Want::kInt, depth - 1));
    bound_.resize(bound_.size() - 2);
    return text;
  }
  std::string entries;
  for (std::size_t i = Below(4); i-- > 0;) {
    entries += fmt::format("{}{}: {}", entries.empty() ? "" : ", ", Pick(kStrings),
                           Of(Want::kInt, depth - 1));
  }
  return fmt::format("{{{}}}", entries);
}

std::string Generator::Optional(int depth) {
  switch (Below(6)) {
    case 0:
      return fmt::format("optional.of({})", Of(Want::kInt, depth - 1));
    case 1:
      return fmt::format("{}[?{}]", Of(Want::kInts, depth - 1), Of(Want::kInt, depth - 1));
    case 2:
      return fmt::format("{}[?{}]", Of(Want::kMap, depth - 1), Of(Want::kString, depth - 1));
    case 3:
      return "schema.?o.i";
    case 4:
      return fmt::format("{}.or(optional.of({}))", Leaf(Want::kOptional), Leaf(Want::kInt));
    default:
      return "schema.?i";
  }
}

std::string Generator::Bind(Want want) {
  bound_.emplace_back(fmt::format("v{}", names_++), want);
  return bound_.back().first;
}

json::Value Generator::Scalar(Want want) {
  static constexpr std::int64_t kWhole[] = {0, 1, 2, 3, -1, 5, 80, 443};
  static constexpr std::int64_t kLong[] = {INT64_MAX, INT64_MIN};
  static constexpr double kReal[] = {0.0, 1.0, 2.5, -1.5, 1e18, 0.1};
  static constexpr const char* kWords[] = {"", "a", "b", "ab", "abc", "é", "x", "y", "1"};
  switch (want) {
    case Want::kBool:
      return Chance(50);
    case Want::kInt:
      return Chance(5) ? Pick(kLong) : Pick(kWhole);
    case Want::kDouble:
      return Pick(kReal);
    default:
      return Pick(kWords);
  }
}

json::Value Generator::Data() {
  const auto list = [&](Want item) {
    json::Array array;
    for (std::size_t i = Below(4); i-- > 0;) array.push_back(Scalar(item));
    return array;
  };
  const auto set = [&](json::Object& object, std::string_view key, json::Value value) {
    if (Chance(4)) return;
    object[key] = Chance(3) ? json::Value() : std::move(value);
  };
  const auto item = [&] {
    json::Object object;
    set(object, "s", Scalar(Want::kString));
    set(object, "b", Scalar(Want::kBool));
    set(object, "i", Scalar(Want::kInt));
    return object;
  };
  json::Object root;
  for (const char* key : {"b", "c"}) set(root, key, Scalar(Want::kBool));
  for (const char* key : {"j", "i"}) set(root, key, Scalar(Want::kInt));
  for (const char* key : {"s", "t"}) set(root, key, Scalar(Want::kString));
  set(root, "d", Scalar(Want::kDouble));
  set(root, "li", list(Want::kInt));
  set(root, "ls", list(Want::kString));
  json::Object map;
  for (const char* key : {"x", "y", "a"}) {
    if (Chance(60)) map[key] = Scalar(Want::kInt);
  }
  set(root, "mi", std::move(map));
  json::Array objects;
  for (std::size_t i = Below(4); i-- > 0;) objects.push_back(item());
  set(root, "lo", std::move(objects));
  json::Object inner = item();
  set(inner, "d", Scalar(Want::kDouble));
  set(inner, "li", list(Want::kInt));
  set(root, "o", std::move(inner));
  return root;
}

json::Value Generator::Loose() {
  json::Object root;
  for (const char* key : {"b", "i", "d", "s"}) {
    if (Chance(85)) root[key] = Scalar(Pick(kWants));
  }
  root["o"] = json::Object{{"i", Scalar(Want::kInt)}, {"s", Scalar(Want::kString)}};
  return root;
}

// The checker's word about a value: false if it promised another kind.
bool Promised(const Type& type, const Value& value) {
  if (value.IsError()) return true;
  switch (type.kind()) {
    case TypeKind::kBool:
      return value.Is(Kind::kBool);
    case TypeKind::kInt:
      return value.Is(Kind::kInt);
    case TypeKind::kUint:
      return value.Is(Kind::kUint);
    case TypeKind::kDouble:
      return value.Is(Kind::kDouble);
    case TypeKind::kString:
      return value.Is(Kind::kString);
    case TypeKind::kList:
      return value.Is(Kind::kList);
    case TypeKind::kMap:
      return value.Is(Kind::kMap);
    default:
      return true;
  }
}

std::uint64_t Setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(GeneratedExpressions, GiveTheResultsOfTheNaiveEvaluator) {
  const json::Value openapi = *json::Parse(kSchema);
  const auto tree = *SchemaTree::Read(openapi);
  SchemaTypes types;
  Environment environment = Environment::Kro();
  environment.AddVariable("schema", types.Declare("schema", openapi));
  for (const char* name : {"any", "later", "latest"}) environment.AddVariable(name, Dyn());
  Arena arena;

  const std::uint64_t first = Setting("KRO_CEL_SEED", 1);
  const std::uint64_t count = Setting("KRO_CEL_CASES", kCases);
  std::uint64_t checked = 0, errors = 0, unknown = 0, failures = 0;
  for (std::uint64_t seed = first; seed < first + count && failures < 10; ++seed) {
    Generator generator(seed);
    const std::string text = generator.Expression();
    const json::Value data = generator.Data();
    const json::Value loose = generator.Loose();

    auto plain = Parse(text, environment.dialect());
    ASSERT_TRUE(plain) << "seed " << seed << ": " << text << "\n" << Render(plain.error()[0]);
    const auto expected = NaiveEvaluate(*plain->root, {{"schema", NaiveFromJson(data, true)},
                                                       {"any", NaiveFromJson(loose, false)},
                                                       {"later", NaiveUnknown("later")},
                                                       {"latest", NaiveUnknown("latest")}});
    if (!expected) {
      ++unknown;
      continue;
    }

    // What does not check must be evaluated as it was parsed.
    auto ast = Compile(environment, text);
    const bool passed = ast.has_value();
    checked += passed;
    auto program = Plan(std::move(passed ? *ast : *plain), environment);
    ASSERT_TRUE(program) << "seed " << seed << ": " << text;
    arena.Reset();
    Context context(arena);
    const Value value =
        (*program)->Evaluate(context, {{"schema", FromJson(context, data, tree->root())},
                                       {"any", FromJson(context, loose)},
                                       {"later", MakeUnknown(context, "later")},
                                       {"latest", MakeUnknown(context, "latest")}});
    errors += value.IsError();
    // What is dyn inside may be anything outside too.
    const bool typed = passed && text.find("dyn(") == text.npos && text.find("any.") == text.npos &&
                       text.find("late") == text.npos;
    const bool good =
        Agree(context, value, *expected) && (!typed || Promised((*program)->type(), value));
    failures += !good;
    EXPECT_TRUE(good) << "seed " << seed << ": " << text << "\nschema: " << json::Serialize(data)
                      << "\nany: " << json::Serialize(loose) << "\nnaive: " << Show(*expected)
                      << "\nengine: " << (value.IsError() ? value.AsError() : TypeName(value))
                      << " " << Display(context, value) << (passed ? "\nchecked" : "\nunchecked");
  }
  fmt::print("{} expressions, {} of them check, {} give errors, {} are left out\n", count, checked,
             errors, unknown);
  EXPECT_LT(unknown, count / 20 + 1);
}

}  // namespace
}  // namespace kro::cel
