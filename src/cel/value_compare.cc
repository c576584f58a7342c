// Equality (spec 3.4), order (3.5) and the hashes that go with them.
#include <cmath>
#include <cstdint>

#include "cel/internal/keys.h"
#include "cel/schema.h"
#include "cel/value.h"

namespace kro::cel {
namespace {

// Values nest as deep as expressions and JSON do; comparing them goes no deeper.
constexpr int kMaxDepth = 512;

std::partial_ordering CompareNumbers(const Value& a, const Value& b);
bool EqualsAt(Context& context, const Value& a, const Value& b, int depth);
Value EqualAt(Context& context, const Value& a, const Value& b, int depth);
Value EqualLists(Context& context, const Value& a, const Value& b, int depth);
Value EqualMaps(Context& context, const Value& a, const Value& b, int depth);
bool EqualJson(const json::Value& a, const json::Value& b, int depth);

bool IsWrapped(const Value& value) { return value.schema() != nullptr; }

std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

std::uint64_t HashText(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

// Integral doubles hash as the integer they equal.
std::uint64_t HashDouble(double d) {
  if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == std::floor(d)) {
    return Mix(static_cast<std::uint64_t>(static_cast<std::int64_t>(d)));
  }
  return Mix(std::bit_cast<std::uint64_t>(d));
}

}  // namespace

Value Equal(Context& context, const Value& a, const Value& b) { return EqualAt(context, a, b, 0); }

bool Equals(Context& context, const Value& a, const Value& b) { return EqualsAt(context, a, b, 0); }

std::optional<std::partial_ordering> Compare(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) return CompareNumbers(a, b);
  if (a.kind() != b.kind()) return std::nullopt;
  switch (a.kind()) {
    case Kind::kBool:
      return a.AsBool() <=> b.AsBool();
    case Kind::kString:
    case Kind::kBytes:
      return a.AsString().compare(b.AsString()) <=> 0;
    case Kind::kTimestamp:
      return a.AsTimestamp() <=> b.AsTimestamp();
    case Kind::kDuration:
      return a.AsDuration() <=> b.AsDuration();
    default:
      return std::nullopt;
  }
}

std::uint64_t Hash(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return value.AsBool() ? 0x9e3779b97f4a7c15ULL : 0x3c6ef372fe94f82aULL;
    case Kind::kInt:
      // As the double it equals, where it is beyond what a double holds exactly.
      if (value.AsInt() > -(std::int64_t{1} << 53) && value.AsInt() < std::int64_t{1} << 53) {
        return Mix(value.AsUint());
      }
      return HashDouble(static_cast<double>(value.AsInt()));
    case Kind::kUint:
      if (value.AsUint() < std::uint64_t{1} << 53) return Mix(value.AsUint());
      return HashDouble(static_cast<double>(value.AsUint()));
    case Kind::kDouble:
      return HashDouble(value.AsDouble());
    case Kind::kString:
    case Kind::kBytes:
      return HashText(value.AsString());
    case Kind::kType:
      return HashText(value.AsType()) ^ 1;
    case Kind::kTimestamp:
      return Mix(static_cast<std::uint64_t>(value.AsTimestamp().seconds)) ^ 2;
    case Kind::kDuration:
      return Mix(static_cast<std::uint64_t>(value.AsDuration())) ^ 3;
    case Kind::kList:
      return Mix(value.ListSize()) ^ 4;
    case Kind::kMap:
      return Mix(value.MapSize()) ^ 5;
    case Kind::kOptional:
      return value.HasContent() ? Hash(value.Content()) ^ 6 : std::uint64_t{7};
    case Kind::kNull:
      return 8;
    case Kind::kOpaque:
      return HashText(value.AsOpaque()->type->name);
    case Kind::kError:
      return 9;
  }
  return 0;
}

bool SameKey(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDuration:
      return a.AsInt() == b.AsInt();
    case Kind::kDouble:
      return a.AsDouble() == b.AsDouble();
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      return a.AsString() == b.AsString();
    case Kind::kTimestamp:
      return a.AsTimestamp() == b.AsTimestamp();
    default:
      return false;
  }
}

