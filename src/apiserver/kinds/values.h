// Short words for reading and completing objects of built-in kinds.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "json/value.h"

namespace kro::apiserver {

// The object at `key`, made if there is none (or something else).
json::Object& Child(json::Object& object, std::string_view key);
// The same along a path.
json::Object& Child(json::Object& object, std::initializer_list<std::string_view> path);
// The object at `key`, or nullptr.
json::Object* FindChild(json::Object& object, std::string_view key);
json::Array* FindArray(json::Object& object, std::string_view key);

// Sets `key` unless it is there and not null.
void SetDefault(json::Object& object, std::string_view key, json::Value value);

std::string_view StringAt(const json::Value& object, std::initializer_list<std::string_view> path);
std::string_view StringAt(const json::Object& object, std::initializer_list<std::string_view> path);
std::int64_t IntAt(const json::Value& object, std::initializer_list<std::string_view> path,
                   std::int64_t otherwise = 0);
bool BoolAt(const json::Value& object, std::initializer_list<std::string_view> path);
const json::Value* FindAt(const json::Object& object, std::initializer_list<std::string_view> path);
// The array at `path`; an empty one if there is none.
const json::Array& ArrayAt(const json::Value& object, std::initializer_list<std::string_view> path);
const json::Array& ArrayAt(const json::Object& object,
                           std::initializer_list<std::string_view> path);
const json::Object& ObjectAt(const json::Value& object,
                             std::initializer_list<std::string_view> path);
const json::Object& ObjectAt(const json::Object& object,
                             std::initializer_list<std::string_view> path);

// An empty list is stored as none, which is null where it is printed all the same.
void SetNullIfEmpty(json::Object& object, std::string_view key);

// Sets or, with 0, removes a counter, as Go leaves out zeros.
void SetCount(json::Object& object, std::string_view key, std::int64_t count);

// A quantity in its normal form: "1000m" is "1", "1024Mi" is "1Gi", 2 is "2". What is no quantity stays.
void NormaliseQuantity(json::Value& quantity);
void NormaliseQuantities(json::Object& object, std::string_view key);

// Compares quantities; false where one is missing or none.
bool QuantityLess(const json::Value* a, const json::Value* b);

}  // namespace kro::apiserver
