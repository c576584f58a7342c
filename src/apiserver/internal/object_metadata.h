// metadata of objects whose schema says nothing about it: types are checked, the rest is dropped.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// What Go's decoder says of metadata that does not fit, nothing if it does.
std::optional<std::string> MetadataFault(const json::Value& metadata);

// What Go's parser says of a text that is no RFC 3339 time.
std::optional<std::string> TimeFault(std::string_view text);

// Brings metadata that has no fault into the form it is stored in: unknown fields and empty ones go.
// Returns the unknown ones, "labels.x" without what stands before.
std::vector<std::string> NormalizeMetadata(json::Value& metadata);

// Why a kind is none: the text after `Invalid value: "…": `.
std::optional<std::string> KindFault(std::string_view kind);

// What is wrong with a DNS-1035 label, in the server's words; nothing if it is one.
std::optional<std::string> Dns1035Fault(std::string_view label);

}  // namespace kro::apiserver::internal
