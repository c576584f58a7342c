// FieldSet: a set of places in an object, made for the arithmetic of server-side apply.
//
// A tree laid out flat in preorder, siblings sorted, so that union, intersection and difference are one
// pass over two arrays. Names are borrowed: from the objects at hand and from the FieldTexts of the
// operation, which outlive the set. kube::FieldSet is the form for reading.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/object_schema.h"
#include "base/error.h"
#include "cel/arena.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// Keeps what sets of one operation refer to.
class FieldTexts {
 public:
  std::string_view Keep(std::string_view text) { return arena_.Copy(text); }

 private:
  cel::Arena arena_{std::size_t{4} << 10};
};

// In the order of their kinds.
enum class ElementKind : std::uint8_t { kField, kKey, kValue, kIndex };

// One step of a path.
struct Element {
  ElementKind kind;
  // The name; canonical JSON of the keys, sorted; canonical JSON of the value; the number.
  std::string_view text;

  friend bool operator==(const Element&, const Element&) = default;
};

// Kinds in their order; names by bytes; keys by name, then value; numbers before strings.
std::strong_ordering Compare(const Element& a, const Element& b);

// As messages show it: `.name`, `[port=80,protocol="TCP"]`, `[="a"]`, `[0]`.
std::string ToString(const Element& element);

class FieldSet {
 public:
  // Reads fieldsV1. Elements of unknown form are skipped; kInvalid for what is no tree of objects.
  static Result<FieldSet> Parse(const json::Value& fields_v1, FieldTexts& texts);

  // Dotted names: "metadata.labels".
  static FieldSet OfFields(const std::vector<std::string>& dotted, FieldTexts& texts);

  bool empty() const { return nodes_.empty(); }

  json::Value ToJson(boost::json::storage_ptr storage = {}) const;

  // The places as messages show them; members of a level before what lies deeper.
  std::vector<std::string> Paths() const;

  FieldSet Union(const FieldSet& other) const;
  FieldSet Intersection(const FieldSet& other) const;
  // Without the members of `other`; what lies below them stays.
  FieldSet Difference(const FieldSet& other) const;
  // Without the members of `other` and all below them.
  FieldSet RecursiveDifference(const FieldSet& other) const;
  // With every declared field that has members below it.
  FieldSet WithNamedFields(const TypeNode& type) const;
  // With places below an atomic list or map put together into that. False: nothing to do.
  bool CollapseAtomic(const TypeNode& type);

  bool Contains(const FieldSet& other) const { return other.Difference(*this).empty(); }

  friend bool operator==(const FieldSet& a, const FieldSet& b);

  struct Node {
    Element element;
    bool member;
    std::uint32_t end;  // one past the last node below
  };
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  friend class FieldSetBuilder;
  friend class FieldSetAlgebra;

  std::vector<Node> nodes_;
};

// Makes a set during a walk that visits siblings in order.
//
//   builder.Insert(path);   // path: the elements from the root to the place
//
// After the walk has left a place, it tells the builder by Leave(depth).
class FieldSetBuilder {
 public:
  void Insert(const std::vector<Element>& path);
  // The walk's path is `depth` long again.
  void Leave(std::size_t depth);
  FieldSet Build();

 private:
  FieldSet set_;
  std::vector<std::uint32_t> open_;  // nodes on the current path
};

}  // namespace kro::apiserver::internal
