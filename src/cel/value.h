// Value: what an expression evaluates to.
//
// Sixteen bytes, copied freely, owning nothing. What is larger than a number is borrowed: from the
// JSON that is read, from the program's constants, or from the Arena of the evaluation (every
// function is given its Context). An error is a value too: `error || true` is true.
//
// Lists and maps have several forms behind one interface: computed ones, and views of JSON, plain or
// typed by a schema, whose elements are converted when they are looked at.
//
//   Value Double(Context& context, std::span<const Value> args) {
//     ListBuilder result(context, args[0].ListSize());
//     for (std::size_t i = 0; i < args[0].ListSize(); ++i) {
//       Value element = args[0].ListAt(context, i);
//       if (element.IsError()) return element;
//       result.Add(Value::Int(element.AsInt() * 2));
//     }
//     return result.Build();
//   }
#pragma once

#include <atomic>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cel/arena.h"
#include "json/value.h"

namespace kro::cel {

class Context;
class Value;
struct Schema;  // schema.h: how JSON is to be read

enum class Kind : std::uint8_t {
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
  kOpaque,  // quantity, url, ip, …: see OpaqueBase
  kError,
};

// An instant, in seconds and nanoseconds since 1970, with the zone it was written in.
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;           // 0 to 999,999,999
  std::int16_t offset_minutes = 0;  // east of UTC; for string() only

  friend bool operator==(const Timestamp& a, const Timestamp& b) {
    return a.seconds == b.seconds && a.nanos == b.nanos;
  }
  friend auto operator<=>(const Timestamp& a, const Timestamp& b) {
    if (auto order = a.seconds <=> b.seconds; order != 0) return order;
    return a.nanos <=> b.nanos;
  }
};

inline constexpr std::int64_t kMinTimestampSeconds = -62135596800;  // 0001-01-01T00:00:00Z
inline constexpr std::int64_t kMaxTimestampSeconds = 253402300799;  // 9999-12-31T23:59:59Z

// What all values of an abstract type have in common. One static instance a type.
struct OpaqueType {
  std::string_view name;  // "kubernetes.Quantity"
  // `a == b`, both of this type. An error of the language is a result as any other.
  Value (*equal)(Context& context, const Value& a, const Value& b) = nullptr;
  // What `a == b` gives when b is of another type; nullptr: the error "no such overload".
  Value (*equal_other)(Context& context, const Value& a, const Value& b) = nullptr;
  // The field `name`, or nothing if there is none; nullptr: the type has no fields.
  std::optional<Value> (*field)(Context& context, const Value& self,
                                std::string_view name) = nullptr;
  // The call that makes the value, `quantity("1Gi")`; nullptr: its type's name stands for it.
  std::string (*text)(const Value& self) = nullptr;
};

// Base of the value of an abstract type; lives in the arena, so derived types are trivially
// destructible:  struct Url : OpaqueBase { std::string_view text; };
struct OpaqueBase {
  const OpaqueType* type;
};

inline constexpr std::string_view kUnknownText = "value is not known yet";

class Value {
 public:
  struct Entry;
  struct MapData;   // computed map
  struct ListData;  // list computed from a typed one, which keeps its schema
  struct UnknownData;

  constexpr Value() : head_(0), bits_(0) {}

