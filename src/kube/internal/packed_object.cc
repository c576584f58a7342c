#include "kube/internal/packed_object.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace kro::kube {
namespace {

// The block: flags, hash of the rest, the four texts of the identity, the value. A text is its length and its
// bytes, numbers are written seven bits a byte, the lowest first. A name of a member is (id << 1 | 1) of the
// pool or (length << 1) and the bytes.
enum class Tag : unsigned char {
  kNull,
  kFalse,
  kTrue,
  kInt,  // zigzag
  kUint,
  kDouble,
  kText,
  kPooled,
  kArray,
  kObject,
  kIdentity,  // and, in its order, the three behind it
  kIdentityLast = kIdentity + 3,
};

constexpr std::size_t kIdentityTexts = 4;
using Identity = std::array<std::string_view, kIdentityTexts>;  // namespace, name, UID, version

// Shorter names cost less where they are than in the pool.
constexpr std::size_t kShortestPooled = 3;

// A block starts so large: most of what is unpacked fits.
constexpr std::size_t kUnpackedBlock = 4096;

// Members whose text is one of few.
constexpr std::string_view kSharedMembers[] = {
    "apiVersion", "kind",        "manager", "operation",
    "fieldsType", "subresource", "type",    "status",
    "reason",     "message",     "state",   "controller",
    "time",       "phase",       "tooling", "lastTransitionTime",
};

bool IsSharedMember(std::string_view name) {
  return std::ranges::find(kSharedMembers, name) != std::end(kSharedMembers);
}

class Writer {
 public:
  Writer(const StoredObject& object, StringPool& pool)
      : pool_(pool),
        identity_{object.key().name_space, object.key().name, object.uid(),
                  object.resource_version()} {}

  const Identity& identity() const { return identity_; }

  void Byte(unsigned char byte) { bytes_.push_back(static_cast<char>(byte)); }
  void Number(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) Byte(static_cast<unsigned char>(number | 0x80));
    Byte(static_cast<unsigned char>(number));
  }
  void Raw(const void* from, std::size_t size) {
    bytes_.append(static_cast<const char*>(from), size);
  }
  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }
  void Value(const json::Value& value, bool shared);

  const std::string& bytes() const { return bytes_; }

 private:
  void Put(Tag tag) { Byte(static_cast<unsigned char>(tag)); }
  void Member(std::string_view name);
  void String(std::string_view text, bool shared);

  StringPool& pool_;
  const Identity identity_;
  std::string bytes_;
};

// Reads what Writer wrote, and nothing else.
class Reader {
 public:
  explicit Reader(const char* at) : at_(at) {}

  unsigned char Byte() { return static_cast<unsigned char>(*at_++); }
  std::uint64_t Number() {
    std::uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const unsigned char byte = Byte();
      number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return number;
    }
  }
  void Raw(void* to, std::size_t size) {
    std::memcpy(to, at_, size);
    at_ += size;
  }
  std::string_view Text() { return Bytes(Number()); }
  std::string_view Bytes(std::size_t size) {
    const std::string_view text(at_, size);
    at_ += size;
    return text;
  }
  json::Value Value(const StringPool& pool, const Identity& identity,
                    const boost::json::storage_ptr& storage);
  // Passes over a value and gives back its share of the pool.
  void Release(StringPool& pool);

 private:
  Tag Take() { return static_cast<Tag>(Byte()); }

  const char* at_;
};

// What stands before the value.
struct Head {
  explicit Head(Reader& reader) {
    deleting = reader.Byte() != 0;
    reader.Raw(&rest_hash, sizeof(rest_hash));
    for (std::string_view& text : identity) text = reader.Text();
  }

  bool deleting;
  std::uint64_t rest_hash;
  Identity identity;
};

}  // namespace

