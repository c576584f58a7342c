// How a stored object looks in the version in which it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apiserver/internal/resource.h"
#include "apiserver/internal/stored_object.h"
#include "json/value.h"

namespace kro::apiserver {

enum class TypeMeta { kWith, kWithout };

// The object as JSON. Custom resources that were stored under another schema are pruned and completed.
void AppendObject(const Resource& resource, const StoredObject& stored, std::uint64_t revision,
                  TypeMeta type_meta, std::string& out);

// The same as a value, with apiVersion and kind.
json::Value ObjectValue(const Resource& resource, const StoredObject& stored,
                        boost::json::storage_ptr storage = {});

// The way back: puts `object`, which looks as the resource's version has it, into stored form.
std::shared_ptr<StoredObject> StoredFormOf(const Resource& resource, json::Value& object);

}  // namespace kro::apiserver