  static constexpr Value Null() { return {}; }
  static constexpr Value Bool(bool b) { return {Kind::kBool, 0, std::uint64_t{b}}; }
  static constexpr Value Int(std::int64_t i) {
    return {Kind::kInt, 0, static_cast<std::uint64_t>(i)};
  }
  static constexpr Value Uint(std::uint64_t u) { return {Kind::kUint, 0, u}; }
  static constexpr Value Double(double d) {
    return {Kind::kDouble, 0, std::bit_cast<std::uint64_t>(d)};
  }
  // Borrowed: `text` outlives the value. See MakeString for a copy in the arena.
  static Value String(std::string_view text) {
    return {Kind::kString, text.size(), std::bit_cast<std::uint64_t>(text.data())};
  }
  static Value Bytes(std::string_view bytes) {
    return {Kind::kBytes, bytes.size(), std::bit_cast<std::uint64_t>(bytes.data())};
  }
  static Value Time(Timestamp time) {
    auto offset = static_cast<std::uint64_t>(time.offset_minutes + 2048) & 0xfff;
    return {Kind::kTimestamp, static_cast<std::uint64_t>(time.nanos) | offset << 32,
            static_cast<std::uint64_t>(time.seconds)};
  }
  static constexpr Value Duration(std::int64_t nanoseconds) {
    return {Kind::kDuration, 0, static_cast<std::uint64_t>(nanoseconds)};
  }
  // Borrowed elements: in the arena, or a program's constants.
  static Value List(std::span<const Value> elements) {
    return {Kind::kList, elements.size(), std::bit_cast<std::uint64_t>(elements.data())};
  }
  static Value List(const ListData* data) {
    return {Kind::kList, 0, std::bit_cast<std::uint64_t>(data), Form::kData};
  }
  // Views of JSON. With a schema, elements are read by it; without, as they are.
  static Value List(const json::Array* array, const Schema* schema) {
    return {Kind::kList, std::bit_cast<std::uint64_t>(schema), std::bit_cast<std::uint64_t>(array),
            Form::kJson};
  }
  static Value Map(const json::Object* object, const Schema* schema) {
    return {Kind::kMap, std::bit_cast<std::uint64_t>(schema), std::bit_cast<std::uint64_t>(object),
            Form::kJson};
  }
  static Value Map(const MapData* data) {
    return {Kind::kMap, 0, std::bit_cast<std::uint64_t>(data), Form::kData};
  }
  static Value Type(std::string_view name) {
    return {Kind::kType, name.size(), std::bit_cast<std::uint64_t>(name.data())};
  }
  static Value None() { return {Kind::kOptional, 0, 0}; }
  // `content` is in the arena; see MakeOptional.
  static Value Optional(const Value* content) {
    return {Kind::kOptional, 0, std::bit_cast<std::uint64_t>(content)};
  }
  static Value Abstract(const OpaqueBase* opaque) {
    return {Kind::kOpaque, 0, std::bit_cast<std::uint64_t>(opaque)};
  }
  // What is not known yet: the names of the inputs that it stands on, sorted. An unknown value goes through
  // an expression as an error does, and IsError() says so too; && and || look through it, as through an
  // error, and of both kinds it wins. See MakeUnknown.
  static Value Unknown(const UnknownData* data) {
    return {Kind::kError, 0, std::bit_cast<std::uint64_t>(data), Form::kData};
  }
  // Borrowed text; see Fail for one that is composed.
  static Value Error(std::string_view message) {
    return {Kind::kError, message.size(), std::bit_cast<std::uint64_t>(message.data())};
  }

  constexpr Kind kind() const { return static_cast<Kind>(head_ & 0xff); }
  constexpr bool Is(Kind k) const { return kind() == k; }
  constexpr bool IsError() const { return kind() == Kind::kError; }
  constexpr bool IsUnknown() const { return kind() == Kind::kError && form() == Form::kData; }
  constexpr bool IsNull() const { return kind() == Kind::kNull; }
  constexpr bool IsTrue() const { return kind() == Kind::kBool && bits_ != 0; }
  constexpr bool IsFalse() const { return kind() == Kind::kBool && bits_ == 0; }
  constexpr bool IsNumber() const {
    return kind() == Kind::kInt || kind() == Kind::kUint || kind() == Kind::kDouble;
  }
  bool IsOpaque(const OpaqueType& type) const {
    return kind() == Kind::kOpaque && AsOpaque()->type == &type;
  }

  // Each requires its kind.
  constexpr bool AsBool() const { return bits_ != 0; }
  constexpr std::int64_t AsInt() const { return static_cast<std::int64_t>(bits_); }
  constexpr std::uint64_t AsUint() const { return bits_; }
  constexpr double AsDouble() const { return std::bit_cast<double>(bits_); }
  std::string_view AsString() const { return Text(); }
  std::string_view AsBytes() const { return Text(); }
  Timestamp AsTimestamp() const {
    return {static_cast<std::int64_t>(bits_), static_cast<std::int32_t>(Extra() & 0xffffffff),
            static_cast<std::int16_t>(static_cast<std::int16_t>(Extra() >> 32 & 0xfff) - 2048)};
  }
  constexpr std::int64_t AsDuration() const { return static_cast<std::int64_t>(bits_); }
  std::string_view AsType() const { return Text(); }
  std::string_view AsError() const { return IsUnknown() ? std::string_view(kUnknownText) : Text(); }
  std::span<const std::string_view> UnknownNames() const;                // of an unknown value
  bool HasContent() const { return bits_ != 0; }                         // optional
  Value Content() const { return *std::bit_cast<const Value*>(bits_); }  // optional with content
  const OpaqueBase* AsOpaque() const { return std::bit_cast<const OpaqueBase*>(bits_); }
  template <typename T>
  const T& As() const {
    return *static_cast<const T*>(AsOpaque());
  }

  // Lists.
  std::size_t ListSize() const;
  // The element; an error value where typed JSON does not fit its schema. `index` is in range.
  Value ListAt(Context& context, std::size_t index) const;

  // Maps.
  std::size_t MapSize() const;
  // The value at `key` (numbers match across types as CEL has it), or nothing. A property whose JSON
  // value is null is nothing where the schema lists properties.
  std::optional<Value> MapFind(Context& context, const Value& key) const;
  std::optional<Value> MapFind(Context& context, std::string_view key) const;

