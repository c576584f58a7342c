// The rules for metadata that hold for all kinds (spec kube-server section 3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/answer.h"
#include "apiserver/field_error.h"
#include "apiserver/kinds/kind_rules.h"
#include "json/value.h"

namespace kro::apiserver {

// metadata of `object`, made if there is none.
json::Object& MetadataOf(json::Value& object);

// The namespace in `object` must be that of the path; fills it in, or drops it for cluster kinds.
Answer<void> SettleNamespace(const Resource& resource, std::string_view name_space,
                             json::Value& object);

// What the server sets itself on a new object: uid, time, name from generateName.
void FillForCreate(Core& core, const Resource& resource, json::Value& object);

// What a client cannot change: puts back uid, times, generation as they are in `live`.
void RestoreForUpdate(const json::Value& live, json::Value& object);

// Removes equal owner references; the warning that says so, or "".
std::string DropDuplicateOwners(json::Value& object);

// `old` is nullptr for a create.
void ValidateMetadata(const Resource& resource, const KindRules& rules, const json::Value* old,
                      const json::Value& object, FieldErrors& errors);

}  // namespace kro::apiserver
