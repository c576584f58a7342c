#include "cel/operators.h"

#include <cmath>
#include <cstring>

#include "cel/library/budget.h"
#include "cel/schema.h"

namespace kro::cel {
namespace {

constexpr std::string_view kIntegerOverflow = "integer overflow";
constexpr std::string_view kUnsignedOverflow = "unsigned integer overflow";
constexpr std::string_view kTimestampOverflow = "timestamp overflow";
constexpr std::int64_t kNanosPerSecond = 1000000000;

Value Concatenate(Context& context, const Value& a, const Value& b);
Value JoinLists(Context& context, const Value& a, const Value& b);
Value JoinTypedLists(Context& context, const Value& a, const Value& b);
Value AddToTimestamp(const Timestamp& time, std::int64_t nanoseconds);
Value TimestampDifference(const Timestamp& a, const Timestamp& b);

// A left operand that knows the operation at all gives the plain text, another the operator's name.
Value Mismatched(bool left_can, std::string_view with_name) {
  return left_can ? NoSuchOverload() : Value::Error(with_name);
}

bool IsArithmetic(const Value& v) { return v.IsNumber(); }

}  // namespace

Value Add(Context& context, const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::kInt: {
      if (!b.Is(Kind::kInt)) return NoSuchOverload();
      std::int64_t sum;
      if (__builtin_add_overflow(a.AsInt(), b.AsInt(), &sum)) return Value::Error(kIntegerOverflow);
      return Value::Int(sum);
    }
    case Kind::kUint: {
      if (!b.Is(Kind::kUint)) return NoSuchOverload();
      std::uint64_t sum;
      if (__builtin_add_overflow(a.AsUint(), b.AsUint(), &sum)) {
        return Value::Error(kUnsignedOverflow);
      }
      return Value::Uint(sum);
    }
    case Kind::kDouble:
      if (!b.Is(Kind::kDouble)) return NoSuchOverload();
      return Value::Double(a.AsDouble() + b.AsDouble());
    case Kind::kString:
    case Kind::kBytes:
      if (b.kind() != a.kind()) return NoSuchOverload();
      return Concatenate(context, a, b);
    case Kind::kList:
      if (!b.Is(Kind::kList)) return NoSuchOverload();
      return JoinLists(context, a, b);
    case Kind::kDuration: {
      if (b.Is(Kind::kTimestamp)) return AddToTimestamp(b.AsTimestamp(), a.AsDuration());
      if (!b.Is(Kind::kDuration)) return NoSuchOverload();
      std::int64_t sum;
      if (__builtin_add_overflow(a.AsDuration(), b.AsDuration(), &sum)) {
        return Value::Error(kIntegerOverflow);
      }
      return Value::Duration(sum);
    }
    case Kind::kTimestamp:
      if (!b.Is(Kind::kDuration)) return NoSuchOverload();
      return AddToTimestamp(a.AsTimestamp(), b.AsDuration());
    default:
      return Value::Error("no such overload: _+_");
  }
}

Value Subtract(Context&, const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::kInt: {
      if (!b.Is(Kind::kInt)) return NoSuchOverload();
      std::int64_t difference;
      if (__builtin_sub_overflow(a.AsInt(), b.AsInt(), &difference)) {
        return Value::Error(kIntegerOverflow);
      }
      return Value::Int(difference);
    }
    case Kind::kUint:
      if (!b.Is(Kind::kUint)) return NoSuchOverload();
      if (a.AsUint() < b.AsUint()) return Value::Error(kUnsignedOverflow);
      return Value::Uint(a.AsUint() - b.AsUint());
    case Kind::kDouble:
      if (!b.Is(Kind::kDouble)) return NoSuchOverload();
      return Value::Double(a.AsDouble() - b.AsDouble());
    case Kind::kDuration: {
      if (!b.Is(Kind::kDuration)) return NoSuchOverload();
      std::int64_t difference;
      if (__builtin_sub_overflow(a.AsDuration(), b.AsDuration(), &difference)) {
        return Value::Error(kIntegerOverflow);
      }
      return Value::Duration(difference);
    }
    case Kind::kTimestamp:
      if (b.Is(Kind::kTimestamp)) return TimestampDifference(a.AsTimestamp(), b.AsTimestamp());
      if (!b.Is(Kind::kDuration)) return NoSuchOverload();
      if (b.AsDuration() == INT64_MIN) return Value::Error(kIntegerOverflow);
      return AddToTimestamp(a.AsTimestamp(), -b.AsDuration());
    default:
      return Value::Error("no such overload: _-_");
  }
}