  // Views of JSON, for those who can use them directly; nullptr if it is none.
  bool IsJson() const { return form() == Form::kJson; }
  const json::Array* JsonArray() const {
    return IsJson(Kind::kList) ? std::bit_cast<const json::Array*>(bits_) : nullptr;
  }
  const json::Object* JsonObject() const {
    return IsJson(Kind::kMap) ? std::bit_cast<const json::Object*>(bits_) : nullptr;
  }
  // The schema that a list or map is read by, nullptr for plain and computed ones.
  const Schema* schema() const;

 private:
  friend class MapIterator;

  enum class Form : std::uint8_t { kPlain, kJson, kData };

  // `extra` has 48 bits: a length, or a pointer, of which the platforms we know use 48.
  constexpr Value(Kind kind, std::uint64_t extra, std::uint64_t bits, Form form = Form::kPlain)
      : head_(extra << 16 | std::uint64_t(form) << 8 | std::uint64_t(kind)), bits_(bits) {}

  constexpr Form form() const { return static_cast<Form>(head_ >> 8 & 0xff); }
  constexpr bool IsJson(Kind kind) const {
    return (head_ & 0xffff) == (std::uint64_t(Form::kJson) << 8 | std::uint64_t(kind));
  }
  constexpr std::uint64_t Extra() const { return head_ >> 16; }
  std::string_view Text() const {
    return {std::bit_cast<const char*>(bits_), static_cast<std::size_t>(Extra())};
  }

  std::uint64_t head_;
  std::uint64_t bits_;
};

static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

struct Value::Entry {
  Value key;
  Value value;
};

struct Value::MapData {
  std::span<const Entry> entries;        // in the order of insertion
  std::span<const std::uint32_t> index;  // hash table of entry numbers + 1; empty for small maps
};

struct Value::UnknownData {
  std::span<const std::string_view> names;
};

inline std::span<const std::string_view> Value::UnknownNames() const {
  return std::bit_cast<const UnknownData*>(bits_)->names;
}

struct Value::ListData {
  std::span<const Value> elements;
  const Schema* schema;
};

inline const Schema* Value::schema() const {
  if (form() == Form::kJson) return std::bit_cast<const Schema*>(Extra());
  if (form() == Form::kData && Is(Kind::kList))
    return std::bit_cast<const ListData*>(bits_)->schema;
  return nullptr;
}

// More than any object of a cluster needs, little enough that one evaluation cannot fill the process.
inline constexpr std::int64_t kMemoryBudget = std::int64_t{256} << 20;

// Whether the texts of errors quote the values that they are about, or say "…" in their place.
enum class ErrorTexts : std::uint8_t { kWithValues, kWithoutValues };

// What a function may use: the arena and the budget of the evaluation.
class Context {
 public:
  // No limit on steps by default, as upstream has none; `memory_budget` limits the bytes taken from
  // the arena from now on.
  explicit Context(Arena& arena, std::int64_t budget = INT64_MAX,
                   std::int64_t memory_budget = kMemoryBudget,
                   ErrorTexts error_texts = ErrorTexts::kWithValues)
      : arena_(arena),
        budget_(budget),
        memory_limit_(static_cast<std::int64_t>(arena.used()) + memory_budget),
        error_texts_(error_texts) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Arena& arena() { return arena_; }

  // Takes `steps` from the budget; a step is about one element looked at or 16 bytes made. False
  // when it is used up: return Value::Error(kBudgetExceeded). It then stays used up. What would not
  // fit in the memory budget at 16 bytes a step is refused the same way.
  bool Charge(std::int64_t steps) {
    if (steps > budget_ || steps > MemoryLeft() >> 4 ||
        (interrupt_ && interrupt_->load(std::memory_order_relaxed))) {
      budget_ = -1;
      return false;
    }
    budget_ -= steps;
    return true;
  }
  // Steps left; negative when used up.
  std::int64_t budget() const { return budget_; }

  ErrorTexts error_texts() const { return error_texts_; }

  // Evaluation ends soon after `*interrupt` becomes true, as if the budget were used up.
  void set_interrupt(const std::atomic<bool>* interrupt) { interrupt_ = interrupt; }

 private:
  std::int64_t MemoryLeft() const {
    return memory_limit_ - static_cast<std::int64_t>(arena_.used());
  }

  Arena& arena_;
  std::int64_t budget_;
  std::int64_t memory_limit_;  // of arena_.used()
  ErrorTexts error_texts_;
  const std::atomic<bool>* interrupt_ = nullptr;
};

inline constexpr std::string_view kBudgetExceeded = "evaluation exceeded its budget";
inline constexpr std::string_view kNoSuchOverload = "no such overload";

