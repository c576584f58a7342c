// Reading request bodies as the server does: the last of several equal keys wins, and they are remembered.
// What is read lives in `storage`, where it has none of these faults.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/value.h"

namespace kro::apiserver {

// Keys that stand in one map more than once, and what else a body is complained of for.
struct RepeatedKeys {
  // Of JSON, where they are: "spec.l[0].x". Each once, in order of appearance.
  std::vector<std::string> fields;
  // Of YAML, as go-yaml complains of them: `line 1: key "a" already set in map`.
  std::vector<std::string> lines;
  // Of a patch, all that is said of it: `duplicate field "spec.a"`, `json patch unknown field "[0].zz"`.
  std::vector<std::string> patch;

  bool empty() const { return fields.empty() && lines.empty() && patch.empty(); }
};

struct Decoded {
  json::Value value;
  RepeatedKeys duplicates;
};

// JSON. kInvalid with Go's text: `unexpected end of JSON input`, `invalid character 'x' looking for
// beginning of value`.
Result<Decoded> DecodeJson(std::string_view text, boost::json::storage_ptr storage = {});

// YAML or JSON, the first document; an empty object if there is nothing. Only the lines of `duplicates` are filled.
// kInvalid with the server's text but the words of another parser, `yaml: line 2: …`.
Result<Decoded> DecodeYaml(std::string_view text, boost::json::storage_ptr storage = {});

// The body of an apply: the same, and an object. kInvalid with the server's text, `error decoding YAML: …`.
Result<Decoded> DecodeApply(std::string_view text, boost::json::storage_ptr storage = {});

// What a Strict apply answers to lines of complaints: `error strict decoding YAML: error converting YAML to JSON: …`.
std::string StrictYamlError(const std::vector<std::string>& lines);

// fieldValidation's complaints: `unknown field "spec.foo"`, `duplicate field "data.a"`, in the server's order. The
// lines of YAML are one complaint to Strict and several to Warn.
std::vector<std::string> FieldComplaints(const std::vector<std::string>& unknown,
                                         const RepeatedKeys& duplicates);
std::vector<std::string> FieldWarnings(const std::vector<std::string>& unknown,
                                       const RepeatedKeys& duplicates);

// `strict decoding error: unknown field "foo", duplicate field "data"`
std::string StrictDecodingError(const std::vector<std::string>& complaints);

}  // namespace kro::apiserver