Value Multiply(Context&, const Value& a, const Value& b) {
  if (a.kind() != b.kind() || !IsArithmetic(a)) {
    return Mismatched(IsArithmetic(a), "no such overload: _*_");
  }
  if (a.Is(Kind::kInt)) {
    std::int64_t product;
    if (__builtin_mul_overflow(a.AsInt(), b.AsInt(), &product)) {
      return Value::Error(kIntegerOverflow);
    }
    return Value::Int(product);
  }
  if (a.Is(Kind::kUint)) {
    std::uint64_t product;
    if (__builtin_mul_overflow(a.AsUint(), b.AsUint(), &product)) {
      return Value::Error(kUnsignedOverflow);
    }
    return Value::Uint(product);
  }
  return Value::Double(a.AsDouble() * b.AsDouble());
}

Value Divide(Context&, const Value& a, const Value& b) {
  if (a.kind() != b.kind() || !IsArithmetic(a)) {
    return Mismatched(IsArithmetic(a), "no such overload: _/_");
  }
  if (a.Is(Kind::kDouble)) return Value::Double(a.AsDouble() / b.AsDouble());
  if (b.AsUint() == 0) return Value::Error("division by zero");
  if (a.Is(Kind::kUint)) return Value::Uint(a.AsUint() / b.AsUint());
  if (a.AsInt() == INT64_MIN && b.AsInt() == -1) return Value::Error(kIntegerOverflow);
  return Value::Int(a.AsInt() / b.AsInt());
}

Value Modulo(Context&, const Value& a, const Value& b) {
  bool left_can = a.Is(Kind::kInt) || a.Is(Kind::kUint);
  if (a.kind() != b.kind() || !left_can) return Mismatched(left_can, "no such overload: _%_");
  if (b.AsUint() == 0) return Value::Error("modulus by zero");
  if (a.Is(Kind::kUint)) return Value::Uint(a.AsUint() % b.AsUint());
  if (a.AsInt() == INT64_MIN && b.AsInt() == -1) return Value::Error(kIntegerOverflow);
  return Value::Int(a.AsInt() % b.AsInt());
}

Value Negate(Context&, const Value& a) {
  if (a.Is(Kind::kDouble)) return Value::Double(-a.AsDouble());
  if (a.Is(Kind::kInt)) {
    if (a.AsInt() == INT64_MIN) return Value::Error(kIntegerOverflow);
    return Value::Int(-a.AsInt());
  }
  return Mismatched(a.Is(Kind::kBool), "no such overload: -_");
}

Value Not(const Value& a) {
  if (a.Is(Kind::kBool)) return Value::Bool(!a.AsBool());
  return NoSuchOverload();
}

Value NotEqual(Context& context, const Value& a, const Value& b) {
  return Value::Bool(!Equal(context, a, b).IsTrue());
}

Value Order(Context& context, const Value& a, const Value& b, Ordering ordering) {
  static constexpr std::string_view kNames[] = {"no such overload: _<_", "no such overload: _<=_",
                                                "no such overload: _>_", "no such overload: _>=_"};
  bool left_can = a.IsNumber() || a.Is(Kind::kBool) || a.Is(Kind::kString) || a.Is(Kind::kBytes) ||
                  a.Is(Kind::kTimestamp) || a.Is(Kind::kDuration);
  if (!left_can) return Value::Error(kNames[static_cast<int>(ordering)]);
  auto is_nan = [](const Value& v) { return v.Is(Kind::kDouble) && std::isnan(v.AsDouble()); };
  if (is_nan(a) || is_nan(b)) return Value::Bool(false);
  if (!ChargeComparison(context, a)) return Value::Error(kBudgetExceeded);
  auto order = Compare(a, b);
  if (!order) return NoSuchOverload();
  switch (ordering) {
    case Ordering::kLess:
      return Value::Bool(*order < 0);
    case Ordering::kLessEquals:
      return Value::Bool(*order <= 0);
    case Ordering::kGreater:
      return Value::Bool(*order > 0);
    case Ordering::kGreaterEquals:
      return Value::Bool(*order >= 0);
  }
  return {};
}

