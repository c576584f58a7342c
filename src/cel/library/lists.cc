// The lists library (spec section 4.7).

#include <string>
#include <unordered_map>

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/sorting.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

constexpr std::int64_t kMaxRange = 1'000'000;

Value Slice(Context& context, Args args);
Value Flatten(Context& context, Args args);
Value Distinct(Context& context, Args args);
Value ReverseList(Context& context, Args args);
Value Range(Context& context, Args args);
Value Sort(Context& context, Args args);
Value SortByAssociatedKeys(Context& context, Args args);

}  // namespace

const Library& ListsLibrary() {
  static const Library library = [] {
    Library lists{
        .name = "lists",
        .version = 3,
        .doc = "Cutting, flattening and ordering lists.",
        .overloads = {
            {.function = "slice",
             .id = "list_slice",
             .style = Style::kReceiver,
             .params = {ListOf(T()), Int(), Int()},
             .result = ListOf(T()),
             .doc = "The elements from one index up to but without another.",
             .examples = {{"[1, 2, 3, 4].slice(1, 3)", "[2, 3]"},
                          {"[1, 2, 3, 4].slice(0, 5)",
                           "error: cannot slice(0, 5), list is length 4"}},
             .eval = Slice},
            {.function = "flatten",
             .id = "list_flatten",
             .style = Style::kReceiver,
             .params = {ListOf(ListOf(T()))},
             .result = ListOf(T()),
             .doc = "The list with the elements of its lists in their place, one level deep.",
             .examples = {{"[[1, 2], [3]].flatten()", "[1, 2, 3]"}},
             .eval = Flatten,
             .guard = Guard::kNone},
            {.function = "flatten",
             .id = "list_flatten_int",
             .style = Style::kReceiver,
             .params = {ListOf(Dyn()), Int()},
             .result = ListOf(Dyn()),
             .doc = "The same, so many levels deep.",
             .examples = {{"[[1, [2]], [[[3]]]].flatten(2)", "[1, 2, [3]]"}},
             .eval = Flatten,
             .guard = Guard::kNone},
            {.function = "distinct",
             .id = "list_distinct",
             .style = Style::kReceiver,
             .params = {ListOf(T())},
             .result = ListOf(T()),
             .doc = "The first occurrence of each value.",
             .examples = {{"[1, 2, 1].distinct()", "[1, 2]"}},
             .eval = Distinct},
            {.function = "reverse",
             .id = "list_reverse",
             .style = Style::kReceiver,
             .params = {ListOf(T())},
             .result = ListOf(T()),
             .doc = "The elements in reverse order.",
             .examples = {{"[1, 2, 3].reverse()", "[3, 2, 1]"}},
             .eval = ReverseList},
            {.function = "lists.range",
             .id = "lists_range",
             .params = {Int()},
             .result = ListOf(Int()),
             .doc = "The numbers from 0 up to but without n.",
             .examples = {{"lists.range(3)", "[0, 1, 2]"},
                          {"lists.range(-2)",
                           "error: lists.range: size must be non-negative, got -2"}},
             .eval = Range},
        }};
    for (const OrderedType& ordered : OrderedTypes()) {
      lists.overloads.push_back(
          {.function = "sort",
           .id = fmt::format("list_{}_sort", ordered.long_name),
           .style = Style::kReceiver,
           .params = {ListOf(ordered.type)},
           .result = ListOf(ordered.type),
           .doc = "The elements in ascending order; equal ones keep theirs.",
           .examples = ordered.name == "int"
                           ? std::vector<Example>{{"[3, 1, 2].sort()", "[1, 2, 3]"}}
                           : std::vector<Example>{},
           .eval = Sort,
           .guard = Guard::kNone});
      lists.overloads.push_back(
          {.function = "@sortByAssociatedKeys",
           .id = fmt::format("list_{}_sortByAssociatedKeys", ordered.long_name),
           .style = Style::kReceiver,
           .params = {ListOf(T()), ListOf(ordered.type)},
           .result = ListOf(T()),
           .doc = "The elements in ascending order of their keys; what sortBy expands to.",
           .examples = ordered.name == "int"
                           ? std::vector<Example>{{"['xx', 'y'].sortBy(s, size(s))", "['y', 'xx']"}}
                           : std::vector<Example>{},
           .eval = SortByAssociatedKeys,
           .guard = Guard::kNone});
    }
    return lists;
  }();
  return library;
}