// An error value with a composed text: `return Fail(context, "index out of range: {}", index);`. What is not written
// in the format itself is left out where the context says so.
template <typename... Args>
Value Fail(Context& context, fmt::format_string<Args...> format, Args&&... args);
Value NoSuchOverload();

// Copies into the arena.
Value MakeString(Context& context, std::string_view text);
Value MakeBytes(Context& context, std::string_view bytes);
Value MakeList(Context& context, std::span<const Value> elements);
Value MakeOptional(Context& context, const Value& content);
// An unknown value that stands on one input; and one that stands on what two unknown ones do.
Value MakeUnknown(Context& context, std::string_view name);
Value MergeUnknowns(Context& context, const Value& a, const Value& b);

// Makes a string in the arena without copying it again:
//   char* out = AllocateText(context, size); … ; return Value::String({out, size});
char* AllocateText(Context& context, std::size_t size);

// Collects the elements of a list.
class ListBuilder {
 public:
  // `expected` elements fit without moving.
  explicit ListBuilder(Context& context, std::size_t expected = 8);

  void Add(const Value& element) {
    if (size_ == elements_.size()) Grow();
    elements_[size_++] = element;
  }
  std::size_t size() const { return size_; }
  Value Build() const { return Value::List(elements_.first(size_)); }

 private:
  void Grow();

  Context& context_;
  std::span<Value> elements_;
  std::size_t size_ = 0;
};

// Collects the entries of a map. Keys that are equal exactly (1 and 1u are not) replace each other.
class MapBuilder {
 public:
  explicit MapBuilder(Context& context, std::size_t expected = 8);

  // The last one wins and keeps the place of the first. False if the key was there.
  bool Put(const Value& key, const Value& value);
  // Removes the entry at `key`, if any.
  void Remove(const Value& key);
  bool Has(const Value& key) const;
  std::size_t size() const { return size_; }
  Value Build();

 private:
  void Grow();
  std::size_t Position(const Value& key) const;
  void Rehash();

  Context& context_;
  std::span<Value::Entry> entries_;
  std::span<std::uint32_t> index_;
  std::size_t size_ = 0;
};

// Walks a map: `for (MapIterator it(context, map); it.Next();) Use(it.key(), it.value());`
// Keys of typed objects are the escaped names (spec 5.3); a value may be an error value.
class MapIterator {
 public:
  MapIterator(Context& context, const Value& map) : context_(context), map_(map) {}
  bool Next();
  Value key() const;
  Value value() const;

 private:
  Context& context_;
  Value map_;
  std::size_t position_ = 0;  // one past the current entry
};

// JSON read as CEL data, one level deep: containers become views. `schema` may be nullptr.
Value FromJson(Context& context, const json::Value& json, const Schema* schema = nullptr);
// A computed value read again by a schema, as upstream does where it joins it to typed data: a string
// becomes the timestamp that the schema says it is; a timestamp is an error (spec 5.3).
Value Reread(Context& context, const Value& raw, const Schema& schema);

// `a == b` as the language has it: bool, or an error that the left operand raises.
Value Equal(Context& context, const Value& a, const Value& b);
// The same, errors counting as unequal: for elements of lists and sets.
bool Equals(Context& context, const Value& a, const Value& b);
// Order of two values for < and sort: nothing if they have none (other types). Mixed numbers compare;
// `unordered` if one is NaN.
std::optional<std::partial_ordering> Compare(const Value& a, const Value& b);
// Equal values have equal hashes, across number types too. Containers and opaque values hash coarsely.
std::uint64_t Hash(const Value& value);

// The run-time type's name: "int", "list", "google.protobuf.Timestamp", "kubernetes.URL".
std::string_view TypeName(const Value& value);

// Number of code points of UTF-8 text.
std::size_t CodePoints(std::string_view utf8);

// As the language's string() writes them (spec 3.7, 3.9).
std::string FormatDouble(double d);                    // shortest, exponent form as Go's %g
std::string FormatTimestamp(const Timestamp& t);       // RFC 3339 in its own zone
std::string FormatDuration(std::int64_t nanoseconds);  // seconds: "5400s", "-1.5s"
// Text as Go's %v shows it inside messages: `no such key: 1`.
std::string Display(Context& context, const Value& value);

// Readers of text (spec 3.9); nothing if it is malformed or out of range.
std::optional<std::int64_t> ParseDuration(std::string_view text);

namespace internal {
Value FailWith(Context& context, fmt::string_view format, fmt::format_args args);
}  // namespace internal

template <typename... Args>
Value Fail(Context& context, fmt::format_string<Args...> format, Args&&... args) {
  return internal::FailWith(context, format, fmt::make_format_args(args...));
}

inline Value NoSuchOverload() { return Value::Error(kNoSuchOverload); }

}  // namespace kro::cel
