// The lists library of Kubernetes (spec section 4.9).

#include "cel/library.h"
#include "cel/library/budget.h"
#include "cel/library/sorting.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value IsSorted(Context& context, Args args);
Value SumInts(Context& context, Args args);
Value SumUints(Context& context, Args args);
Value SumDoubles(Context& context, Args args);
Value SumDurations(Context& context, Args args);
Value Min(Context& context, Args args);
Value Max(Context& context, Args args);
Value ListIndexOf(Context& context, Args args);
Value ListLastIndexOf(Context& context, Args args);
Value Includes(Context& context, Args args);

EvalFunction SumOf(std::string_view type) {
  if (type == "int") return SumInts;
  if (type == "uint") return SumUints;
  if (type == "double") return SumDoubles;
  if (type == "duration") return SumDurations;
  return nullptr;
}

}  // namespace

const Library& KubernetesListsLibrary() {
  static const Library library = [] {
    Library lists{
        .name = "kubernetes.lists",
        .doc = "Kubernetes' functions for lists of numbers and other values that have an order.",
        .overloads = {
            {.function = "indexOf",
             .id = "list_a_index_of_int",
             .style = Style::kReceiver,
             .params = {ListOf(T()), T()},
             .result = Int(),
             .doc = "Index of the first element equal to a value, or -1.",
             .examples = {{"[1, 2, 2, 3].indexOf(2)", "1"}},
             .eval = ListIndexOf},
            {.function = "lastIndexOf",
             .id = "list_a_last_index_of_int",
             .style = Style::kReceiver,
             .params = {ListOf(T()), T()},
             .result = Int(),
             .doc = "Index of the last element equal to a value, or -1.",
             .examples = {{"['a', 'b', 'b'].lastIndexOf('b')", "2"}},
             .eval = ListLastIndexOf},
        }};
    for (const OrderedType& ordered : OrderedTypes()) {
      bool first = ordered.name == "int";
      auto examples = [&](std::string expression, std::string result) {
        return first ? std::vector<Example>{{std::move(expression), std::move(result)}}
                     : std::vector<Example>{};
      };
      lists.overloads.push_back({.function = "isSorted",
                                 .id = fmt::format("list_{}_is_sorted_bool", ordered.name),
                                 .style = Style::kReceiver,
                                 .params = {ListOf(ordered.type)},
                                 .result = Bool(),
                                 .doc = "Whether no element is greater than the next.",
                                 .examples = examples("[1, 2, 2].isSorted()", "true"),
                                 .eval = IsSorted});
      lists.overloads.push_back({.function = "min",
                                 .id = fmt::format("list_{0}_min_{0}", ordered.name),
                                 .style = Style::kReceiver,
                                 .params = {ListOf(ordered.type)},
                                 .result = ordered.type,
                                 .doc = "The smallest element, the first of equal ones.",
                                 .examples = examples("[3, 1, 2].min()", "1"),
                                 .eval = Min});
      lists.overloads.push_back({.function = "max",
                                 .id = fmt::format("list_{0}_max_{0}", ordered.name),
                                 .style = Style::kReceiver,
                                 .params = {ListOf(ordered.type)},
                                 .result = ordered.type,
                                 .doc = "The greatest element, the first of equal ones.",
                                 .examples = examples("[3, 1, 2].max()", "3"),
                                 .eval = Max});
      if (EvalFunction sum = SumOf(ordered.name)) {
        lists.overloads.push_back({.function = "sum",
                                   .id = fmt::format("list_{0}_sum_{0}", ordered.name),
                                   .style = Style::kReceiver,
                                   .params = {ListOf(ordered.type)},
                                   .result = ordered.type,
                                   .doc = "The sum of the elements, zero for none.",
                                   .examples = examples("[1, 3].sum()", "4"),
                                   .eval = sum});
      }
    }
    return lists;
  }();
  return library;
}

const Library& ListIncludesLibrary() {
  static const Library library{
      .name = "kubernetes.lists.includes",
      .version = 1,
      .doc = "What newer versions of Kubernetes' list library add.",
      .overloads = {{.function = "includes",
                     .id = "list_a_includes_bool",
                     .style = Style::kReceiver,
                     .params = {ListOf(Param("A")), Param("A")},
                     .result = Bool(),
                     .doc = "Whether the list has the element.",
                     .examples = {{"[1, 2].includes(2)", "true"}, {"['a'].includes('b')", "false"}},
                     .eval = Includes}}};
  return library;
}

