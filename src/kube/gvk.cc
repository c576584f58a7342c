#include "kube/gvk.h"

#include "base/hash.h"

namespace kro::kube {

Result<GroupVersion> GroupVersion::Parse(std::string_view api_version) {
  std::size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) {
    if (api_version.empty()) return Fail(ErrorCode::kInvalid, "apiVersion is empty");
    return GroupVersion{"", std::string(api_version)};
  }
  std::string_view group = api_version.substr(0, slash);
  std::string_view version = api_version.substr(slash + 1);
  if (group.empty() || version.empty() || version.find('/') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalid, "unexpected GroupVersion string: {}", api_version);
  }
  return GroupVersion{std::string(group), std::string(version)};
}

std::string GroupVersion::ToString() const {
  return group.empty() ? version : group + "/" + version;
}

std::string Gvk::ToString() const { return group + "/" + version + ", Kind=" + kind; }

std::string Gvr::ToString() const { return group + "/" + version + ", Resource=" + resource; }

std::string Gvr::group_resource() const {
  return group.empty() ? resource : resource + "." + group;
}

std::string ObjectKey::ToString() const { return name_space + "/" + name; }

std::string ObjectKey::CacheKey() const {
  return name_space.empty() ? name : name_space + "/" + name;
}

}  // namespace kro::kube

namespace {

std::size_t HashOf(std::string_view a, std::string_view b, std::string_view c = {}) {
  return kro::Hash64(a, kro::Hash64(b, kro::Hash64(c)));
}

}  // namespace

std::size_t std::hash<kro::kube::GroupVersion>::operator()(
    const kro::kube::GroupVersion& value) const noexcept {
  return HashOf(value.group, value.version);
}
std::size_t std::hash<kro::kube::Gvk>::operator()(const kro::kube::Gvk& value) const noexcept {
  return HashOf(value.group, value.version, value.kind);
}
std::size_t std::hash<kro::kube::Gvr>::operator()(const kro::kube::Gvr& value) const noexcept {
  return HashOf(value.group, value.version, value.resource);
}
std::size_t std::hash<kro::kube::ObjectKey>::operator()(
    const kro::kube::ObjectKey& value) const noexcept {
  return HashOf(value.name_space, value.name);
}