namespace {

// Integers against doubles compare as doubles (spec 3.4).
std::partial_ordering CompareNumbers(const Value& a, const Value& b) {
  if (a.Is(Kind::kDouble) || b.Is(Kind::kDouble)) {
    auto number = [](const Value& v) {
      if (v.Is(Kind::kDouble)) return v.AsDouble();
      return v.Is(Kind::kInt) ? static_cast<double>(v.AsInt()) : static_cast<double>(v.AsUint());
    };
    return number(a) <=> number(b);
  }
  if (a.Is(Kind::kInt) && b.Is(Kind::kInt)) return a.AsInt() <=> b.AsInt();
  if (a.Is(Kind::kUint) && b.Is(Kind::kUint)) return a.AsUint() <=> b.AsUint();
  if (a.Is(Kind::kInt)) {
    return a.AsInt() < 0 ? std::partial_ordering::less : a.AsUint() <=> b.AsUint();
  }
  return b.AsInt() < 0 ? std::partial_ordering::greater : a.AsUint() <=> b.AsUint();
}

bool EqualsAt(Context& context, const Value& a, const Value& b, int depth) {
  return EqualAt(context, a, b, depth).IsTrue();
}

Value EqualAt(Context& context, const Value& a, const Value& b, int depth) {
  if (a.IsError()) return a;
  if (b.IsError()) return b;
  if (depth > kMaxDepth) return Value::Error("value nests too deeply to compare");
  if (!context.Charge(1)) return Value::Error(kBudgetExceeded);
  if (b.IsNull()) return Value::Bool(a.IsNull());
  if (a.IsNumber()) return Value::Bool(b.IsNumber() && CompareNumbers(a, b) == 0);
  switch (a.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      if (b.kind() != a.kind() || a.AsString().size() != b.AsString().size()) {
        return Value::Bool(false);
      }
      if (!context.Charge(static_cast<std::int64_t>(a.AsString().size() / 64))) {
        return Value::Error(kBudgetExceeded);
      }
      return Value::Bool(a.AsString() == b.AsString());
    case Kind::kList:
      if (!b.Is(Kind::kList)) return IsWrapped(a) ? NoSuchOverload() : Value::Bool(false);
      return EqualLists(context, a, b, depth);
    case Kind::kMap:
      if (!b.Is(Kind::kMap)) return IsWrapped(a) ? NoSuchOverload() : Value::Bool(false);
      return EqualMaps(context, a, b, depth);
    case Kind::kOptional:
      if (!b.Is(Kind::kOptional)) return Value::Bool(false);
      if (!a.HasContent() || !b.HasContent()) return Value::Bool(a.HasContent() == b.HasContent());
      return EqualAt(context, a.Content(), b.Content(), depth + 1);
    case Kind::kOpaque: {
      const OpaqueType& type = *a.AsOpaque()->type;
      if (b.IsOpaque(type)) {
        return type.equal ? type.equal(context, a, b) : Value::Bool(a.AsOpaque() == b.AsOpaque());
      }
      return type.equal_other ? type.equal_other(context, a, b) : NoSuchOverload();
    }
    default:
      return Value::Bool(SameKey(a, b));
  }
}

// Whether two elements of a list of kind map are the same entry: equal in every key field.
bool SameEntry(Context& context, const Schema& list, const Value& a, const Value& b) {
  if (!a.Is(Kind::kMap) || !b.Is(Kind::kMap) || !a.IsJson() || !b.IsJson()) return false;
  for (const std::string& key : list.list_keys) {
    auto left = a.MapFind(context, std::string_view(key));
    auto right = b.MapFind(context, std::string_view(key));
    if (left.has_value() != right.has_value()) return false;
    if (left && !Equals(context, *left, *right)) return false;
  }
  return true;
}

Value EqualLists(Context& context, const Value& a, const Value& b, int depth) {
  std::size_t size = a.ListSize();
  if (size != b.ListSize()) return Value::Bool(false);
  const Schema* schema = a.schema();
  if (!schema || schema->list_kind == ListKind::kAtomic) {
    for (std::size_t i = 0; i < size; ++i) {
      if (!EqualsAt(context, a.ListAt(context, i), b.ListAt(context, i), depth + 1)) {
        return Value::Bool(false);
      }
    }
    return Value::Bool(true);
  }
  // Sets and keyed lists: every right element is somewhere on the left (spec 5.3).
  for (std::size_t i = 0; i < size; ++i) {
    Value right = b.ListAt(context, i);
    bool found = false;
    for (std::size_t j = 0; j < size && !found; ++j) {
      Value left = a.ListAt(context, j);
      if (schema->list_kind == ListKind::kMap && !SameEntry(context, *schema, left, right))
        continue;
      found = EqualsAt(context, left, right, depth + 1);
    }
    if (!found) return Value::Bool(false);
    if (context.budget() < 0) return Value::Error(kBudgetExceeded);
  }
  return Value::Bool(true);
}

Value EqualMaps(Context& context, const Value& a, const Value& b, int depth) {
  if (a.MapSize() != b.MapSize()) return Value::Bool(false);
  const Schema* schema = a.schema();
  if (schema && schema->reading == Reading::kObject) {
    for (const auto& entry : *a.JsonObject()) {
      const Schema* property = schema->FindProperty(entry.key());
      if (!property) property = schema->element;
      if (!property) {
        // Fields that the schema doesn't list compare as JSON, if both sides are such data.
        if (!b.schema()) continue;
        const json::Value* other = b.JsonObject()->if_contains(entry.key());
        if (!other || !EqualJson(entry.value(), *other, depth)) return Value::Bool(false);
        continue;
      }
      auto left = a.MapFind(context, std::string_view(entry.key()));
      auto right = b.MapFind(context, std::string_view(entry.key()));
      if (left.has_value() != right.has_value()) return Value::Bool(false);
      if (left && !EqualsAt(context, *left, *right, depth + 1)) return Value::Bool(false);
    }
    return Value::Bool(true);
  }
  for (MapIterator it(context, a); it.Next();) {
    auto right = b.MapFind(context, it.key());
    if (!right || !EqualsAt(context, it.value(), *right, depth + 1)) return Value::Bool(false);
  }
  return Value::Bool(true);
}

bool EqualJson(const json::Value& a, const json::Value& b, int depth) {
  if (depth > kMaxDepth) return false;
  if (a.is_object() && b.is_object()) {
    if (a.get_object().size() != b.get_object().size()) return false;
    for (const auto& entry : a.get_object()) {
      const json::Value* other = b.get_object().if_contains(entry.key());
      if (!other || !EqualJson(entry.value(), *other, depth + 1)) return false;
    }
    return true;
  }
  if (a.is_array() && b.is_array()) {
    if (a.get_array().size() != b.get_array().size()) return false;
    for (std::size_t i = 0; i < a.get_array().size(); ++i) {
      if (!EqualJson(a.get_array()[i], b.get_array()[i], depth + 1)) return false;
    }
    return true;
  }
  return a == b;
}

}  // namespace
}  // namespace kro::cel
