// kro's maps library (spec section 4.14).

#include "cel/library.h"
#include "cel/library/budget.h"

namespace kro::cel {
namespace {

using Args = std::span<const Value>;

Value Merge(Context& context, Args args);
Value DeepMerge(Context& context, Args args);

}  // namespace

const Library& MapsLibrary() {
  static const Library library{
      .name = "kro.maps",
      .doc = "Putting maps together.",
      .overloads = {
          {.function = "merge",
           .id = "map_merge",
           .style = Style::kReceiver,
           .params = {MapOf(K(), V()), MapOf(K(), V())},
           .result = MapOf(K(), V()),
           .doc = "The entries of both maps; of equal keys the argument's.",
           .examples = {{"{'a': 1}.merge({'a': 2, 'b': 3})", "{'a': 2, 'b': 3}"}},
           .eval = Merge},
          {.function = "deepMerge",
           .id = "dyn_deepmerge_dyn",
           .style = Style::kReceiver,
           .params = {Dyn(), Dyn()},
           .result = Dyn(),
           .doc = "The same, but two maps under one key are merged in turn. Lists and everything "
                  "else are replaced.",
           .examples = {{"{'a': {'x': 1}}.deepMerge({'a': {'y': 2}})", "{'a': {'x': 1, 'y': 2}}"},
                        {"{'a': [1, 2]}.deepMerge({'a': [3]})", "{'a': [3]}"}},
           .eval = DeepMerge},
      }};
  return library;
}

namespace {

enum class Depth { kShallow, kDeep };

Value MergeMaps(Context& context, const Value& left, const Value& right, Depth depth, int level) {
  if (level > kMaxValueDepth) return Value::Error(kTooDeep);
  if (left.MapSize() == 0) return right;
  if (right.MapSize() == 0) return left;
  if (!context.Charge(static_cast<std::int64_t>(left.MapSize() + right.MapSize()))) {
    return Value::Error(kBudgetExceeded);
  }
  // Equal keys may be of different number types, so they are looked up in the maps themselves.
  MapBuilder merged(context, left.MapSize() + right.MapSize());
  for (MapIterator it(context, left); it.Next();) {
    Value value = it.value();
    if (auto other = right.MapFind(context, it.key())) {
      bool both = depth == Depth::kDeep && value.Is(Kind::kMap) && other->Is(Kind::kMap);
      value = both ? MergeMaps(context, value, *other, depth, level + 1) : *other;
      if (both && value.IsError()) return value;
    }
    merged.Put(it.key(), value);
  }
  for (MapIterator it(context, right); it.Next();) {
    if (!left.MapFind(context, it.key())) merged.Put(it.key(), it.value());
  }
  return merged.Build();
}

Value Merge(Context& context, Args args) {
  return MergeMaps(context, args[0], args[1], Depth::kShallow, 0);
}

Value DeepMerge(Context& context, Args args) {
  if (!args[0].Is(Kind::kMap) || !args[1].Is(Kind::kMap)) return NoSuchOverload();
  return MergeMaps(context, args[0], args[1], Depth::kDeep, 0);
}

}  // namespace
}  // namespace kro::cel
