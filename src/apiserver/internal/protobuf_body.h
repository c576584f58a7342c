// Bodies in protobuf, which Go clients send unasked for built-in kinds (spec kube-server section 1.3).
#pragma once

#include <string_view>

#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

// Whether a body begins as such envelopes do.
bool IsProtobufBody(std::string_view body);

// Reads an object of a built-in kind, as it would be in JSON. kInvalid, with a text for people, for other
// kinds and broken bytes.
Result<json::Value> DecodeProtobufBody(std::string_view body);

// A body of either sort, where repeated fields do not matter.
Result<json::Value> DecodeJsonOrProtobuf(std::string_view body);

}  // namespace kro::apiserver
