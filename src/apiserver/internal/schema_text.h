// Short words for reading an OpenAPI schema as somebody wrote it: what is null or of another type is not
// there.
#pragma once

#include <string>
#include <string_view>

#include "json/value.h"

namespace kro::apiserver::internal {

// Schemas that nest deeper than Kubernetes' own decoder takes are refused.
inline constexpr int kMaxSchemaDepth = 200;

const json::Value* Find(const json::Value& value, std::string_view key);
std::string Text(const json::Value& value, std::string_view key);
bool Flag(const json::Value& value, std::string_view key);
const json::Array& List(const json::Value& value, std::string_view key);
const json::Object& Map(const json::Value& value, std::string_view key);

// Without blanks at both ends.
std::string Trimmed(std::string_view text);

}  // namespace kro::apiserver::internal
