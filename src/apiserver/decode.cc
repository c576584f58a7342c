#include "apiserver/decode.h"

#include <fmt/format.h>

#include <algorithm>

#include "apiserver/internal/json_reader.h"
#include "json/go_type.h"
#include "json/kubectl_yaml.h"

namespace kro::apiserver {
namespace {

// Nothing in what is JSON, unless it has escapes that YAML has not: of surrogates, and `\/`.
Result<void> CheckEscapes(std::string_view json);
// YAML that goes on behind its first document is not looked at there.
std::string_view FirstDocument(std::string_view text);
std::string YamlError(const std::vector<std::string>& lines);
// `first`, then those of fields.
std::vector<std::string> Complaints(std::vector<std::string> first,
                                    const std::vector<std::string>& unknown,
                                    const std::vector<std::string>& duplicates);

}  // namespace

Result<Decoded> DecodeJson(std::string_view text, boost::json::storage_ptr storage) {
  // Strict reading is fast and fails for repeated keys; the reader that follows is for those, and for
  // telling what is wrong.
  if (auto value = json::Parse(text, std::move(storage))) return Decoded{*std::move(value), {}};
  return internal::JsonReader(text).Read();
}

Result<Decoded> DecodeYaml(std::string_view text, boost::json::storage_ptr storage) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    if (auto value = json::Parse(text, std::move(storage))) {
      if (auto escapes = CheckEscapes(text); !escapes) return std::unexpected(escapes.error());
      return Decoded{*std::move(value), {}};
    }
    internal::JsonReader reader(text);
    if (auto lenient = reader.Read()) {
      if (auto escapes = CheckEscapes(text); !escapes) return std::unexpected(escapes.error());
      return Decoded{std::move(lenient->value),
                     {.fields = {}, .lines = reader.yaml_complaints(), .patch = {}}};
    }
  }
  auto read = json::ParseKubectlYaml(FirstDocument(text));
  if (!read) {
    const Diagnostic& fault = read.error().front();
    return Fail(ErrorCode::kInvalid, "yaml: line {}: {}", fault.where.position.line, fault.message);
  }
  if (read->documents.empty()) return Decoded{json::Object(), {}};
  return Decoded{std::move(read->documents.front().value),
                 {.fields = {}, .lines = std::move(read->strict_complaints), .patch = {}}};
}

Result<Decoded> DecodeApply(std::string_view text, boost::json::storage_ptr storage) {
  auto decoded = DecodeYaml(text, std::move(storage));
  if (!decoded) {
    return Fail(ErrorCode::kInvalid, "error decoding YAML: error converting YAML to JSON: {}",
                decoded.error().message());
  }
  if (decoded->value.is_object()) return decoded;
  return Fail(ErrorCode::kInvalid,
              "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot "
              "unmarshal {} into Go value of type map[string]interface {{}}",
              json::GoWord(decoded->value));
}

std::string StrictYamlError(const std::vector<std::string>& lines) {
  return "error strict decoding YAML: error converting YAML to JSON: " + YamlError(lines);
}

std::vector<std::string> FieldComplaints(const std::vector<std::string>& unknown,
                                         const RepeatedKeys& duplicates) {
  std::vector<std::string> first = duplicates.patch;
  if (!duplicates.lines.empty()) first.push_back(YamlError(duplicates.lines));
  return Complaints(std::move(first), unknown, duplicates.fields);
}

std::vector<std::string> FieldWarnings(const std::vector<std::string>& unknown,
                                       const RepeatedKeys& duplicates) {
  return Complaints(duplicates.lines.empty() ? duplicates.patch : duplicates.lines, unknown,
                    duplicates.fields);
}

std::string StrictDecodingError(const std::vector<std::string>& complaints) {
  return fmt::format("strict decoding error: {}", fmt::join(complaints, ", "));
}

namespace {

Result<void> CheckEscapes(std::string_view json) {
  const auto fault = [&](std::size_t at, std::string_view what) {
    const auto line = 1 + std::ranges::count(json.substr(0, at), '\n');
    return Fail(ErrorCode::kInvalid, "yaml: {}{}", line > 1 ? fmt::format("line {}: ", line) : "",
                what);
  };
  for (std::size_t at = json.find('\\'); at != std::string_view::npos;
       at = json.find('\\', at + 2)) {
    const std::string_view escape = json.substr(at + 1, 3);
    if (escape.starts_with('/')) return fault(at, "found unknown escape character");
    const bool surrogate = escape.size() == 3 && escape[0] == 'u' &&
                           (escape[1] == 'd' || escape[1] == 'D') &&
                           std::string_view("89abcdefABCDEF").contains(escape[2]);
    if (surrogate) return fault(at, "found invalid Unicode character escape code");
  }
  return {};
}

// A document ends where a line begins with "---" or "...", whatever stands around it.
std::string_view FirstDocument(std::string_view text) {
  bool begun = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::string_view behind = line.substr(std::min<std::size_t>(3, line.size()));
    const bool marker = (line.starts_with("---") || line.starts_with("...")) &&
                        (behind.empty() || std::string_view(" \t\r").contains(behind.front()));
    if (marker && begun) return text.substr(0, at);
    const bool blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    begun = begun || !(blank || line.starts_with('#') || line.starts_with('%'));
    at = end + 1;
  }
  return text;
}

std::string YamlError(const std::vector<std::string>& lines) {
  return fmt::format("yaml: unmarshal errors:\n  {}", fmt::join(lines, "\n  "));
}

std::vector<std::string> Complaints(std::vector<std::string> first,
                                    const std::vector<std::string>& unknown,
                                    const std::vector<std::string>& duplicates) {
  for (const std::string& field : unknown) {
    first.push_back("unknown field " + json::Serialize(json::Value(field)));
  }
  for (const std::string& field : duplicates) {
    first.push_back("duplicate field " + json::Serialize(json::Value(field)));
  }
  return first;
}

}  // namespace
}  // namespace kro::apiserver
