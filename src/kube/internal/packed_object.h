// PackedObject: a StoredObject in one block of bytes, as a Store holds it.
//
// Names of members, and the texts that many objects have in common (labels, kinds, managers, what conditions
// say), are kept once in the pool of the store; what repeats the object's own identity is a reference to it.
// A child of kro takes some 400 bytes so, a seventh of its JSON text.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kube/stored_object.h"

namespace kro::kube {

// Texts, each kept once as long as somebody uses it.
class StringPool {
 public:
  using Id = std::uint32_t;

  // One more use of `text`.
  Id Use(std::string_view text);
  // One use less.
  void Release(Id id);
  std::string_view Text(Id id) const { return {entries_[id].text.get(), entries_[id].size}; }
  std::size_t size() const { return ids_.size(); }

 private:
  struct Entry {
    std::unique_ptr<char[]> text;
    std::uint32_t size = 0;
    std::uint32_t uses = 0;
  };

  std::vector<Entry> entries_;
  std::vector<Id> free_;
  std::unordered_map<std::string_view, Id> ids_;  // of texts in entries_
};

class PackedObject {
 public:
  // Takes its share of `pool`; before it ends, or is replaced, Release gives that back.
  PackedObject(const StoredObject& object, StringPool& pool);
  void Release(StringPool& pool) const;

  ObjectPtr Unpack(const StringPool& pool) const;

  // They live as long as the object. The namespace and the name, as ObjectKey has them.
  std::pair<std::string_view, std::string_view> key() const;
  std::string_view uid() const;
  std::string_view resource_version() const;

 private:
  std::unique_ptr<char[]> bytes_;
};

}  // namespace kro::kube
