#include "cel/library/sorting.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace kro::cel {
namespace {

bool IsOrdered(Kind kind);
bool ChargeComparisons(Context& context, const Value& key);
bool Less(const Value& a, const Value& b);

}  // namespace

const std::array<OrderedType, 8>& OrderedTypes() {
  static const std::array<OrderedType, 8> types = {{
      {"int", "int", Int()},
      {"uint", "uint", Uint()},
      {"double", "double", Double()},
      {"bool", "bool", Bool()},
      {"duration", "google.protobuf.Duration", Duration()},
      {"timestamp", "google.protobuf.Timestamp", Time()},
      {"string", "string", String()},
      {"bytes", "bytes", Bytes()},
  }};
  return types;
}

Value SortByKeys(Context& context, const Value& list, const Value& keys) {
  struct Item {
    Value key;
    std::size_t index;
  };
  std::size_t size = list.ListSize();
  if (!context.Charge(static_cast<std::int64_t>(size) * 8 + 1)) {
    return Value::Error(kBudgetExceeded);
  }
  std::vector<Item> items;
  items.reserve(size);
  for (std::size_t i = 0; i < keys.ListSize(); ++i) {
    Value key = keys.ListAt(context, i);
    if (key.IsError()) return key;
    if (!items.empty() && key.kind() != items[0].key.kind()) {
      return Value::Error("list elements must have the same type");
    }
    if (!IsOrdered(key.kind())) return Value::Error("list elements must be comparable");
    if (!ChargeComparisons(context, key)) return Value::Error(kBudgetExceeded);
    items.push_back({key, i});
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    if (Less(a.key, b.key)) return true;
    return !Less(b.key, a.key) && a.index < b.index;
  });
  ListBuilder sorted(context, size);
  for (const Item& item : items) sorted.Add(list.ListAt(context, item.index));
  return sorted.Build();
}

namespace {

bool IsOrdered(Kind kind) {
  switch (kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kTimestamp:
    case Kind::kDuration:
      return true;
    default:
      return false;
  }
}

// A text is compared with about twenty others.
bool ChargeComparisons(Context& context, const Value& key) {
  const bool text = key.Is(Kind::kString) || key.Is(Kind::kBytes);
  return !text || context.Charge(static_cast<std::int64_t>(key.AsString().size() / 4));
}

// A strict weak order even with NaN, which comes first.
bool Less(const Value& a, const Value& b) {
  if (a.Is(Kind::kDouble) && (std::isnan(a.AsDouble()) || std::isnan(b.AsDouble()))) {
    return std::isnan(a.AsDouble()) && !std::isnan(b.AsDouble());
  }
  auto order = Compare(a, b);
  return order && *order < 0;
}

}  // namespace
}  // namespace kro::cel
