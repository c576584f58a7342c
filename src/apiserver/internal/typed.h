// Objects seen through a TypeNode: the steps that server-side apply is made of. Each follows
// structured-merge-diff; spec kube-server sections 5.2, 5.3, 5.6 and 5.7.
//
// All recurse as deep as the values nest, which decoding limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/field_set.h"
#include "apiserver/object_schema.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// Live lists may hold an item twice, applied ones may not.
enum class Duplicates { kRefused, kAllowed };

// What does not fit, in the server's words; empty if all does.
//   .spec.a: expected string, got &value.valueUnstructured{Value:1}
std::string FindTypeError(const TypeNode& type, const json::Value& value, Duplicates duplicates);

// The places that an apply of `value` owns.
FieldSet FieldsOf(const TypeNode& type, const json::Value& value, FieldTexts& texts);

struct Comparison {
  FieldSet added;
  FieldSet modified;
  FieldSet removed;

  bool empty() const { return added.empty() && modified.empty() && removed.empty(); }
};

// What changes between two objects. nullptr: there is no object.
Comparison CompareObjects(const TypeNode& type, const json::Value* before, const json::Value* after,
                          FieldTexts& texts);

// Puts `config` over `target`. True if that changed anything.
bool MergeInto(const TypeNode& type, json::Value& target, const json::Value& config,
               FieldTexts& texts);

// Removes the members of `set` and all below them. A map or list that loses its last element becomes
// null.
void RemoveFields(const TypeNode& type, json::Value& target, const FieldSet& set,
                  FieldTexts& texts);

// Equal as data: the order of keys does not count, 1 and 1.0 are equal.
bool DeepEqual(const json::Value& a, const json::Value& b);

// Values as Go's %v and %#v print them in messages.
std::string GoValue(const json::Value& value);
std::string GoSyntax(const json::Value& value);

}  // namespace kro::apiserver::internal
