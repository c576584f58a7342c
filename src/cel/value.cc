#include "cel/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include "cel/civil.h"
#include "cel/schema.h"

namespace kro::cel {
namespace {

// Values nest as deep as expressions and JSON do; comparing them goes no deeper.
constexpr int kMaxDepth = 512;

constexpr std::size_t kIndexedFrom = 12;  // entries of a map that get a hash table

std::partial_ordering CompareNumbers(const Value& a, const Value& b);
bool SameKey(const Value& a, const Value& b);
bool EqualsAt(Context& context, const Value& a, const Value& b, int depth);
Value EqualAt(Context& context, const Value& a, const Value& b, int depth);
Value EqualLists(Context& context, const Value& a, const Value& b, int depth);
Value EqualMaps(Context& context, const Value& a, const Value& b, int depth);
bool EqualJson(const json::Value& a, const json::Value& b, int depth);
Value BytesFromJson(Context& context, std::string_view text);
Value DurationFromJson(Context& context, std::string_view text);
Value DateFromJson(Context& context, std::string_view text);
Value DateTimeFromJson(Context& context, std::string_view text);
std::string_view GoType(const Value& raw);

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

// Finds the exact key in a computed map.
const Value* FindExact(const Value::MapData& map, const Value& key);

}  // namespace

// ---- Access ----------------------------------------------------------------------------------

std::size_t Value::ListSize() const {
  switch (form()) {
    case Form::kPlain: return static_cast<std::size_t>(Extra());
    case Form::kJson: return std::bit_cast<const json::Array*>(bits_)->size();
    case Form::kData: return std::bit_cast<const ListData*>(bits_)->elements.size();
  }
  return 0;
}

Value Value::ListAt(Context& context, std::size_t index) const {
  switch (form()) {
    case Form::kPlain: return std::bit_cast<const Value*>(bits_)[index];
    case Form::kJson: {
      const auto* schema = std::bit_cast<const Schema*>(Extra());
      return FromJson(context, (*std::bit_cast<const json::Array*>(bits_))[index],
                      schema ? schema->element : nullptr);
    }
    case Form::kData: return std::bit_cast<const ListData*>(bits_)->elements[index];
  }
  return {};
}

std::size_t Value::MapSize() const {
  return form() == Form::kJson ? std::bit_cast<const json::Object*>(bits_)->size()
                               : std::bit_cast<const MapData*>(bits_)->entries.size();
}

std::optional<Value> Value::MapFind(Context& context, std::string_view key) const {
  if (form() == Form::kData) return MapFind(context, String(key));
  const auto* object = std::bit_cast<const json::Object*>(bits_);
  const auto* schema = std::bit_cast<const Schema*>(Extra());
  if (!schema) {
    const json::Value* found = object->if_contains(key);
    if (!found) return std::nullopt;
    return FromJson(context, *found);
  }
  if (schema->reading != Reading::kObject) {
    const json::Value* found = object->if_contains(key);
    if (!found) return std::nullopt;
    return FromJson(context, *found, schema->element);
  }
  std::string unescaped;
  if (key.find("__") != std::string_view::npos) {
    unescaped = UnescapeProperty(key);
    key = unescaped;
  }
  const json::Value* found = object->if_contains(key);
  if (!found || found->is_null()) return std::nullopt;
  const Schema* property = schema->FindProperty(key);
  return FromJson(context, *found, property ? property : schema->element);
}

std::optional<Value> Value::MapFind(Context& context, const Value& key) const {
  if (form() == Form::kJson) {
    if (key.Is(Kind::kString)) return MapFind(context, key.AsString());
    if (!schema()) return std::nullopt;
    if (key.Is(Kind::kInt) || key.Is(Kind::kUint) || key.Is(Kind::kDouble) || key.Is(Kind::kBool)) {
      return MapFind(context, Display(context, key));
    }
    return std::nullopt;
  }
  const auto& map = *std::bit_cast<const MapData*>(bits_);
  if (const Value* found = FindExact(map, key)) return *found;
  switch (key.kind()) {
    case Kind::kInt:
      if (key.AsInt() >= 0) {
        if (const Value* found = FindExact(map, Uint(key.AsUint()))) return *found;
      }
      break;
    case Kind::kUint:
      if (key.AsInt() >= 0) {
        if (const Value* found = FindExact(map, Int(key.AsInt()))) return *found;
      }
      break;
    case Kind::kDouble: {
      double d = key.AsDouble();
      if (d != std::floor(d)) break;
      if (d >= -9223372036854775808.0 && d < 9223372036854775808.0) {
        if (const Value* found = FindExact(map, Int(static_cast<std::int64_t>(d)))) return *found;
      }
      if (d >= 0 && d < 18446744073709551616.0) {
        if (const Value* found = FindExact(map, Uint(static_cast<std::uint64_t>(d)))) return *found;
      }
      break;
    }
    default: break;
  }
  return std::nullopt;
}

bool MapIterator::Next() { return ++position_ <= map_.MapSize(); }

Value MapIterator::key() const {
  if (map_.form() != Value::Form::kJson) {
    return std::bit_cast<const Value::MapData*>(map_.bits_)->entries[position_ - 1].key;
  }
  const json::Object& object = *map_.JsonObject();
  std::string_view name = (object.begin() + static_cast<std::ptrdiff_t>(position_ - 1))->key();
  const Schema* schema = map_.schema();
  if (!schema || schema->reading != Reading::kObject) return Value::String(name);
  for (const Schema::Property& property : schema->properties) {
    if (property.name == name) return Value::String(property.escaped);
  }
  std::string escaped = EscapeProperty(name);
  return escaped.empty() || escaped == name ? Value::String(name) : MakeString(context_, escaped);
}

Value MapIterator::value() const {
  if (map_.form() != Value::Form::kJson) {
    return std::bit_cast<const Value::MapData*>(map_.bits_)->entries[position_ - 1].value;
  }
  const json::Object& object = *map_.JsonObject();
  const auto& entry = *(object.begin() + static_cast<std::ptrdiff_t>(position_ - 1));
  const Schema* schema = map_.schema();
  if (!schema) return FromJson(context_, entry.value());
  if (schema->reading != Reading::kObject) {
    return FromJson(context_, entry.value(), schema->element);
  }
  if (entry.value().is_null()) {
    return Fail(context_, "no such key: {}", key().AsString());
  }
  const Schema* property = schema->FindProperty(entry.key());
  return FromJson(context_, entry.value(), property ? property : schema->element);
}

// ---- Making values ---------------------------------------------------------------------------

namespace internal {
Value FailWith(Context& context, fmt::string_view format, fmt::format_args args) {
  fmt::memory_buffer text;
  fmt::vformat_to(std::back_inserter(text), format, args);
  return Value::Error(context.arena().Copy({text.data(), text.size()}));
}
}  // namespace internal

Value MakeString(Context& context, std::string_view text) {
  return Value::String(context.arena().Copy(text));
}

Value MakeBytes(Context& context, std::string_view bytes) {
  return Value::Bytes(context.arena().Copy(bytes));
}

Value MakeList(Context& context, std::span<const Value> elements) {
  auto copy = context.arena().NewArray<Value>(elements.size());
  std::copy(elements.begin(), elements.end(), copy.begin());
  return Value::List(copy);
}

Value MakeOptional(Context& context, const Value& content) {
  return Value::Optional(context.arena().New<Value>(content));
}

char* AllocateText(Context& context, std::size_t size) {
  return static_cast<char*>(context.arena().Allocate(size));
}

ListBuilder::ListBuilder(Context& context, std::size_t expected)
    : context_(context), elements_(context.arena().NewArray<Value>(expected)) {}

void ListBuilder::Grow() {
  auto larger = context_.arena().NewArray<Value>(std::max<std::size_t>(8, elements_.size() * 2));
  std::copy(elements_.begin(), elements_.end(), larger.begin());
  elements_ = larger;
}

MapBuilder::MapBuilder(Context& context, std::size_t expected)
    : context_(context), entries_(context.arena().NewArray<Value::Entry>(expected)) {}

bool MapBuilder::Put(const Value& key, const Value& value) {
  if (std::size_t position = Position(key); position < size_) {
    entries_[position].value = value;
    return false;
  }
  if (size_ == entries_.size()) Grow();
  entries_[size_++] = {key, value};
  if (size_ >= kIndexedFrom) {
    if (index_.size() < size_ * 2) {
      Rehash();
    } else {
      std::size_t slot = Hash(key) & (index_.size() - 1);
      while (index_[slot]) slot = (slot + 1) & (index_.size() - 1);
      index_[slot] = static_cast<std::uint32_t>(size_);
    }
  }
  return true;
}

void MapBuilder::Remove(const Value& key) {
  std::size_t position = Position(key);
  if (position >= size_) return;
  for (std::size_t i = position + 1; i < size_; ++i) entries_[i - 1] = entries_[i];
  --size_;
  if (size_ >= kIndexedFrom) {
    Rehash();
  } else {
    index_ = {};
  }
}

bool MapBuilder::Has(const Value& key) const { return Position(key) < size_; }

Value MapBuilder::Build() {
  return Value::Map(
      context_.arena().New<Value::MapData>(std::span<const Value::Entry>(entries_.first(size_)),
                                           std::span<const std::uint32_t>(index_)));
}

void MapBuilder::Grow() {
  auto larger = context_.arena().NewArray<Value::Entry>(std::max<std::size_t>(8, size_ * 2));
  std::copy(entries_.begin(), entries_.end(), larger.begin());
  entries_ = larger;
}

std::size_t MapBuilder::Position(const Value& key) const {
  if (index_.empty()) {
    for (std::size_t i = 0; i < size_; ++i) {
      if (SameKey(entries_[i].key, key)) return i;
    }
    return size_;
  }
  std::size_t slot = Hash(key) & (index_.size() - 1);
  for (; index_[slot]; slot = (slot + 1) & (index_.size() - 1)) {
    if (SameKey(entries_[index_[slot] - 1].key, key)) return index_[slot] - 1;
  }
  return size_;
}

void MapBuilder::Rehash() {
  std::size_t buckets = 32;
  while (buckets < size_ * 3) buckets *= 2;
  index_ = context_.arena().NewArray<std::uint32_t>(buckets);
  for (std::size_t i = 0; i < size_; ++i) {
    std::size_t slot = Hash(entries_[i].key) & (buckets - 1);
    while (index_[slot]) slot = (slot + 1) & (buckets - 1);
    index_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

Value FromJson(Context& context, const json::Value& json, const Schema* schema) {
  if (schema) {
    // The usual cases first.
    if (schema->reading == Reading::kString && json.is_string()) {
      return Value::String(json.get_string());
    }
    if (schema->reading == Reading::kObject && json.is_object()) {
      return Value::Map(&json.get_object(), schema);
    }
    if (schema->reading == Reading::kInteger && json.is_int64()) {
      return Value::Int(json.get_int64());
    }
    if (schema->reading == Reading::kBoolean && json.is_bool()) return Value::Bool(json.get_bool());
    if (schema->reading == Reading::kArray && json.is_array() && schema->element) {
      return Value::List(&json.get_array(), schema);
    }
    return Reread(context, FromJson(context, json), *schema);
  }
  switch (json.kind()) {
    case boost::json::kind::null: return Value::Null();
    case boost::json::kind::bool_: return Value::Bool(json.get_bool());
    case boost::json::kind::int64: return Value::Int(json.get_int64());
    case boost::json::kind::uint64: return Value::Uint(json.get_uint64());
    case boost::json::kind::double_: return Value::Double(json.get_double());
    case boost::json::kind::string: return Value::String(json.get_string());
    case boost::json::kind::array: return Value::List(&json.get_array(), nullptr);
    case boost::json::kind::object: return Value::Map(&json.get_object(), nullptr);
  }
  return {};
}

Value Reread(Context& context, const Value& raw, const Schema& schema) {
  if (raw.IsError()) return raw;
  if (raw.IsNull()) {
    return schema.nullable ? raw
                           : Value::Error("invalid data, got null for schema with nullable=false");
  }
  switch (schema.reading) {
    case Reading::kNative: return raw;
    case Reading::kObject:
    case Reading::kMap:
      if (!raw.JsonObject()) {
        return Value::Error("invalid data, expected a map for the provided schema with type=object");
      }
      return Value::Map(raw.JsonObject(), &schema);
    case Reading::kArray:
      if (!raw.JsonArray()) {
        return Value::Error("invalid data, expected an array for the provided schema with type=array");
      }
      return Value::List(raw.JsonArray(), &schema);
    case Reading::kIntOrString:
      if (raw.Is(Kind::kString) || raw.Is(Kind::kInt)) return raw;
      return Value::Error(
          "invalid data, expected XIntOrString value to be either a string or integer");
    case Reading::kString:
    case Reading::kBytes:
    case Reading::kDuration:
    case Reading::kDate:
    case Reading::kDateTime: {
      if (!raw.Is(Kind::kString)) {
        return Fail(context, "invalid data, expected string, got {}", GoType(raw));
      }
      std::string_view text = raw.AsString();
      if (schema.reading == Reading::kBytes) return BytesFromJson(context, text);
      if (schema.reading == Reading::kDuration) return DurationFromJson(context, text);
      if (schema.reading == Reading::kDate) return DateFromJson(context, text);
      if (schema.reading == Reading::kDateTime) return DateTimeFromJson(context, text);
      return raw;
    }
    case Reading::kNumber:
      if (raw.Is(Kind::kDouble)) return raw;
      if (raw.Is(Kind::kInt)) return Value::Double(static_cast<double>(raw.AsInt()));
      if (raw.Is(Kind::kUint)) return Value::Double(static_cast<double>(raw.AsUint()));
      return Fail(context, "invalid data, expected float, got {}", GoType(raw));
    case Reading::kInteger:
      if (raw.Is(Kind::kInt)) return raw;
      if (raw.Is(Kind::kDouble)) {
        double d = raw.AsDouble();
        if (d == std::floor(d) && d >= -9223372036854775808.0 && d < 9223372036854775808.0) {
          return Value::Int(static_cast<std::int64_t>(d));
        }
        return Fail(context, "invalid data, expected int, got non-integer float {}", FormatDouble(d));
      }
      return Fail(context, "invalid data, expected int, got {}", GoType(raw));
    case Reading::kBoolean:
      if (raw.Is(Kind::kBool)) return raw;
      return Fail(context, "invalid data, expected bool, got {}", GoType(raw));
    case Reading::kBroken: return Value::Error(schema.problem);
  }
  return {};
}

// ---- Comparing -------------------------------------------------------------------------------

Value Equal(Context& context, const Value& a, const Value& b) { return EqualAt(context, a, b, 0); }

bool Equals(Context& context, const Value& a, const Value& b) { return EqualsAt(context, a, b, 0); }

std::optional<std::partial_ordering> Compare(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) return CompareNumbers(a, b);
  if (a.kind() != b.kind()) return std::nullopt;
  switch (a.kind()) {
    case Kind::kBool: return a.AsBool() <=> b.AsBool();
    case Kind::kString:
    case Kind::kBytes: return a.AsString().compare(b.AsString()) <=> 0;
    case Kind::kTimestamp: return a.AsTimestamp() <=> b.AsTimestamp();
    case Kind::kDuration: return a.AsDuration() <=> b.AsDuration();
    default: return std::nullopt;
  }
}

std::uint64_t Hash(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.AsBool() ? 0x9e3779b97f4a7c15ULL : 0x3c6ef372fe94f82aULL;
    case Kind::kInt:
      // As the double it equals, where it is beyond what a double holds exactly.
      if (value.AsInt() > -(std::int64_t{1} << 53) && value.AsInt() < std::int64_t{1} << 53) {
        return Mix(value.AsUint());
      }
      return HashDouble(static_cast<double>(value.AsInt()));
    case Kind::kUint:
      if (value.AsUint() < std::uint64_t{1} << 53) return Mix(value.AsUint());
      return HashDouble(static_cast<double>(value.AsUint()));
    case Kind::kDouble: return HashDouble(value.AsDouble());
    case Kind::kString:
    case Kind::kBytes: return HashText(value.AsString());
    case Kind::kType: return HashText(value.AsType()) ^ 1;
    case Kind::kTimestamp: return Mix(static_cast<std::uint64_t>(value.AsTimestamp().seconds)) ^ 2;
    case Kind::kDuration: return Mix(static_cast<std::uint64_t>(value.AsDuration())) ^ 3;
    case Kind::kList: return Mix(value.ListSize()) ^ 4;
    case Kind::kMap: return Mix(value.MapSize()) ^ 5;
    case Kind::kOptional:
      return value.HasContent() ? Hash(value.Content()) ^ 6 : std::uint64_t{7};
    case Kind::kNull: return 8;
    case Kind::kOpaque: return HashText(value.AsOpaque()->type->name);
    case Kind::kError: return 9;
  }
  return 0;
}

// ---- Showing ---------------------------------------------------------------------------------

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return "null_type";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kUint: return "uint";
    case Kind::kDouble: return "double";
    case Kind::kString: return "string";
    case Kind::kBytes: return "bytes";
    case Kind::kTimestamp: return "google.protobuf.Timestamp";
    case Kind::kDuration: return "google.protobuf.Duration";
    case Kind::kList: return "list";
    case Kind::kMap: return "map";
    case Kind::kType: return "type";
    case Kind::kOptional: return "optional_type";
    case Kind::kOpaque: return value.AsOpaque()->type->name;
    case Kind::kError: return "error";
  }
  return "";
}