namespace {

Value Slice(Context& context, Args args) {
  const Value& list = args[0];
  std::int64_t begin = args[1].AsInt();
  std::int64_t end = args[2].AsInt();
  if (begin < 0 || end < 0) {
    return Fail(context, "cannot slice({}, {}), negative indexes not supported", begin, end);
  }
  if (begin > end) {
    return Fail(context,
                "cannot slice({}, {}), start index must be less than or equal to end index", begin,
                end);
  }
  if (static_cast<std::size_t>(end) > list.ListSize()) {
    return Fail(context, "cannot slice({}, {}), list is length {}", begin, end, list.ListSize());
  }
  if (!context.Charge(end - begin + 1)) return Value::Error(kBudgetExceeded);
  ListBuilder slice(context, static_cast<std::size_t>(end - begin));
  for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    slice.Add(list.ListAt(context, i));
  }
  return slice.Build();
}

// Appends the elements of `list`, those that are lists replaced by theirs, `levels` deep; an error or
// nothing. The stack stands for the recursion: levels may be as large as the author likes.
Value FlattenTo(Context& context, const Value& list, std::int64_t levels) {
  struct Frame {
    Value list;
    std::size_t next = 0;
  };
  std::vector<Frame> stack{{list}};
  ListBuilder flat(context, list.ListSize());
  while (!stack.empty()) {
    Frame& top = stack.back();
    if (top.next == top.list.ListSize()) {
      stack.pop_back();
      continue;
    }
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = top.list.ListAt(context, top.next++);
    if (element.Is(Kind::kList) && static_cast<std::int64_t>(stack.size()) <= levels) {
      stack.push_back({element});
    } else {
      flat.Add(element);
    }
  }
  return flat.Build();
}

Value Flatten(Context& context, Args args) {
  if (!args[0].Is(Kind::kList)) {
    return Fail(context, "no such overload: {}.flatten()", TypeName(args[0]));
  }
  if (args.size() == 1) return FlattenTo(context, args[0], 1);
  if (!args[1].Is(Kind::kInt)) return NoSuchOverload();
  if (args[1].AsInt() < 0) return Value::Error("level must be non-negative");
  return FlattenTo(context, args[0], args[1].AsInt());
}

Value Distinct(Context& context, Args args) {
  std::unordered_multimap<std::uint64_t, Value> seen;
  ListBuilder distinct(context, args[0].ListSize());
  for (std::size_t i = 0; i < args[0].ListSize(); ++i) {
    Value element = args[0].ListAt(context, i);
    if (element.IsError()) return element;
    std::uint64_t hash = Hash(element);
    auto [begin, end] = seen.equal_range(hash);
    bool known = false;
    for (auto it = begin; it != end && !known; ++it) {
      if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
      known = Equals(context, it->second, element);
    }
    if (known) continue;
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    seen.emplace(hash, element);
    distinct.Add(element);
  }
  return distinct.Build();
}

Value ReverseList(Context& context, Args args) {
  std::size_t size = args[0].ListSize();
  if (!context.Charge(static_cast<std::int64_t>(size) + 1)) return Value::Error(kBudgetExceeded);
  ListBuilder reversed(context, size);
  for (std::size_t i = size; i > 0; --i) reversed.Add(args[0].ListAt(context, i - 1));
  return reversed.Build();
}

Value Range(Context& context, Args args) {
  std::int64_t size = args[0].AsInt();
  if (size < 0) return Fail(context, "lists.range: size must be non-negative, got {}", size);
  if (size > kMaxRange) {
    return Fail(context, "lists.range: size {} exceeds maximum allowed ({})", size,
                std::int64_t{kMaxRange});
  }
  if (!context.Charge(size + 1)) return Value::Error(kBudgetExceeded);
  ListBuilder range(context, static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) range.Add(Value::Int(i));
  return range.Build();
}

Value Sort(Context& context, Args args) {
  if (!args[0].Is(Kind::kList)) {
    return Fail(context, "no such overload: {}.sort()", TypeName(args[0]));
  }
  return SortByKeys(context, args[0], args[0]);
}

Value SortByAssociatedKeys(Context& context, Args args) {
  if (!args[0].Is(Kind::kList) || !args[1].Is(Kind::kList)) return NoSuchOverload();
  if (args[0].ListSize() != args[1].ListSize()) return NoSuchOverload();
  return SortByKeys(context, args[0], args[1]);
}

}  // namespace
}  // namespace kro::cel
