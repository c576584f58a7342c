#include "controller/applied_fields.h"

#include <algorithm>
#include <string_view>

#include "api/constants.h"
#include "base/hash.h"
#include "kube/field_set.h"

namespace kro::controller {
namespace {

// Exactly the fields of `desired` are owned.
bool OwnsExactly(const json::Value& object, const json::Value& desired);

// Whether each value of stringData stands in data.
bool HoldsStrings(const json::Value& live, const json::Object& strings);

std::string Base64(std::string_view bytes);

// A hash of what kro owns in an object.
std::uint64_t OwnedFields(const json::Value& object);

}  // namespace

bool AppliedFields::Stand(const json::Value& live, const json::Value& desired,
                          const std::string& hash) const {
  if (const json::Value* strings = json::Find(desired, "stringData");
      strings != nullptr && strings->is_object() &&
      json::FindString(desired, {"kind"}) == "Secret" &&
      json::FindString(desired, {"apiVersion"}) == "v1" &&
      !HoldsStrings(live, strings->get_object())) {
    return false;
  }
  const auto known = inexact_.find(std::string(json::FindString(live, {"metadata", "uid"})));
  if (known != inexact_.end() && known->second.hash == hash) {
    return known->second.fields == OwnedFields(live);
  }
  return OwnsExactly(live, desired);
}

void AppliedFields::Remember(const json::Value& answer, const json::Value& desired,
                             const std::string& hash) {
  std::string uid(json::FindString(answer, {"metadata", "uid"}));
  if (OwnsExactly(answer, desired)) {
    inexact_.erase(uid);
  } else {
    inexact_.insert_or_assign(std::move(uid), Inexact{hash, OwnedFields(answer)});
  }
}

bool IsSecret(const api::Gvk& gvk) {
  return gvk.group.empty() && gvk.version == "v1" && gvk.kind == "Secret";
}

namespace {

bool HoldsStrings(const json::Value& live, const json::Object& strings) {
  for (const auto& [key, value] : strings) {
    if (value.is_string() &&
        json::FindString(live, {"data", std::string_view(key)}) != Base64(value.get_string())) {
      return false;
    }
  }
  return true;
}

std::string Base64(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= left ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

bool OwnsExactly(const json::Value& object, const json::Value& desired) {
  const auto entry = kube::FindApplyEntry(object, api::field_manager::kApplySet);
  return entry && *entry && (*entry)->fields.IsExactly(desired);
}

std::uint64_t OwnedFields(const json::Value& object) {
  const json::Value* entries = json::Find(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return 0;
  std::uint64_t hash = 1;
  for (const json::Value& entry : entries->get_array()) {
    if (json::FindString(entry, {"manager"}) != api::field_manager::kApplySet) continue;
    if (json::FindString(entry, {"operation"}) != "Apply") continue;
    const json::Value* fields = json::Find(entry, "fieldsV1");
    if (fields != nullptr) hash = Hash64(json::Canonical(*fields), hash);
  }
  return hash;
}

}  // namespace
}  // namespace kro::controller
