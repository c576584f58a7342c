// Path elements as text: how list items are named by their keys or by themselves.
//
// Canonical: compact JSON, keys sorted, <, > and & escaped as Go does it, so that equal elements have
// equal bytes.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/internal/field_set.h"
#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver::internal {

// Appends canonical JSON of a value.
void AppendElementJson(std::string& out, const json::Value& value);

// Appends a quoted string with Go's escapes.
void AppendQuoted(std::string& out, std::string_view text);

// The element that fieldsV1 writes as `key`; nothing for one of unknown form. The name of a field is
// borrowed from `key`.
Result<std::optional<Element>> ReadElement(std::string_view key, FieldTexts& texts);

// Order of two canonical texts.
std::strong_ordering CompareKeys(std::string_view a, std::string_view b);
std::strong_ordering CompareScalars(std::string_view a, std::string_view b);

// `{"port":80,"protocol":"TCP"}` as messages show it: `port=80,protocol="TCP"`.
std::string ShowKeys(std::string_view keys);
std::string ShowScalar(std::string_view scalar);

}  // namespace kro::apiserver::internal
