// Whether a value fits a structural schema: spec kube-server sections 8.4 and 8.6.
#pragma once

#include <string>
#include <vector>

#include "apiserver/field_error.h"
#include "apiserver/internal/schema_node.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// What of a former value corresponds to a value, for forgiving what did not change.
struct Correlation {
  const json::Value* old = nullptr;  // nullptr: nothing corresponds

  Correlation Member(const SchemaNode* node, const json::Value& value, std::string_view name) const;
  Correlation Item(const SchemaNode* node, const json::Value& value, std::size_t index) const;
};

// Whether nothing changed. Items of map lists are compared by key.
bool IsUnchanged(const SchemaNode* node, const json::Value& value, const json::Value* old);

// The item of `list` with the keys of `item`, nullptr if there is none.
const json::Value* FindByKeys(const SchemaNode& list, const json::Array& items,
                              const json::Value& item);

// Types, bounds, formats, required fields.
FieldErrors CheckValue(const SchemaNode& schema, const json::Value& value, const json::Value* old);

// Items that are there twice in sets and map lists.
FieldErrors CheckLists(const SchemaNode& schema, const json::Value& value);

// apiVersion, kind and metadata of embedded resources.
FieldErrors CheckEmbedded(const SchemaNode& schema, const json::Value& value);

}  // namespace kro::apiserver::internal
