#include "apiserver/api_approval.h"

#include <fmt/format.h>

#include <algorithm>

namespace kro::apiserver {
namespace {

constexpr std::string_view kWhere = "see https://github.com/kubernetes/enhancements/pull/1111";

bool IsWithin(std::string_view group, std::string_view domain);
// With a scheme and a host.
bool IsUrl(std::string_view text);

}  // namespace

std::optional<ApiApproval> ApprovalOf(const json::Value& definition) {
  using State = ApiApproval::State;
  std::string_view group = json::FindString(definition, {"spec", "group"});
  if (!IsWithin(group, "k8s.io") && !IsWithin(group, "kubernetes.io")) return std::nullopt;
  std::string_view value =
      json::FindString(definition, {"metadata", "annotations", kApprovalAnnotation});
  if (value.empty()) {
    return ApiApproval{State::kMissing,
                       fmt::format("protected groups must have approval annotation \"{}\", {}",
                                   kApprovalAnnotation, kWhere)};
  }
  if (value.starts_with("unapproved")) {
    return ApiApproval{State::kBypassed, fmt::format("not approved: \"{}\"", value)};
  }
  if (IsUrl(value)) return ApiApproval{State::kApproved, fmt::format("approved in {}", value)};
  return ApiApproval{
      State::kInvalid,
      fmt::format("protected groups must have approval annotation \"{}\" with either a URL or a "
                  "reason starting with \"unapproved\", {}",
                  kApprovalAnnotation, kWhere)};
}

namespace {

bool IsWithin(std::string_view group, std::string_view domain) {
  if (!group.ends_with(domain)) return false;
  group.remove_suffix(domain.size());
  return group.empty() || group.ends_with('.');
}

bool IsUrl(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
  const bool scheme = std::ranges::all_of(text.substr(0, colon), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
  const std::string_view rest = text.substr(colon + 3);
  const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
  return scheme && !host.empty() && host.find_first_of(" %|^`{}\\") == std::string_view::npos;
}

}  // namespace
}  // namespace kro::apiserver
