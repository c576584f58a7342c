// The sets library: lists taken as sets, which Kubernetes offers to its rules.

#include "cel/library.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value Contains(Context& context, Args args);
Value Equivalent(Context& context, Args args);
Value Intersects(Context& context, Args args);

}  // namespace

const Library& SetsLibrary() {
  static const Library library{
      .name = "sets",
      .version = 1,
      .doc =
          "Lists taken as sets: order and repetition do not count, equal numbers of different "
          "types are one "
          "element.",
      .overloads = {
          {.function = "sets.contains",
           .id = "list_sets_contains_list",
           .params = {ListOf(T()), ListOf(T())},
           .result = Bool(),
           .doc = "Whether the first list has every element of the second.",
           .examples = {{"sets.contains([1, 2, 3], [3, 1, 1])", "true"},
                        {"sets.contains([], [1])", "false"}},
           .eval = Contains},
          {.function = "sets.equivalent",
           .id = "list_sets_equivalent_list",
           .params = {ListOf(T()), ListOf(T())},
           .result = Bool(),
           .doc = "Whether each list has every element of the other.",
           .examples = {{"sets.equivalent([1, 2], [2, 1, 1])", "true"},
                        {"sets.equivalent([dyn(1)], [dyn(1.0)])", "true"}},
           .eval = Equivalent},
          {.function = "sets.intersects",
           .id = "list_sets_intersects_list",
           .params = {ListOf(T()), ListOf(T())},
           .result = Bool(),
           .doc = "Whether the lists have an element in common.",
           .examples = {{"sets.intersects(['a', 'b'], ['b'])", "true"},
                        {"sets.intersects([1], [])", "false"}},
           .eval = Intersects},
      }};
  return library;
}

namespace {

enum class Want { kAll, kAny };

// Whether all, or any, of the elements of `of` are in `list`.
Value Compare(Context& context, const Value& list, const Value& of, Want want) {
  for (std::size_t i = 0; i < of.ListSize(); ++i) {
    Value element = of.ListAt(context, i);
    if (element.IsError()) return element;
    bool found = false;
    for (std::size_t j = 0; j < list.ListSize() && !found; ++j) {
      if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
      Value other = list.ListAt(context, j);
      if (other.IsError()) return other;
      found = Equals(context, element, other);
    }
    if (found != (want == Want::kAll)) return Value::Bool(found);
  }
  return Value::Bool(want == Want::kAll);
}

Value Contains(Context& context, Args args) {
  return Compare(context, args[0], args[1], Want::kAll);
}

Value Equivalent(Context& context, Args args) {
  Value first = Compare(context, args[0], args[1], Want::kAll);
  return first.IsTrue() ? Compare(context, args[1], args[0], Want::kAll) : first;
}

Value Intersects(Context& context, Args args) {
  return Compare(context, args[0], args[1], Want::kAny);
}

}  // namespace
}  // namespace kro::cel