Value In(Context& context, const Value& a, const Value& b) {
  if (b.Is(Kind::kMap)) {
    auto found = b.MapFind(context, a);
    if (found && found->IsError()) return *found;
    return Value::Bool(found.has_value());
  }
  if (!b.Is(Kind::kList)) return NoSuchOverload();
  std::size_t size = b.ListSize();
  if (!context.Charge(static_cast<std::int64_t>(size))) return Value::Error(kBudgetExceeded);
  bool typed = b.schema() != nullptr;
  Value first_error;
  for (std::size_t i = 0; i < size; ++i) {
    Value element = b.ListAt(context, i);
    Value equal = typed ? Equal(context, element, a) : Equal(context, a, element);
    if (equal.IsTrue()) return equal;
    if (typed && equal.IsError() && !first_error.IsError()) first_error = equal;
  }
  return first_error.IsError() ? first_error : Value::Bool(false);
}

Lookup Find(Context& context, const Value& a, const Value& b) {
  switch (b.kind()) {
    case Kind::kString:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kBool:
      break;
    case Kind::kError:
      return b;
    default:
      return Fail(context, "invalid qualifier type: {}", ClassName(b));
  }
  switch (a.kind()) {
    case Kind::kError:
      return a;
    case Kind::kMap:
      return a.MapFind(context, b);
    case Kind::kList: {
      std::int64_t index = b.AsInt();
      if (!b.Is(Kind::kInt)) {
        if (a.schema() && b.IsNumber()) {
          return Fail(context, "unsupported index: {}", Display(context, b));
        }
        if (b.Is(Kind::kDouble)) {
          double d = b.AsDouble();
          if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || d != std::floor(d)) {
            return Fail(context, "unsupported index value {} in list", FormatDouble(d));
          }
          index = static_cast<std::int64_t>(d);
        } else if (!b.Is(Kind::kUint)) {
          return Fail(context, "unsupported index type '{}' in list", TypeName(b));
        }
      }
      if (index < 0 || static_cast<std::uint64_t>(index) >= a.ListSize()) return std::nullopt;
      return a.ListAt(context, static_cast<std::size_t>(index));
    }
    case Kind::kOptional:
      return a.HasContent() ? Find(context, a.Content(), b) : std::nullopt;
    case Kind::kOpaque:
      if (!a.AsOpaque()->type->field) return std::nullopt;
      if (!b.Is(Kind::kString)) {
        std::string_view name = TypeName(a);
        return Fail(context, "{}: field key must be a string, got {}",
                    name.substr(name.rfind('.') + 1), TypeName(b));
      }
      return a.AsOpaque()->type->field(context, a, b.AsString());
    default:
      return std::nullopt;
  }
}

Value Index(Context& context, const Value& a, const Value& b) {
  if (a.Is(Kind::kOptional)) return OptionalIndex(context, a, b);
  auto found = Find(context, a, b);
  if (found) return *found;
  if (a.Is(Kind::kList)) return Fail(context, "index out of bounds: {}", Display(context, b));
  if (a.Is(Kind::kOpaque) && a.AsOpaque()->type->field) {
    return Fail(context, "no such field '{}'", Display(context, b));
  }
  return Fail(context, "no such key: {}", Display(context, b));
}

Value OptionalIndex(Context& context, const Value& a, const Value& b) {
  auto found = Find(context, a, b);
  if (!found) return Value::None();
  return found->IsError() ? *found : MakeOptional(context, *found);
}

std::string_view ClassName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return "types.Null";
    case Kind::kBool:
      return "types.Bool";
    case Kind::kInt:
      return "types.Int";
    case Kind::kUint:
      return "types.Uint";
    case Kind::kDouble:
      return "types.Double";
    case Kind::kString:
      return "types.String";
    case Kind::kBytes:
      return "types.Bytes";
    case Kind::kTimestamp:
      return "types.Timestamp";
    case Kind::kDuration:
      return "types.Duration";
    case Kind::kList:
      return "*types.baseList";
    case Kind::kMap:
      return "*types.baseMap";
    case Kind::kType:
      return "*types.Type";
    case Kind::kOptional:
      return "*types.Optional";
    case Kind::kOpaque:
      return value.AsOpaque()->type->name;
    case Kind::kError:
      return "*types.Err";
  }
  return "";
}

