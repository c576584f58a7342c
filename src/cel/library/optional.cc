// Optional values (spec section 4.5).

#include "cel/library.h"
#include "cel/operators.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value OptionalOfValue(Context& context, Args args) { return MakeOptional(context, args[0]); }
Value OptionalNone(Context&, Args) { return Value::None(); }
Value OfNonZeroValue(Context& context, Args args);
Value HasValue(Context&, Args args) { return Value::Bool(args[0].HasContent()); }
Value GetValue(Context& context, Args args);
Value Or(Context& context, Args args);
Value OrValue(Context& context, Args args);
Value Unwrap(Context& context, Args args);
Value First(Context& context, Args args);
Value Last(Context& context, Args args);
Value IndexInto(Context& context, Args args) { return Index(context, args[0], args[1]); }
Value OptionalIndexInto(Context& context, Args args) {
  return OptionalIndex(context, args[0], args[1]);
}

}  // namespace

const Library& OptionalLibrary() {
  const Type some = OptionalOf(V());
  static const Library library{
      .name = "optional",
      .version = 2,
      .doc = "Values that may be absent.",
      .overloads = {
          {.function = "optional.of",
           .id = "optional_of",
           .params = {V()},
           .result = some,
           .doc = "An optional that holds a value.",
           .examples = {{"optional.of(1).value()", "1"}},
           .eval = OptionalOfValue},
          {.function = "optional.none",
           .id = "optional_none",
           .params = {},
           .result = some,
           .doc = "An empty optional.",
           .examples = {{"optional.none().hasValue()", "false"}},
           .eval = OptionalNone},
          {.function = "optional.ofNonZeroValue",
           .id = "optional_ofNonZeroValue",
           .params = {V()},
           .result = some,
           .doc = "An optional that holds a value, empty for the zero value of its type.",
           .examples = {{"optional.ofNonZeroValue('').hasValue()", "false"},
                        {"optional.ofNonZeroValue([0]).hasValue()", "true"}},
           .eval = OfNonZeroValue},
          {.function = "hasValue",
           .id = "optional_hasValue",
           .style = Style::kReceiver,
           .params = {some},
           .result = Bool(),
           .doc = "Whether it holds a value.",
           .examples = {{"optional.of(4).hasValue()", "true"}},
           .eval = HasValue},
          {.function = "value",
           .id = "optional_value",
           .style = Style::kReceiver,
           .params = {some},
           .result = V(),
           .doc = "The value that it holds.",
           .examples = {{"optional.none().value()", "error: optional.none() dereference"}},
           .eval = GetValue},
          {.function = "or",
           .id = "optional_or_optional",
           .style = Style::kReceiver,
           .params = {some, some},
           .result = some,
           .doc = "The receiver if it holds a value, else the argument, which is evaluated only "
                  "then.",
           .examples = {{"optional.none().or(optional.of(2)).value()", "2"}},
           .eval = Or,
           .strictness = Strictness::kLazy},
          {.function = "orValue",
           .id = "optional_orValue_value",
           .style = Style::kReceiver,
           .params = {some, V()},
           .result = V(),
           .doc = "The value that it holds, else the argument, which is evaluated only then.",
           .examples = {{"optional.none().orValue(3)", "3"}},
           .eval = OrValue,
           .strictness = Strictness::kLazy},
          {.function = "optional.unwrap",
           .id = "optional_unwrap",
           .params = {ListOf(some)},
           .result = ListOf(V()),
           .doc = "The values that the optionals of a list hold.",
           .examples = {{"optional.unwrap([optional.none(), optional.of('x')])", "['x']"}},
           .eval = Unwrap},
          {.function = "unwrapOpt",
           .id = "optional_unwrapOpt",
           .style = Style::kReceiver,
           .params = {ListOf(some)},
           .result = ListOf(V()),
           .doc = "The values that the optionals of a list hold.",
           .examples = {{"[optional.of(1), optional.none()].unwrapOpt()", "[1]"}},
           .eval = Unwrap},
          {.function = "first",
           .id = "list_first",
           .style = Style::kReceiver,
           .params = {ListOf(V())},
           .result = some,
           .doc = "The first element; empty for an empty list.",
           .examples = {{"[1, 2, 3].first().value()", "1"}},
           .eval = First},
          {.function = "last",
           .id = "list_last",
           .style = Style::kReceiver,
           .params = {ListOf(V())},
           .result = some,
           .doc = "The last element; empty for an empty list.",
           .examples = {{"[].last().orValue(0)", "0"}},
           .eval = Last},
          {.function = "_?._",
           .id = "select_optional_field",
           .params = {Dyn(), String()},
           .result = some,
           .doc = "A field that may be absent: a.?b.",
           .examples = {{"{'a': 1}.?a.value()", "1"}, {"{'a': 1}.?b.hasValue()", "false"}},
           .eval = OptionalIndexInto,
           .guard = Guard::kNone},
          {.function = "_[?_]",
           .id = "list_optindex_optional_int",
           .params = {ListOf(V()), Int()},
           .result = some,
           .doc = "An element that may be absent: l[?0].",
           .examples = {{"[4, 5][?2].hasValue()", "false"}},
           .eval = OptionalIndexInto,
           .guard = Guard::kNone},
          {.function = "_[?_]",
           .id = "optional_list_optindex_optional_int",
           .params = {OptionalOf(ListOf(V())), Int()},
           .result = some,
           .doc = "An element, that may be absent, of a list that may be absent.",
           .examples = {{"optional.of([4])[?0].value()", "4"}},
           .eval = OptionalIndexInto,
           .guard = Guard::kNone},
          {.function = "_[?_]",
           .id = "map_optindex_optional_value",
           .params = {MapOf(K(), V()), K()},
           .result = some,
           .doc = "A value that may be absent: m[?'key'].",
           .examples = {{"{'a': 1}[?'a'].value()", "1"}},
           .eval = OptionalIndexInto,
           .guard = Guard::kNone},
          {.function = "_[?_]",
           .id = "optional_map_optindex_optional_value",
           .params = {OptionalOf(MapOf(K(), V())), K()},
           .result = some,
           .doc = "A value, that may be absent, of a map that may be absent.",
           .examples = {{"optional.of({'a': 1})[?'b'].hasValue()", "false"}},
           .eval = OptionalIndexInto,
           .guard = Guard::kNone},
          {.function = "_[_]",
           .id = "optional_list_index_int",
           .params = {OptionalOf(ListOf(V())), Int()},
           .result = some,
           .doc = "An element of a list that may be absent.",
           .examples = {{"optional.of([1, 2])[1].value()", "2"}},
           .eval = IndexInto,
           .guard = Guard::kNone},
          {.function = "_[_]",
           .id = "optional_map_index_value",
           .params = {OptionalOf(MapOf(K(), V())), K()},
           .result = some,
           .doc = "A value of a map that may be absent.",
           .examples = {{"optional.of({'x': 1})['x'].value()", "1"}},
           .eval = IndexInto,
           .guard = Guard::kNone},
      }};
  return library;
}

