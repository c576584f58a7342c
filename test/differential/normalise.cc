#include "differential/normalise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

namespace kro::differential {
namespace {

bool LooksLikeTime(std::string_view text) {
  return text.size() >= 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
         text.ends_with('Z');
}

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// 8-4-4-4-12 hexadecimal digits at `at`.
bool IsUuidAt(std::string_view text, std::size_t at) {
  constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < at + kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == '-' ? text[at + i] != '-' : !IsHex(text[at + i])) return false;
  }
  return true;
}

std::string WithoutUuids(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (IsUuidAt(text, i)) {
      out += "UID";
      i += 36;
    } else {
      out += text[i++];
    }
  }
  return out;
}

// Without what stands in for a whole object and for revisions in a message.
std::string WithoutObject(std::string text) {
  constexpr std::string_view kBegin = "Invalid value: \"{";
  std::size_t begin = text.find(kBegin);
  std::size_t end = text.rfind("}\": ");
  if (begin != std::string::npos && end != std::string::npos && begin < end) {
    text.replace(begin + kBegin.size(), end - begin - kBegin.size(), "");
  }
  constexpr std::string_view kRecord = "ResourceVersion in record (";
  if (std::size_t at = text.find(kRecord); at != std::string::npos) {
    at += kRecord.size();
    text.erase(at, text.find(')', at) - at);
  }
  constexpr std::string_view kCurrent = "Too large resource version: 99999999, current: ";
  if (std::size_t at = text.find(kCurrent); at != std::string::npos) {
    text.resize(at + kCurrent.size());
  }
  return text;
}

// "… is invalid: [a, b]" with its parts in order.
std::string Sorted(std::string message) {
  std::size_t open = message.find(": [");
  if (open == std::string::npos || !message.ends_with(']')) return message;
  std::vector<std::string> parts;
  std::string_view rest = std::string_view(message).substr(open + 3);
  rest.remove_suffix(1);
  while (true) {
    std::size_t comma = rest.find(", ");
    parts.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 2);
  }
  std::ranges::sort(parts);
  return fmt::format("{}: [{}]", message.substr(0, open), fmt::join(parts, ", "));
}

void SortBy(json::Array& array, auto text_of) {
  std::vector<std::pair<std::string, json::Value>> sorted;
  for (json::Value& item : array) sorted.emplace_back(text_of(item), item);
  std::ranges::sort(sorted, {}, [](const auto& pair) { return pair.first; });
  array.clear();
  for (auto& [text, item] : sorted) array.push_back(std::move(item));
}

void Compare(const json::Value* one, const json::Value* other, const std::string& path,
             std::vector<std::string>& found, int depth) {
  if (found.size() >= 10 || depth > json::kMaxDepth) return;
  const auto show = [](const json::Value* value) {
    return value == nullptr ? std::string("(none)") : json::Serialize(*value).substr(0, 300);
  };
  if (one == nullptr || other == nullptr) {
    if (one != other) found.push_back(fmt::format("{}: {} / {}", path, show(one), show(other)));
    return;
  }
  if (*one == *other) return;
  if (one->is_object() && other->is_object()) {
    std::set<std::string> keys;
    for (const auto& member : one->get_object()) keys.emplace(member.key());
    for (const auto& member : other->get_object()) keys.emplace(member.key());
    for (const std::string& key : keys) {
      Compare(json::Find(*one, key), json::Find(*other, key), path + "." + key, found, depth + 1);
    }
    return;
  }
  if (one->is_array() && other->is_array() &&
      one->get_array().size() == other->get_array().size()) {
    for (std::size_t i = 0; i < one->get_array().size(); ++i) {
      Compare(&one->get_array()[i], &other->get_array()[i], fmt::format("{}[{}]", path, i), found,
              depth + 1);
    }
    return;
  }
  found.push_back(fmt::format("{}: {} / {}", path, show(one), show(other)));
}

// Controllers of the real server write to workloads meanwhile.
void ForgetControllers(json::Value& body, std::string_view kind) {
  constexpr std::string_view kList = "List";
  if (json::Value* items = json::Find(body, "items");
      items != nullptr && items->is_array() && kind.ends_with(kList)) {
    kind.remove_suffix(kList.size());
    for (json::Value& item : items->get_array()) ForgetControllers(item, kind);
    return;
  }
  if (kind != "Deployment" && kind != "HorizontalPodAutoscaler" && kind != "Job") return;
  json::Object& object = body.as_object();
  object.erase("status");
  json::Value* metadata = json::Find(body, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return;
  for (std::string_view key : {"resourceVersion", "generation", "annotations"}) {
    if (kind == "Job" && key == "annotations") continue;
    metadata->get_object().erase(key);
  }
  json::Value* entries = json::Find(*metadata, "managedFields");
  if (entries == nullptr || !entries->is_array()) return;
  json::Array kept;
  for (const json::Value& entry : entries->get_array()) {
    if (json::FindString(entry, {"manager"}) != "kube-controller-manager") kept.push_back(entry);
  }
  *entries = std::move(kept);
}

}  // namespace

json::Value Normaliser::Normalise(json::Value body) {
  const std::string kind(json::FindString(body, {"kind"}));
  ForgetControllers(body, kind);
  Walk(body, "", 0);
  return body;
}

void Normaliser::Walk(json::Value& value, std::string_view key, int depth) {
  if (depth > json::kMaxDepth) return;
  if (json::Object* object = value.if_object()) {
    // Revisions and counts of lists are those of the whole store.
    if (json::Value* version = object->if_contains("resourceVersion");
        version != nullptr && version->is_string() && !object->contains("uid")) {
      *version = "RV";
    }
    object->erase("clusterIPs");
    std::vector<std::string> keys;
    for (const auto& member : *object) keys.emplace_back(member.key());
    for (const std::string& name : keys) {
      const std::string plain = WithoutUuids(name);
      if (plain == name) continue;
      json::Value below = std::move((*object)[name]);
      object->erase(name);
      (*object)[plain] = std::move(below);
    }
    for (auto& member : *object) Walk(member.value(), member.key(), depth + 1);
    return;
  }
  if (json::Array* array = value.if_array()) {
    for (json::Value& item : *array) Walk(item, key, depth + 1);
    if (key == "managedFields") {
      SortBy(*array, [](const json::Value& entry) {
        return fmt::format("{}|{}|{}|{}", json::FindString(entry, {"operation"}),
                           json::FindString(entry, {"manager"}),
                           json::FindString(entry, {"apiVersion"}),
                           json::FindString(entry, {"subresource"}));
      });
    } else if (key == "causes") {
      SortBy(*array, [](const json::Value& cause) { return json::Canonical(cause); });
    }
    return;
  }
  if (!value.is_string()) return;
  std::string text(value.get_string());
  if (key == "resourceVersion" && text != "RV") {
    auto known = versions_.try_emplace(text, fmt::format("RV{}", versions_.size())).first;
    value = known->second;
  } else if (LooksLikeTime(text)) {
    value = "TIME";
  } else if (key == "clusterIP" && text != "None") {
    value = "IP";
  } else if (key == "continue" && !text.empty()) {
    value = "TOKEN";
  } else {
    value = Sorted(WithoutObject(WithoutUuids(text)));
  }
}

std::string Differences(const json::Value& one, const json::Value& other) {
  std::vector<std::string> found;
  Compare(&one, &other, "", found, 0);
  return fmt::format("{}", fmt::join(found, "\n"));
}

}  // namespace kro::differential
