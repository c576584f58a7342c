#include "kube/object_key.h"

#include "base/hash.h"

namespace kro::kube {

std::string ObjectKey::ToString() const { return name_space + "/" + name; }

std::string ObjectKey::CacheKey() const {
  return name_space.empty() ? name : name_space + "/" + name;
}

}  // namespace kro::kube

std::size_t std::hash<kro::kube::ObjectKey>::operator()(
    const kro::kube::ObjectKey& value) const noexcept {
  return kro::Hash64(value.name_space, kro::Hash64(value.name));
}
