// Reading request bodies as the server does: the last of several equal keys wins, and is remembered.
// What is read lives in `storage`, where it has none of these faults.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

struct Decoded {
  json::Value value;
  // Where keys are repeated, in order of appearance: "spec.l[0].x". Each once.
  std::vector<std::string> duplicates;
};

// JSON. kInvalid with Go's text: `unexpected end of JSON input`, `invalid character 'x' looking for
// beginning of value`.
Result<Decoded> DecodeJson(std::string_view text, boost::json::storage_ptr storage = {});

// The body of an apply: JSON or YAML, the first document. `duplicates` are complaints as go-yaml words
// them, `line 1: key "a" already set in map`; text that is no JSON may not have any. kInvalid with the
// server's text, `error decoding YAML: …`.
Result<Decoded> DecodeYaml(std::string_view text, boost::json::storage_ptr storage = {});

// What a Strict apply answers: `error strict decoding YAML: error converting YAML to JSON: …`.
std::string StrictYamlError(const std::vector<std::string>& complaints);

// fieldValidation's complaints: `unknown field "spec.foo"`, `duplicate field "data.a"`. Unknown fields
// first, as the server lists them.
std::vector<std::string> FieldComplaints(const std::vector<std::string>& unknown,
                                         const std::vector<std::string>& duplicates);

// `strict decoding error: unknown field "foo", duplicate field "data"`
std::string StrictDecodingError(const std::vector<std::string>& complaints);

}  // namespace kro::apiserver