namespace {

bool IsZero(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return !value.AsBool();
    case Kind::kInt:
      return value.AsInt() == 0;
    case Kind::kUint:
      return value.AsUint() == 0;
    case Kind::kDouble:
      return value.AsDouble() == 0;
    case Kind::kString:
      return value.AsString().empty();
    case Kind::kBytes:
      return value.AsBytes().empty();
    case Kind::kDuration:
      return value.AsDuration() == 0;
    case Kind::kTimestamp:
      // The zero instant is the first of year 1, not of 1970.
      return value.AsTimestamp() == Timestamp{.seconds = kMinTimestampSeconds};
    case Kind::kList:
      return value.ListSize() == 0;
    case Kind::kMap:
      return value.MapSize() == 0;
    default:
      return false;
  }
}

Value OfNonZeroValue(Context& context, Args args) {
  return IsZero(args[0]) ? Value::None() : MakeOptional(context, args[0]);
}

Value GetValue(Context&, Args args) {
  if (!args[0].HasContent()) return Value::Error("optional.none() dereference");
  return args[0].Content();
}

Value Or(Context&, Args args) {
  if (args[0].IsError()) return args[0];
  if (!args[0].Is(Kind::kOptional)) return NoSuchOverload();
  return args[0].HasContent() ? args[0] : args[1];
}

Value OrValue(Context&, Args args) {
  if (args[0].IsError()) return args[0];
  if (!args[0].Is(Kind::kOptional)) return NoSuchOverload();
  return args[0].HasContent() ? args[0].Content() : args[1];
}

Value Unwrap(Context& context, Args args) {
  ListBuilder values(context, args[0].ListSize());
  for (std::size_t i = 0; i < args[0].ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = args[0].ListAt(context, i);
    if (element.IsError()) return element;
    if (!element.Is(Kind::kOptional)) {
      return Fail(context, "value {} is not optional", Display(context, element));
    }
    if (element.HasContent()) values.Add(element.Content());
  }
  return values.Build();
}

Value First(Context& context, Args args) {
  if (args[0].ListSize() == 0) return Value::None();
  Value element = args[0].ListAt(context, 0);
  return element.IsError() ? element : MakeOptional(context, element);
}

Value Last(Context& context, Args args) {
  std::size_t size = args[0].ListSize();
  if (size == 0) return Value::None();
  Value element = args[0].ListAt(context, size - 1);
  return element.IsError() ? element : MakeOptional(context, element);
}

}  // namespace
}  // namespace kro::cel