std::size_t CodePoints(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string FormatDouble(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  std::array<char, 40> text;
  auto scientific = std::to_chars(text.data(), text.data() + text.size(), d, std::chars_format::scientific);
  std::string_view shortest(text.data(), static_cast<std::size_t>(scientific.ptr - text.data()));
  int exponent = 0;
  std::string_view digits = shortest.substr(shortest.find('e') + 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  // to_chars writes an exponent of at least two digits, as Go does. Go's %g turns to it from 1e+21
  // in general, but from 1e+06 where the digits are the shortest: spec 3.7.
  if (d != 0 && (exponent < -4 || exponent >= std::max(6, 0))) {
    return std::string(shortest);
  }
  auto fixed = std::to_chars(text.data(), text.data() + text.size(), d, std::chars_format::fixed);
  return {text.data(), fixed.ptr};
}

std::string FormatTimestamp(const Timestamp& t) {
  CivilTime civil = ToCivil(t.seconds + t.offset_minutes * 60);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", civil.year, civil.month,
                                 civil.day, civil.hour, civil.minute, civil.second);
  if (t.nanos) {
    std::string fraction = fmt::format(".{:09}", t.nanos);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fraction;
  }
  if (t.offset_minutes == 0) return text + "Z";
  int minutes = std::abs(static_cast<int>(t.offset_minutes));
  return text + fmt::format("{}{:02}:{:02}", t.offset_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string FormatDuration(std::int64_t nanoseconds) {
  std::uint64_t magnitude = nanoseconds < 0 ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                            : static_cast<std::uint64_t>(nanoseconds);
  std::string text = fmt::format("{}{}", nanoseconds < 0 ? "-" : "", magnitude / 1000000000);
  if (std::uint64_t rest = magnitude % 1000000000) {
    std::string fraction = fmt::format(".{:09}", rest);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += fraction;
  }
  return text + "s";
}

std::string Display(Context& context, const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return "null";
    case Kind::kBool: return value.AsBool() ? "true" : "false";
    case Kind::kInt: return fmt::format("{}", value.AsInt());
    case Kind::kUint: return fmt::format("{}", value.AsUint());
    case Kind::kDouble: return FormatDouble(value.AsDouble());
    case Kind::kString:
    case Kind::kBytes: return std::string(value.AsString());
    case Kind::kTimestamp: return FormatTimestamp(value.AsTimestamp());
    case Kind::kDuration: return FormatDuration(value.AsDuration());
    case Kind::kType: return std::string(value.AsType());
    case Kind::kError: return std::string(value.AsError());
    case Kind::kOptional:
      return value.HasContent() ? "optional(" + Display(context, value.Content()) + ")"
                                : "optional.none()";
    default: return std::string(TypeName(value));
  }
}

// Unsigned decimal digits with one optional point, then a unit; several add up (spec 3.9).
std::optional<std::int64_t> ParseDuration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;

  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits = {{
      {"ns", 1},
      {"us", 1000},
      {"\xc2\xb5s", 1000},  // µ, micro sign
      {"\xce\xbcs", 1000},  // μ, Greek letter
      {"ms", 1000000},
      {"s", 1000000000},
      {"m", 60000000000},
      {"h", 3600000000000},
  }};
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  std::uint64_t total = 0;
  while (!text.empty()) {
    std::uint64_t whole = 0, fraction = 0;
    double scale = 1;
    std::size_t i = 0, digits = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, ++digits) {
      if (whole > kLimit / 10) return std::nullopt;
      whole = whole * 10 + static_cast<std::uint64_t>(text[i] - '0');
      if (whole > kLimit) return std::nullopt;
    }
    if (i < text.size() && text[i] == '.') {
      bool full = false;
      for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, ++digits) {
        if (full) continue;
        if (fraction > (kLimit - 1) / 10) {
          full = true;
          continue;
        }
        fraction = fraction * 10 + static_cast<std::uint64_t>(text[i] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    std::string_view rest = text.substr(i);
    std::size_t unit_size = 0;
    while (unit_size < rest.size() && rest[unit_size] != '.' &&
           !(rest[unit_size] >= '0' && rest[unit_size] <= '9')) {
      ++unit_size;
    }
    auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                             [&](const auto& u) { return u.first == rest.substr(0, unit_size); });
    if (unit == kUnits.end()) return std::nullopt;
    if (whole > kLimit / unit->second) return std::nullopt;
    std::uint64_t part = whole * unit->second;
    if (fraction > 0) {
      part += static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                         (static_cast<double>(unit->second) / scale));
    }
    if (part > kLimit || total + part > kLimit) return std::nullopt;
    total += part;
    text = rest.substr(unit_size);
  }
  if (negative) return static_cast<std::int64_t>(0 - total);
  if (total >= kLimit) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

namespace {

// ---- Equality --------------------------------------------------------------------------------

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

bool SameKey(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull: return true;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDuration: return a.AsInt() == b.AsInt();
    case Kind::kDouble: return a.AsDouble() == b.AsDouble();
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType: return a.AsString() == b.AsString();
    case Kind::kTimestamp: return a.AsTimestamp() == b.AsTimestamp();
    default: return false;
  }
}

const Value* FindExact(const Value::MapData& map, const Value& key) {
  if (map.index.empty()) {
    for (const Value::Entry& entry : map.entries) {
      if (SameKey(entry.key, key)) return &entry.value;
    }
    return nullptr;
  }
  std::size_t slot = Hash(key) & (map.index.size() - 1);
  for (; map.index[slot]; slot = (slot + 1) & (map.index.size() - 1)) {
    const Value::Entry& entry = map.entries[map.index[slot] - 1];
    if (SameKey(entry.key, key)) return &entry.value;
  }
  return nullptr;
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
    case Kind::kString: return Value::Bool(b.Is(Kind::kString) && a.AsString() == b.AsString());
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
    default: return Value::Bool(SameKey(a, b));
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
      if (schema->list_kind == ListKind::kMap && !SameEntry(context, *schema, left, right)) continue;
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

// ---- Typed JSON (spec 5.3) -------------------------------------------------------------------

// URL-safe alphabet, padding required, line ends ignored.
Value BytesFromJson(Context& context, std::string_view text) {
  auto fail = [&](std::size_t at) {
    return Fail(context, "Invalid byte formatted string {}: illegal base64 data at input byte {}",
                text, at);
  };
  auto digit = [](char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
  };
  char* out = AllocateText(context, text.size() / 4 * 3 + 3);
  std::size_t size = 0, position = 0;
  bool ended = false;
  auto skip_lines = [&] {
    while (position < text.size() && (text[position] == '\n' || text[position] == '\r')) ++position;
  };
  for (skip_lines(); position < text.size(); skip_lines()) {
    if (ended) return fail(position);
    std::array<int, 4> group = {0, 0, 0, 0};
    int count = 0;
    while (count < 4) {
      skip_lines();
      // Go reports the start of an incomplete group.
      if (position >= text.size()) return fail(position - static_cast<std::size_t>(count));
      char c = text[position];
      if (c == '=') {
        if (count < 2) return fail(position);
        std::size_t first = position++;
        skip_lines();
        if (count == 2) {
          if (position >= text.size()) return fail(text.size());
          if (text[position] != '=') return fail(first);
          ++position;
        }
        ended = true;
        break;
      }
      int value = digit(c);
      if (value < 0) return fail(position);
      group[static_cast<std::size_t>(count++)] = value;
      ++position;
    }
    std::uint32_t bits = static_cast<std::uint32_t>(group[0] << 18 | group[1] << 12 |
                                                    group[2] << 6 | group[3]);
    for (int i = 0; i < count - 1; ++i) {
      out[size++] = static_cast<char>(bits >> (16 - 8 * i) & 0xff);
    }
  }
  return Value::Bytes({out, size});
}

// Text that is no duration of the language is read as a sum of `digits [space] unit` groups found
// anywhere in it: "1 day 2h" (spec 5.3).
Value DurationFromJson(Context& context, std::string_view text) {
  if (auto nanoseconds = ParseDuration(text)) return Value::Duration(*nanoseconds);

  auto unit_of = [](std::string_view word) -> std::int64_t {
    auto any = [&](std::initializer_list<std::string_view> names) {
      return std::find(names.begin(), names.end(), word) != names.end();
    };
    constexpr std::int64_t kSecond = 1000000000;
    if (any({"ns"}) || word.starts_with("nano")) return 1;
    if (any({"us", "\xc2\xb5s"}) || word.starts_with("micro")) return 1000;
    if (any({"ms"}) || word.starts_with("milli")) return 1000000;
    if (any({"s"}) || word.starts_with("sec")) return kSecond;
    if (any({"m"}) || word.starts_with("min")) return 60 * kSecond;
    if (any({"h", "hr"}) || word.starts_with("hour")) return 3600 * kSecond;
    if (any({"d"}) || word.starts_with("day")) return 24 * 3600 * kSecond;
    if (any({"w", "wk"}) || word.starts_with("week")) return 7 * 24 * 3600 * kSecond;
    return 0;
  };
  bool found = false;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] < '0' || text[i] > '9') {
      ++i;
      continue;
    }
    std::int64_t number = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      if (__builtin_mul_overflow(number, 10, &number) ||
          __builtin_add_overflow(number, text[i] - '0', &number)) {
        return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
      }
    }
    while (i < text.size() && text[i] == ' ') ++i;
    std::string word;
    while (i < text.size() && ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z')) {
      word += static_cast<char>(text[i++] | 0x20);
    }
    if (word.empty() && text.substr(i).starts_with("\xc2\xb5s")) {
      word = "us";
      i += 3;
    }
    std::int64_t unit = unit_of(word), part = 0;
    if (unit == 0) continue;
    found = true;
    if (__builtin_mul_overflow(number, unit, &part) || __builtin_add_overflow(total, part, &total)) {
      return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
    }
  }
  if (!found) return Fail(context, "Invalid duration {}: unable to parse {} as duration", text, text);
  return Value::Duration(total);
}

