// metadata.managedFields as data: who owns which fields. Spec kube-server section 5.4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/internal/field_set.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

enum class Operation : std::uint8_t { kApply, kUpdate };

struct ManagedEntry {
  std::string manager;
  Operation operation;
  std::string api_version;
  std::string subresource;
  std::string time;  // empty: none
  FieldSet fields;
  // What `fields` was read from, as long as it is unchanged; nullptr otherwise.
  const json::Value* source = nullptr;

  // Whether both are entries of one manager: appliers are told apart by subresource, updaters by
  // apiVersion too.
  bool IsSameManager(const ManagedEntry& other) const;
  void SetFields(FieldSet set);
};

using ManagedEntries = std::vector<ManagedEntry>;

// The entries of `object`; none if it has no managedFields. kInvalid for an entry that cannot be read.
// Borrows from the object.
Result<ManagedEntries> ReadManagedFields(const json::Value& object, FieldTexts& texts);

// Whether a request asks to forget all entries: `[{}]`, or `[]`.
bool IsReset(const json::Value& object);

// Sorts as the server writes them: appliers first, by time, manager, version, subresource.
void SortEntries(ManagedEntries& entries);

// Replaces the managedFields of `object`; removes them if there is no entry. The order of entries is
// SortEntries'.
void WriteManagedFields(json::Value& object, ManagedEntries entries);

void RemoveManagedFields(json::Value& object);

// A copy of the object without managedFields, in `storage`.
json::Value CopyWithoutManagedFields(const json::Value& object,
                                     const boost::json::storage_ptr& storage = {});

// Puts the oldest updaters together until ten are left: section 5.5.
void CapUpdaters(ManagedEntries& entries);

// `{"manager":"A","operation":"Apply"}`: the order of conflicts.
std::string Identifier(const ManagedEntry& entry);

}  // namespace kro::apiserver::internal