namespace {

Value Includes(Context& context, Args args) {
  const Value index = ListIndexOf(context, args);
  return index.IsError() ? index : Value::Bool(index.AsInt() >= 0);
}

Value IsSorted(Context& context, Args args) {
  const Value& list = args[0];
  Value previous;
  for (std::size_t i = 0; i < list.ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = list.ListAt(context, i);
    if (element.IsError()) return element;
    if (!ChargeComparison(context, element)) return Value::Error(kBudgetExceeded);
    if (i > 0) {
      auto order = Compare(previous, element);
      if (!order) return NoSuchOverload();
      if (*order > 0) return Value::Bool(false);
    }
    previous = element;
  }
  return Value::Bool(true);
}

// Adds up elements of one kind; `add` gives false on overflow.
template <typename Total, typename Add>
Value Sum(Context& context, const Value& list, Kind kind, Total total, std::string_view overflow,
          Value (*make)(Total), Add add) {
  for (std::size_t i = 0; i < list.ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = list.ListAt(context, i);
    if (element.IsError()) return element;
    if (!element.Is(kind)) return NoSuchOverload();
    if (!add(total, element)) return Value::Error(overflow);
  }
  return make(total);
}

Value SumInts(Context& context, Args args) {
  return Sum(context, args[0], Kind::kInt, std::int64_t{0}, "integer overflow", Value::Int,
             [](std::int64_t& total, const Value& element) {
               return !__builtin_add_overflow(total, element.AsInt(), &total);
             });
}

Value SumUints(Context& context, Args args) {
  return Sum(context, args[0], Kind::kUint, std::uint64_t{0}, "unsigned integer overflow",
             Value::Uint, [](std::uint64_t& total, const Value& element) {
               return !__builtin_add_overflow(total, element.AsUint(), &total);
             });
}

Value SumDoubles(Context& context, Args args) {
  return Sum(context, args[0], Kind::kDouble, 0.0, "", Value::Double,
             [](double& total, const Value& element) {
               total += element.AsDouble();
               return true;
             });
}

Value SumDurations(Context& context, Args args) {
  return Sum(context, args[0], Kind::kDuration, std::int64_t{0}, "integer overflow",
             Value::Duration, [](std::int64_t& total, const Value& element) {
               return !__builtin_add_overflow(total, element.AsDuration(), &total);
             });
}

enum class Extreme { kMin, kMax };

// The first element stays unless a later one is strictly beyond it; what cannot be compared with it
// (NaN, another type) is passed over.
Value FindExtreme(Context& context, const Value& list, Extreme extreme) {
  if (list.ListSize() == 0) {
    return Value::Error(extreme == Extreme::kMin ? "min called on empty list"
                                                 : "max called on empty list");
  }
  Value best = list.ListAt(context, 0);
  for (std::size_t i = 0; i < list.ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    Value element = list.ListAt(context, i);
    if (element.IsError()) return element;
    if (!ChargeComparison(context, element)) return Value::Error(kBudgetExceeded);
    auto order = Compare(element, best);
    if (order && (extreme == Extreme::kMin ? *order < 0 : *order > 0)) best = element;
  }
  return best;
}

Value Min(Context& context, Args args) { return FindExtreme(context, args[0], Extreme::kMin); }
Value Max(Context& context, Args args) { return FindExtreme(context, args[0], Extreme::kMax); }

Value ListIndexOf(Context& context, Args args) {
  for (std::size_t i = 0; i < args[0].ListSize(); ++i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    if (Equals(context, args[0].ListAt(context, i), args[1])) {
      return Value::Int(static_cast<std::int64_t>(i));
    }
  }
  return Value::Int(-1);
}

Value ListLastIndexOf(Context& context, Args args) {
  for (std::size_t i = args[0].ListSize(); i > 0; --i) {
    if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
    if (Equals(context, args[0].ListAt(context, i - 1), args[1])) {
      return Value::Int(static_cast<std::int64_t>(i - 1));
    }
  }
  return Value::Int(-1);
}

}  // namespace
}  // namespace kro::cel
