#include "apiserver/decode.h"

#include <fmt/format.h>

#include "apiserver/internal/json_reader.h"
#include "json/yaml.h"

namespace kro::apiserver {

Result<Decoded> DecodeJson(std::string_view text, boost::json::storage_ptr storage) {
  // Strict reading is fast and fails for repeated keys; the reader that follows is for those, and for
  // telling what is wrong.
  if (auto value = json::Parse(text, std::move(storage))) return Decoded{*std::move(value), {}};
  return internal::JsonReader(text).Read();
}

Result<Decoded> DecodeYaml(std::string_view text, boost::json::storage_ptr storage) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  Decoded decoded;
  bool is_json = false;
  if (first != std::string_view::npos && text[first] == '{') {
    if (auto value = json::Parse(text, std::move(storage))) return Decoded{*std::move(value), {}};
    internal::JsonReader reader(text);
    if (auto lenient = reader.Read()) {
      decoded = {std::move(lenient->value), reader.yaml_complaints()};
      is_json = true;
    }
  }
  if (!is_json) {
    auto documents = json::ParseYaml(text);
    if (!documents) {
      const Diagnostic& fault = documents.error().front();
      return Fail(ErrorCode::kInvalid,
                  "error decoding YAML: error converting YAML to JSON: yaml: line {}: {}",
                  fault.where.position.line, fault.message);
    }
    if (!documents->empty()) decoded.value = std::move(documents->front().value);
    if (decoded.value.is_null()) decoded.value = json::Object();
  }
  if (decoded.value.is_object()) return decoded;
  return Fail(ErrorCode::kInvalid,
              "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot "
              "unmarshal {} into Go value of type map[string]interface {{}}",
              decoded.value.is_array()    ? "array"
              : decoded.value.is_string() ? "string"
              : decoded.value.is_bool()   ? "bool"
                                          : "number");
}

std::string StrictYamlError(const std::vector<std::string>& complaints) {
  return fmt::format(
      "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {}",
      fmt::join(complaints, "\n  "));
}

std::vector<std::string> FieldComplaints(const std::vector<std::string>& unknown,
                                         const std::vector<std::string>& duplicates) {
  std::vector<std::string> complaints;
  for (const std::string& field : unknown) {
    complaints.push_back("unknown field " + json::Serialize(json::Value(field)));
  }
  for (const std::string& field : duplicates) {
    complaints.push_back("duplicate field " + json::Serialize(json::Value(field)));
  }
  return complaints;
}

std::string StrictDecodingError(const std::vector<std::string>& complaints) {
  return fmt::format("strict decoding error: {}", fmt::join(complaints, ", "));
}

}  // namespace kro::apiserver