namespace {

Value Concatenate(Context& context, const Value& a, const Value& b) {
  std::string_view left = a.AsString(), right = b.AsString();
  std::size_t size = left.size() + right.size();
  if (size > kMaxTextSize || !context.Charge(static_cast<std::int64_t>(size / 16 + 1))) {
    return Value::Error(kBudgetExceeded);
  }
  if (right.empty()) return a;
  if (left.empty()) return b;
  char* out = AllocateText(context, size);
  std::memcpy(out, left.data(), left.size());
  std::memcpy(out + left.size(), right.data(), right.size());
  std::string_view text(out, size);
  return a.Is(Kind::kString) ? Value::String(text) : Value::Bytes(text);
}

Value JoinLists(Context& context, const Value& a, const Value& b) {
  std::size_t left = a.ListSize(), right = b.ListSize();
  if (!context.Charge(static_cast<std::int64_t>(left + right + 1))) {
    return Value::Error(kBudgetExceeded);
  }
  if (a.schema()) return JoinTypedLists(context, a, b);
  if (right == 0) return a;
  if (left == 0 && !b.schema()) return b;
  auto elements = context.arena().NewArray<Value>(left + right);
  for (std::size_t i = 0; i < left; ++i) elements[i] = a.ListAt(context, i);
  for (std::size_t i = 0; i < right; ++i) elements[left + i] = b.ListAt(context, i);
  return Value::List(elements);
}

// Whether two elements are one entry of a list of kind map.
bool SameKeys(Context& context, const Schema& list, const Value& a, const Value& b) {
  if (!a.JsonObject() || !b.JsonObject() || list.list_keys.empty()) return false;
  for (const std::string& key : list.list_keys) {
    auto left = a.MapFind(context, std::string_view(key));
    auto right = b.MapFind(context, std::string_view(key));
    if (left.has_value() != right.has_value()) return false;
    if (left && !Equals(context, *left, *right)) return false;
  }
  return true;
}

// Appends to an atomic list, adds to a set, merges into a list with keys (spec 5.3).
Value JoinTypedLists(Context& context, const Value& a, const Value& b) {
  const Schema& schema = *a.schema();
  std::size_t left = a.ListSize(), right = b.ListSize();
  auto elements = context.arena().NewArray<Value>(left + right);
  std::size_t size = 0;
  for (; size < left; ++size) elements[size] = a.ListAt(context, size);
  for (std::size_t i = 0; i < right; ++i) {
    Value element = b.ListAt(context, i);
    if (schema.element) element = Reread(context, element, *schema.element);
    std::size_t at = size;
    for (std::size_t j = 0; schema.list_kind != ListKind::kAtomic && j < size && at == size; ++j) {
      bool same = schema.list_kind == ListKind::kSet
                      ? Equals(context, elements[j], element)
                      : SameKeys(context, schema, elements[j], element);
      if (same) at = j;
    }
    if (!context.Charge(static_cast<std::int64_t>(at))) return Value::Error(kBudgetExceeded);
    if (at == size) {
      elements[size++] = element;
    } else if (schema.list_kind == ListKind::kMap) {
      elements[at] = element;
    }
  }
  return Value::List(
      context.arena().New<Value::ListData>(std::span<const Value>(elements.first(size)), &schema));
}

Value AddToTimestamp(const Timestamp& time, std::int64_t nanoseconds) {
  std::int64_t seconds = nanoseconds / kNanosPerSecond;
  std::int64_t nanos = time.nanos + nanoseconds % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  } else if (nanos >= kNanosPerSecond) {
    nanos -= kNanosPerSecond;
    ++seconds;
  }
  Timestamp sum{time.seconds + seconds, static_cast<std::int32_t>(nanos), time.offset_minutes};
  if (sum.seconds < kMinTimestampSeconds || sum.seconds > kMaxTimestampSeconds) {
    return Value::Error(kTimestampOverflow);
  }
  return Value::Time(sum);
}

Value TimestampDifference(const Timestamp& a, const Timestamp& b) {
  std::int64_t nanoseconds;
  if (__builtin_mul_overflow(a.seconds - b.seconds, kNanosPerSecond, &nanoseconds) ||
      __builtin_add_overflow(nanoseconds, std::int64_t{a.nanos} - b.nanos, &nanoseconds)) {
    return Value::Error(kIntegerOverflow);
  }
  return Value::Duration(nanoseconds);
}

}  // namespace
}  // namespace kro::cel