StringPool::Id StringPool::Use(std::string_view text) {
  if (const auto found = ids_.find(text); found != ids_.end()) {
    ++entries_[found->second].uses;
    return found->second;
  }
  Id id;
  if (free_.empty()) {
    id = static_cast<Id>(entries_.size());
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[id];
  entry.text = std::make_unique_for_overwrite<char[]>(text.size());
  std::ranges::copy(text, entry.text.get());
  entry.size = static_cast<std::uint32_t>(text.size());
  entry.uses = 1;
  ids_.emplace(Text(id), id);
  return id;
}

void StringPool::Release(Id id) {
  Entry& entry = entries_[id];
  if (--entry.uses > 0) return;
  ids_.erase(Text(id));
  entry.text.reset();
  free_.push_back(id);
}

PackedObject::PackedObject(const StoredObject& object, StringPool& pool) {
  Writer writer(object, pool);
  writer.Byte(object.deleting_ ? 1 : 0);
  writer.Raw(&object.rest_hash_, sizeof(object.rest_hash_));
  for (const std::string_view text : writer.identity()) writer.Text(text);
  writer.Value(object.value_, false);
  bytes_ = std::make_unique_for_overwrite<char[]>(writer.bytes().size());
  std::ranges::copy(writer.bytes(), bytes_.get());
}

void PackedObject::Release(StringPool& pool) const {
  Reader reader(bytes_.get());
  const Head head(reader);
  reader.Release(pool);
}

ObjectPtr PackedObject::Unpack(const StringPool& pool) const {
  Reader reader(bytes_.get());
  const Head head(reader);
  auto object = std::make_shared<StoredObject>();
  object->key_ = {std::string(head.identity[0]), std::string(head.identity[1])};
  object->uid_ = head.identity[2];
  object->resource_version_ = head.identity[3];
  object->deleting_ = head.deleting;
  object->rest_hash_ = head.rest_hash;
  const auto storage =
      boost::json::make_shared_resource<boost::json::monotonic_resource>(kUnpackedBlock);
  // An assignment would keep the storage that the value was made with.
  object->value_.~value();
  new (&object->value_) json::Value(reader.Value(pool, head.identity, storage));
  return object;
}

std::pair<std::string_view, std::string_view> PackedObject::key() const {
  Reader reader(bytes_.get());
  const Head head(reader);
  return {head.identity[0], head.identity[1]};
}

std::string_view PackedObject::uid() const {
  Reader reader(bytes_.get());
  return Head(reader).identity[2];
}

std::string_view PackedObject::resource_version() const {
  Reader reader(bytes_.get());
  return Head(reader).identity[3];
}

namespace {

// No deeper than json::kMaxDepth, which is what a parsed object can have.
void Writer::Value(const json::Value& value, bool shared) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return Put(Tag::kNull);
    case boost::json::kind::bool_:
      return Put(value.get_bool() ? Tag::kTrue : Tag::kFalse);
    case boost::json::kind::int64: {
      const std::int64_t number = value.get_int64();
      Put(Tag::kInt);
      return Number((static_cast<std::uint64_t>(number) << 1) ^
                    static_cast<std::uint64_t>(number >> 63));
    }
    case boost::json::kind::uint64: {
      Put(Tag::kUint);
      return Number(value.get_uint64());
    }
    case boost::json::kind::double_: {
      const double number = value.get_double();
      Put(Tag::kDouble);
      return Raw(&number, sizeof(number));
    }
    case boost::json::kind::string:
      return String(value.get_string(), shared);
    case boost::json::kind::array: {
      Put(Tag::kArray);
      Number(value.get_array().size());
      for (const json::Value& element : value.get_array()) Value(element, false);
      return;
    }
    case boost::json::kind::object: {
      Put(Tag::kObject);
      Number(value.get_object().size());
      for (const auto& [name, member] : value.get_object()) {
        Member(name);
        Value(member, shared || (member.is_string() ? IsSharedMember(name) : name == "labels"));
      }
      return;
    }
  }
}

void Writer::Member(std::string_view name) {
  if (name.size() >= kShortestPooled) {
    Number(std::uint64_t{pool_.Use(name)} << 1 | 1);
  } else {
    Number(name.size() << 1);
    bytes_ += name;
  }
}

void Writer::String(std::string_view text, bool shared) {
  if (text.size() >= kShortestPooled) {
    const auto same = std::ranges::find(identity_, text);
    if (same != identity_.end()) {
      return Byte(static_cast<unsigned char>(static_cast<int>(Tag::kIdentity) +
                                             (same - identity_.begin())));
    }
    if (shared) {
      Put(Tag::kPooled);
      return Number(pool_.Use(text));
    }
  }
  Put(Tag::kText);
  Text(text);
}

json::Value Reader::Value(const StringPool& pool, const Identity& identity,
                          const boost::json::storage_ptr& storage) {
  const Tag tag = Take();
  switch (tag) {
    case Tag::kNull:
      return json::Value(nullptr, storage);
    case Tag::kFalse:
      return json::Value(false, storage);
    case Tag::kTrue:
      return json::Value(true, storage);
    case Tag::kInt: {
      const std::uint64_t number = Number();
      return json::Value(
          static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1), storage);
    }
    case Tag::kUint:
      return json::Value(Number(), storage);
    case Tag::kDouble: {
      double number;
      Raw(&number, sizeof(number));
      return json::Value(number, storage);
    }
    case Tag::kText:
      return json::Value(boost::json::string_view(Text()), storage);
    case Tag::kPooled:
      return json::Value(boost::json::string_view(pool.Text(static_cast<StringPool::Id>(Number()))),
                         storage);
    case Tag::kArray: {
      json::Array array(storage);
      const std::size_t size = Number();
      array.reserve(size);
      for (std::size_t i = 0; i < size; ++i) array.push_back(Value(pool, identity, storage));
      return array;
    }
    case Tag::kObject: {
      json::Object object(storage);
      const std::size_t size = Number();
      object.reserve(size);
      for (std::size_t i = 0; i < size; ++i) {
        const std::uint64_t name = Number();
        const std::string_view text =
            (name & 1) != 0 ? pool.Text(static_cast<StringPool::Id>(name >> 1)) : Bytes(name >> 1);
        object.emplace(text, Value(pool, identity, storage));
      }
      return object;
    }
    default: {
      const auto which = static_cast<std::size_t>(tag) - static_cast<std::size_t>(Tag::kIdentity);
      return json::Value(boost::json::string_view(identity[which]), storage);
    }
  }
}

void Reader::Release(StringPool& pool) {
  switch (Take()) {
    case Tag::kInt:
    case Tag::kUint:
      Number();
      return;
    case Tag::kDouble:
      Bytes(sizeof(double));
      return;
    case Tag::kText:
      Text();
      return;
    case Tag::kPooled:
      pool.Release(static_cast<StringPool::Id>(Number()));
      return;
    case Tag::kArray:
      for (std::uint64_t size = Number(); size > 0; --size) Release(pool);
      return;
    case Tag::kObject:
      for (std::uint64_t size = Number(); size > 0; --size) {
        const std::uint64_t name = Number();
        if ((name & 1) != 0) {
          pool.Release(static_cast<StringPool::Id>(name >> 1));
        } else {
          Bytes(name >> 1);
        }
        Release(pool);
      }
      return;
    default:
      return;
  }
}

}  // namespace
}  // namespace kro::kube
