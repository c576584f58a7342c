#include "controller/definition.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "api/constants.h"

namespace kro::controller {
namespace {

void RefuseWithoutSuccessor(const json::Value& object, Definition& definition);
// `required=<anything>` meant required in v0.1.0.
void ModernizeMarkers(json::Value& fields, int depth);
std::string ModernizeMarker(std::string_view text);

constexpr int kMaxSchemaDepth = 100;

}  // namespace

const api::Gvr kRgds{std::string(api::kGroup), std::string(api::kVersion),
                     "resourcegraphdefinitions"};
const api::Gvr kResourceGroups{std::string(api::kGroup), std::string(api::kVersion),
                               "resourcegroups"};
const api::Gvr kGraphRevisions{std::string(api::kInternalGroup), std::string(api::kVersion),
                               "graphrevisions"};
const api::Gvr kCrds{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};

json::Parsed<Definition> ReadDefinition(const kube::WorkKey& key, const json::Value& object,
                                        std::string name) {
  json::Value modern = object;
  if (key.gvr == kResourceGroups) {
    if (auto* spec = json::Find(modern, "spec")) {
      if (auto* schema = json::Find(*spec, "schema")) {
        if (auto* fields = json::Find(*schema, "spec")) ModernizeMarkers(*fields, 0);
      }
    }
  }
  auto decoded = api::DecodeRgd(modern);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  Definition definition{.key = key, .rgd = std::move(decoded->rgd), .warnings = {}, .refused = {}};
  definition.warnings = std::move(decoded->warnings);
  definition.rgd.name = std::move(name);
  if (definition.IsResourceGroup()) RefuseWithoutSuccessor(object, definition);
  return definition;
}

std::string ConditionText(const Diagnostics& diagnostics) {
  if (diagnostics.empty()) return "";
  const Diagnostic& first = diagnostics.front();
  std::string text = first.compatible;
  if (text.empty()) {
    text = first.where.path.empty() ? first.message : first.where.path + ": " + first.message;
  } else if (!first.where.path.empty()) {
    text += fmt::format(" (at {})", first.where.path);
  }
  if (!first.hint.empty() && text.find(first.hint) == std::string::npos) text += "; " + first.hint;
  const auto errors = std::ranges::count(diagnostics, Severity::kError, &Diagnostic::severity);
  if (errors > 1) {
    text += fmt::format("; and {} more error{}", errors - 1, errors == 2 ? "" : "s");
  }
  return text;
}

std::string WarningText(const Diagnostics& warnings) {
  std::string text;
  for (const Diagnostic& warning : warnings) {
    if (!text.empty()) text += "; ";
    text += warning.where.path.empty() ? warning.message
                                       : fmt::format("{}: {}", warning.where.path, warning.message);
  }
  return text;
}

std::string RenderAll(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += Render(diagnostic);
  }
  return text;
}

namespace {

void RefuseWithoutSuccessor(const json::Value& object, Definition& definition) {
  if (json::Find(object, {"spec", "defaultServiceAccounts"}) == nullptr) return;
  Diagnostic refused{.code = "KRO105"};
  refused.message =
      "impersonation has no successor: kro acts with its own service account. Remove this, and "
      "grant "
      "that account what the resources need";
  refused.where.path = "spec.defaultServiceAccounts";
  definition.refused.push_back(std::move(refused));
}

void ModernizeMarkers(json::Value& fields, int depth) {
  if (depth > kMaxSchemaDepth) return;
  if (fields.is_string()) {
    fields = ModernizeMarker(fields.get_string());
  } else if (auto* object = fields.if_object()) {
    for (auto& member : *object) ModernizeMarkers(member.value(), depth + 1);
  } else if (auto* array = fields.if_array()) {
    for (auto& item : *array) ModernizeMarkers(item, depth + 1);
  }
}

std::string ModernizeMarker(std::string_view text) {
  static constexpr std::string_view kMarker = "required=";
  std::string result(text);
  const std::size_t bar = result.find('|');
  if (bar == std::string::npos) return result;
  bool quoted = false;
  for (std::size_t i = bar; i < result.size(); ++i) {
    if (result[i] == '"' && result[i - 1] != '\\') quoted = !quoted;
    const bool begins = !quoted && (result[i - 1] == ' ' || result[i - 1] == '|') &&
                        std::string_view(result).substr(i).starts_with(kMarker);
    if (!begins) continue;
    const std::size_t value = i + kMarker.size();
    std::size_t end = value;
    while (end < result.size() && std::isspace(static_cast<unsigned char>(result[end])) == 0) ++end;
    result.replace(value, end - value, "true");
    i = value + 3;
  }
  return result;
}

}  // namespace
}  // namespace kro::controller