// Where reading `text` by a layout of digits and marks stops, in the words of Go's time package.
// 0 in the layout is a digit; `names` says what Go calls the element at each place.
std::string TimeProblem(std::string_view text, std::string_view layout_name,
                        std::initializer_list<std::pair<std::string_view, std::string_view>> elements) {
  std::string_view rest = text;
  for (const auto& [pattern, name] : elements) {
    bool matches = rest.size() >= pattern.size();
    for (std::size_t i = 0; matches && i < pattern.size(); ++i) {
      bool digit = rest[i] >= '0' && rest[i] <= '9';
      matches = pattern[i] == '0' ? digit : rest[i] == pattern[i];
    }
    if (!matches) {
      return fmt::format("parsing time \"{}\" as \"{}\": cannot parse \"{}\" as \"{}\"", text,
                         layout_name, rest, name);
    }
    rest.remove_prefix(pattern.size());
  }
  if (!rest.empty()) return fmt::format("parsing time \"{}\": extra text: \"{}\"", text, rest);
  return fmt::format("parsing time \"{}\": day out of range", text);
}

Value DateFromJson(Context& context, std::string_view text) {
  if (text.size() == 10) {
    if (auto time = ParseTimestamp(std::string(text) + "T00:00:00Z", Rfc3339::kStrict)) {
      return Value::Time(*time);
    }
  }
  return Fail(context, "Invalid date formatted string {}: {}", text,
              TimeProblem(text, "2006-01-02",
                          {{"0000", "2006"}, {"-", "-"}, {"00", "01"}, {"-", "-"}, {"00", "02"}}));
}

Value DateTimeFromJson(Context& context, std::string_view text) {
  if (text.empty()) return Value::Time({});
  if (auto time = ParseTimestamp(text, Rfc3339::kOpenApi)) return Value::Time(*time);
  return Fail(context, "Invalid date-time formatted string {}: {}", text,
              TimeProblem(text, "2006-01-02T15:04:05",
                          {{"0000", "2006"}, {"-", "-"}, {"00", "01"}, {"-", "-"}, {"00", "02"},
                           {"T", "T"}, {"00", "15"}, {":", ":"}, {"00", "04"}, {":", ":"},
                           {"00", "05"}}));
}

std::string_view GoType(const Value& raw) {
  switch (raw.kind()) {
    case Kind::kNull: return "<nil>";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int64";
    case Kind::kUint: return "uint64";
    case Kind::kDouble: return "float64";
    case Kind::kString: return "string";
    case Kind::kBytes: return "[]uint8";
    case Kind::kTimestamp: return "time.Time";
    case Kind::kDuration: return "time.Duration";
    case Kind::kList: return "[]interface {}";
    case Kind::kMap: return "map[string]interface {}";
    default: return TypeName(raw);
  }
}

}  // namespace
}  // namespace kro::cel
