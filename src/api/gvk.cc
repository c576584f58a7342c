#include "api/gvk.h"

#include <utility>

#include "base/hash.h"

namespace kro::api {
namespace {

std::size_t HashOf(std::string_view a, std::string_view b, std::string_view c = {}) {
  return Hash64(a, Hash64(b, Hash64(c)));
}

}  // namespace

Result<GroupVersion> GroupVersion::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return GroupVersion{"", std::string(text)};
  if (text.find('/', slash + 1) != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "unexpected GroupVersion string: {}", text);
  }
  return GroupVersion{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

Result<Gvk> ParseGvk(std::string_view api_version, std::string_view kind) {
  auto parsed = GroupVersion::Parse(api_version);
  if (!parsed) return Annotate(parsed, "invalid apiVersion format \"{}\"", api_version);
  return Gvk{std::move(parsed->group), std::move(parsed->version), std::string(kind)};
}

}  // namespace kro::api

std::size_t std::hash<kro::api::GroupVersion>::operator()(
    const kro::api::GroupVersion& value) const noexcept {
  return kro::api::HashOf(value.group, value.version);
}
std::size_t std::hash<kro::api::Gvk>::operator()(const kro::api::Gvk& value) const noexcept {
  return kro::api::HashOf(value.group, value.version, value.kind);
}
std::size_t std::hash<kro::api::Gvr>::operator()(const kro::api::Gvr& value) const noexcept {
  return kro::api::HashOf(value.group, value.version, value.resource);
}
std::size_t std::hash<kro::api::GroupKind>::operator()(
    const kro::api::GroupKind& value) const noexcept {
  return kro::api::HashOf(value.group, value.kind);
}
