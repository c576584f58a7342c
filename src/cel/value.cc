#include "cel/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "cel/internal/keys.h"
#include "cel/library/budget.h"
#include "cel/schema.h"

namespace kro::cel {
namespace {

// A longer walk through the hash table is paid for: somebody chose keys that share a place.
constexpr std::size_t kUsualProbes = 8;
constexpr std::size_t kIndexedFrom = 12;  // entries of a map that get a hash table

// Finds the exact key in a computed map.
const Value* FindExact(Context& context, const Value::MapData& map, const Value& key);

}  // namespace

// ---- Access ----------------------------------------------------------------------------------

std::size_t Value::ListSize() const {
  switch (form()) {
    case Form::kPlain:
      return static_cast<std::size_t>(Extra());
    case Form::kJson:
      return std::bit_cast<const json::Array*>(bits_)->size();
    case Form::kData:
      return std::bit_cast<const ListData*>(bits_)->elements.size();
  }
  return 0;
}

Value Value::ListAt(Context& context, std::size_t index) const {
  switch (form()) {
    case Form::kPlain:
      return std::bit_cast<const Value*>(bits_)[index];
    case Form::kJson: {
      const auto* schema = std::bit_cast<const Schema*>(Extra());
      return FromJson(context, (*std::bit_cast<const json::Array*>(bits_))[index],
                      schema ? schema->element : nullptr);
    }
    case Form::kData:
      return std::bit_cast<const ListData*>(bits_)->elements[index];
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
  if (!ChargeComparison(context, key)) return Error(kBudgetExceeded);
  if (const Value* found = FindExact(context, map, key)) return *found;
  switch (key.kind()) {
    case Kind::kInt:
      if (key.AsInt() >= 0) {
        if (const Value* found = FindExact(context, map, Uint(key.AsUint()))) return *found;
      }
      break;
    case Kind::kUint:
      if (key.AsInt() >= 0) {
        if (const Value* found = FindExact(context, map, Int(key.AsInt()))) return *found;
      }
      break;
    case Kind::kDouble: {
      double d = key.AsDouble();
      if (d != std::floor(d)) break;
      if (d >= -9223372036854775808.0 && d < 9223372036854775808.0) {
        if (const Value* found = FindExact(context, map, Int(static_cast<std::int64_t>(d))))
          return *found;
      }
      if (d >= 0 && d < 18446744073709551616.0) {
        if (const Value* found = FindExact(context, map, Uint(static_cast<std::uint64_t>(d))))
          return *found;
      }
      break;
    }
    default:
      break;
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

namespace {

// A format with "…" for each of its fields.
void AppendWithoutValues(fmt::memory_buffer& text, std::string_view format) {
  constexpr std::string_view kHidden = "…";
  while (!format.empty()) {
    const bool is_brace = format.starts_with("{{") || format.starts_with("}}");
    if (format.front() == '{' && !is_brace) {
      text.append(kHidden);
      format.remove_prefix(std::min(format.find('}'), format.size() - 1) + 1);
      continue;
    }
    text.push_back(format.front());
    format.remove_prefix(is_brace ? 2 : 1);
  }
}

}  // namespace

namespace internal {
Value FailWith(Context& context, fmt::string_view format, fmt::format_args args) {
  fmt::memory_buffer text;
  if (context.error_texts() == ErrorTexts::kWithoutValues) {
    AppendWithoutValues(text, {format.data(), format.size()});
  } else {
    fmt::vformat_to(std::back_inserter(text), format, args);
  }
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

Value MakeUnknown(Context& context, std::string_view name) {
  auto names = context.arena().NewArray<std::string_view>(1);
  names[0] = context.arena().Copy(name);
  return Value::Unknown(context.arena().New<Value::UnknownData>(names));
}

Value MergeUnknowns(Context& context, const Value& a, const Value& b) {
  auto names =
      context.arena().NewArray<std::string_view>(a.UnknownNames().size() + b.UnknownNames().size());
  auto end = std::ranges::set_union(a.UnknownNames(), b.UnknownNames(), names.begin()).out;
  const auto size = static_cast<std::size_t>(end - names.begin());
  return Value::Unknown(context.arena().New<Value::UnknownData>(names.first(size)));
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
  if (position >= size_ || !context_.Charge(static_cast<std::int64_t>(size_))) return;
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
  ChargeComparison(context_, key);  // whoever makes a map asks the budget for its entries
  if (index_.empty()) {
    for (std::size_t i = 0; i < size_; ++i) {
      if (SameKey(entries_[i].key, key)) return i;
    }
    return size_;
  }
  std::size_t slot = Hash(key) & (index_.size() - 1);
  for (std::size_t probes = 0; index_[slot]; slot = (slot + 1) & (index_.size() - 1)) {
    if (SameKey(entries_[index_[slot] - 1].key, key)) return index_[slot] - 1;
    if (++probes > kUsualProbes && !context_.Charge(1)) break;
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

namespace {

const Value* FindExact(Context& context, const Value::MapData& map, const Value& key) {
  if (map.index.empty()) {
    for (const Value::Entry& entry : map.entries) {
      if (SameKey(entry.key, key)) return &entry.value;
    }
    return nullptr;
  }
  std::size_t slot = Hash(key) & (map.index.size() - 1);
  for (std::size_t probes = 0; map.index[slot]; slot = (slot + 1) & (map.index.size() - 1)) {
    const Value::Entry& entry = map.entries[map.index[slot] - 1];
    if (SameKey(entry.key, key)) return &entry.value;
    if (++probes > kUsualProbes && !context.Charge(1)) break;
  }
  return nullptr;
}

}  // namespace
}  // namespace kro::cel
