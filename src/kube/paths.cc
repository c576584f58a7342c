#include "kube/paths.h"

namespace kro::kube {
namespace {

Result<void> CheckSegment(std::string_view what, std::string_view segment);

}  // namespace

std::string GroupVersionPath(const GroupVersion& group_version) {
  if (group_version.group.empty()) return "/api/" + PercentEncode(group_version.version);
  return "/apis/" + PercentEncode(group_version.group) + "/" + PercentEncode(group_version.version);
}

Result<std::string> CollectionPath(const Gvr& gvr, std::string_view name_space) {
  std::string path = GroupVersionPath(gvr.group_version());
  if (!name_space.empty()) {
    if (auto valid = CheckSegment("namespace", name_space); !valid) {
      return std::unexpected(valid.error());
    }
    path += "/namespaces/" + PercentEncode(name_space);
  }
  return path + "/" + PercentEncode(gvr.resource);
}

Result<std::string> ObjectPath(const Gvr& gvr, const ObjectKey& key, std::string_view subresource) {
  if (key.name.empty()) return Fail(ErrorCode::kInvalid, "resource name may not be empty");
  if (auto valid = CheckSegment("resource name", key.name); !valid) {
    return std::unexpected(valid.error());
  }
  auto path = CollectionPath(gvr, key.name_space);
  if (!path) return path;
  *path += "/" + PercentEncode(key.name);
  if (!subresource.empty()) *path += "/" + PercentEncode(subresource);
  return path;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (char c : text) {
    bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[byte >> 4];
    encoded += kHex[byte & 15];
  }
  return encoded;
}

void Query::Add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? '?' : '&';
  text_ += name;
  text_ += '=';
  text_ += PercentEncode(value);
}

void Query::AddUnlessEmpty(std::string_view name, std::string_view value) {
  if (!value.empty()) Add(name, value);
}

namespace {

Result<void> CheckSegment(std::string_view what, std::string_view segment) {
  if (segment == "." || segment == "..") {
    return Fail(ErrorCode::kInvalid, "{} may not be '{}'", what, segment);
  }
  for (char c : segment) {
    if (c == '/' || c == '%') {
      return Fail(ErrorCode::kInvalid, "{} '{}' may not contain '{}'", what, segment, c);
    }
  }
  return {};
}

}  // namespace
}  // namespace kro::kube
