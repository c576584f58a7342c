// SchemaSet: what the API server publishes about its kinds, in compact form.
//
// Only the kinds in use are kept, without descriptions, enums and bounds. What is added at once shares
// names and equal parts (most of a schema is {type: string}); what is added later shares components
// that no cycle runs through. References are replaced as upstream replaces them: one
// that is open already on the path becomes an object without properties.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/gvk.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::schema {

enum class Type : std::uint8_t {
  kNone,  // no type said: a quantity, or anything at all
  kObject,
  kArray,
  kString,
  kInteger,
  kNumber,
  kBoolean,
  kOther,   // a word that is no OpenAPI type
  kFaulty,  // kFaultyType: what the author declared is reported elsewhere
};

// The type of a field whose declaration is faulty, in schemas that never leave the process.
inline constexpr std::string_view kFaultyType = "x-kro-faulty";

// The word in OpenAPI; "" for kNone and kOther.
std::string_view ToString(Type type);

// A few types in order, each once.
class TypeList {
 public:
  using value_type = Type;
  using const_iterator = const Type*;

  // Ignored if it is in the list.
  void Add(Type type);

  const Type* begin() const { return types_.data(); }
  const Type* end() const { return types_.data() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const TypeList&, const TypeList&) = default;

 private:
  std::array<Type, 7> types_ = {};
  std::uint8_t size_ = 0;
};

enum class ListType : std::uint8_t { kAtomic, kSet, kMap };

// One node. Lives in its SchemaSet.
struct Schema {
  struct Property {
    std::string_view name;
    const Schema* schema;

    friend bool operator==(const Property&, const Property&) = default;
  };

  Type type = Type::kNone;
  ListType list_type = ListType::kAtomic;
  bool preserve_unknown = false;
  bool int_or_string = false;  // the marker or the format
  bool nullable = false;
  bool embedded_resource = false;
  bool additional_allowed = false;  // additionalProperties is true or a schema
  bool constrained = false;         // has oneOf, anyOf or additionalProperties, whatever they say
  std::string_view format;
  std::vector<Property> properties;  // by name
  std::vector<std::string_view> required;
  std::vector<std::string_view> list_keys;
  const Schema* items = nullptr;
  const Schema* additional = nullptr;  // values of a map; nullptr: any, if allowed at all
  // Types that oneOf (else anyOf) names, in order, each once; `object` first for a member that only
  // says `required` or `not`.
  TypeList one_of;
  TypeList any_of;

  // nullptr if there is none.
  const Schema* Find(std::string_view property) const;

  // Equal parts are one node, so children are compared by their address.
  friend bool operator==(const Schema&, const Schema&) = default;
};

// Owns schemas. Filled once, then shared as const; schemas stay where they are.
class SchemaSet {
 public:
  // Adds one kind of an OpenAPI v3 document. kNotFound: `cannot resolve group version kind
  // "apps/v1, Kind=Nope": schema not found`.
  Result<const Schema*> AddKind(const json::Value& document, const api::Gvk& gvk);

  // Adds every served version of a CRD, completed as the API server publishes it: apiVersion, kind
  // and the full ObjectMeta at the root and in embedded resources. kInvalid if it is no CRD.
  Result<void> AddCrd(const json::Value& crd);

  // Adds a schema that stands alone.
  const Schema* Add(const json::Value& schema);

  // nullptr if the kind was not added.
  const Schema* Find(const api::Gvk& gvk) const;

  // All kinds that were added.
  const std::map<api::Gvk, const Schema*>& kinds() const { return kinds_; }

  std::size_t size() const { return nodes_.size(); }

 private:
  friend class SchemaLoader;

  std::deque<Schema> nodes_;
  std::vector<std::unique_ptr<char[]>> texts_;  // names, one behind the other
  std::map<std::string, const Schema*, std::less<>> components_;
  std::map<api::Gvk, const Schema*> kinds_;
};

// The schema as OpenAPI again, as far as it was kept.
json::Value ToJson(const Schema& schema);

}  // namespace kro::schema
