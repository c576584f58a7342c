// kro's functions that change a list at an index (spec section 4.14).

#include "cel/library.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value SetAtIndex(Context& context, Args args);
Value InsertAtIndex(Context& context, Args args);
Value RemoveAtIndex(Context& context, Args args);

}  // namespace

const Library& KroListsLibrary() {
  static const Library library{
      .name = "kro.lists",
      .doc = "Copies of lists with one element changed.",
      .overloads = {
          {.function = "lists.setAtIndex",
           .id = "lists.setAtIndex_list_int_T",
           .params = {ListOf(T()), Int(), T()},
           .result = ListOf(T()),
           .doc = "Copy of the list with one element replaced. Index is in [0, size).",
           .examples = {{"lists.setAtIndex([1, 2], 0, 9)", "[9, 2]"},
                        {"lists.setAtIndex([1, 2, 3], 3, 0)",
                         "error: lists.setAtIndex: index 3 out of bounds [0, 3)"}},
           .eval = SetAtIndex},
          {.function = "lists.insertAtIndex",
           .id = "lists.insertAtIndex_list_int_T",
           .params = {ListOf(T()), Int(), T()},
           .result = ListOf(T()),
           .doc = "Copy of the list with an element put before an index. Index is in [0, size].",
           .examples = {{"lists.insertAtIndex(['a', 'b'], 1, 'z')", "['a', 'z', 'b']"}},
           .eval = InsertAtIndex},
          {.function = "lists.removeAtIndex",
           .id = "lists.removeAtIndex_list_int",
           .params = {ListOf(T()), Int()},
           .result = ListOf(T()),
           .doc = "Copy of the list without one element. Index is in [0, size).",
           .examples = {{"lists.removeAtIndex(['a', 'b'], 1)", "['a']"}},
           .eval = RemoveAtIndex},
      }};
  return library;
}

namespace {

// `list` with the `removed` elements from `index` on replaced by those of `put`.
Value Splice(Context& context, const Value& list, std::int64_t index, std::size_t removed,
             std::span<const Value> put) {
  std::size_t size = list.ListSize();
  auto at = static_cast<std::size_t>(index);
  if (!context.Charge(static_cast<std::int64_t>(size) + 1)) return Value::Error(kBudgetExceeded);
  ListBuilder result(context, size + put.size());
  for (std::size_t i = 0; i < at; ++i) result.Add(list.ListAt(context, i));
  for (const Value& value : put) result.Add(value);
  for (std::size_t i = at + removed; i < size; ++i) result.Add(list.ListAt(context, i));
  return result.Build();
}

Value SetAtIndex(Context& context, Args args) {
  auto size = static_cast<std::int64_t>(args[0].ListSize());
  std::int64_t index = args[1].AsInt();
  if (index < 0 || index >= size) {
    return Fail(context, "lists.setAtIndex: index {} out of bounds [0, {})", index, size);
  }
  return Splice(context, args[0], index, 1, args.subspan(2, 1));
}

Value InsertAtIndex(Context& context, Args args) {
  auto size = static_cast<std::int64_t>(args[0].ListSize());
  std::int64_t index = args[1].AsInt();
  if (index < 0 || index > size) {
    return Fail(context, "lists.insertAtIndex: index {} out of bounds [0, {}]", index, size);
  }
  return Splice(context, args[0], index, 0, args.subspan(2, 1));
}

Value RemoveAtIndex(Context& context, Args args) {
  auto size = static_cast<std::int64_t>(args[0].ListSize());
  std::int64_t index = args[1].AsInt();
  if (index < 0 || index >= size) {
    return Fail(context, "lists.removeAtIndex: index {} out of bounds [0, {})", index, size);
  }
  return Splice(context, args[0], index, 1, {});
}

}  // namespace
}  // namespace kro::cel
