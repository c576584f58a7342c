#include "apiserver/internal/undecodable.h"

#include <fmt/format.h>

#include "apiserver/field_error.h"
#include "apiserver/internal/status.h"
#include "apiserver/internal/typed.h"

namespace kro::apiserver {
namespace {

constexpr std::string_view kApply = "application/apply-patch+yaml";
constexpr std::string_view kStrategicMerge = "application/strategic-merge-patch+json";

}  // namespace

WrittenAs WrittenIn(const WriteRequest& request) {
  const std::string_view media_type = MediaType(request.content_type);
  if (media_type == "application/yaml") return {WrittenAs::Form::kYaml, request.body};
  const bool merges = media_type == kApply || media_type == kStrategicMerge;
  return {merges ? WrittenAs::Form::kMerged : WrittenAs::Form::kJson, request.body};
}

kube::Status UndecodableStatus(const api::Gvk& gvk, const WriteRequest& request,
                               std::string_view fault) {
  if (MediaType(request.content_type) != kApply)
    return BadRequestStatus(CannotBeHandled(gvk, fault));
  auto config = DecodeYaml(request.body);
  if (!config) return BadRequestStatus(config.error().message());
  return PlainErrorStatus(
      fmt::format("failed to convert new object ({}/{}; {}) to proper version: unable to convert "
                  "unstructured object to {}: {}",
                  json::FindString(config->value, {"metadata", "namespace"}),
                  json::FindString(config->value, {"metadata", "name"}), gvk, gvk, fault));
}

kube::Status UndecodableStatus(const Patched& patched, std::string_view fault) {
  return InvalidPatchStatus(
      patched.quoted ? internal::GoValue(*patched.quoted) : json::Serialize(patched.object), fault);
}

std::optional<std::string> ReportFields(const WriteOptions& options,
                                        const std::vector<std::string>& unknown,
                                        const RepeatedKeys& duplicates,
                                        std::vector<std::string>& warnings) {
  using Validation = WriteOptions::Validation;
  if (options.validation == Validation::kIgnore || (unknown.empty() && duplicates.empty())) {
    return std::nullopt;
  }
  if (options.validation == Validation::kStrict) {
    return StrictDecodingError(FieldComplaints(unknown, duplicates));
  }
  for (std::string& warning : FieldWarnings(unknown, duplicates)) {
    warnings.push_back(std::move(warning));
  }
  return std::nullopt;
}

std::string CannotBeHandled(const api::Gvk& gvk, std::string_view fault) {
  return fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", gvk.kind, gvk.version,
                     gvk.kind, fault);
}

kube::Status InvalidPatchStatus(std::string_view shown, std::string_view why) {
  return InvalidStatus("", "", "", {Invalid("patch", json::Value(shown), why)});
}

}  // namespace kro::apiserver
