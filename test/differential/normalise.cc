#include "differential/normalise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
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

// Without revisions in a message.
std::string WithoutRevisions(std::string text) {
  constexpr std::string_view kRecord = "ResourceVersion in record (";
  if (std::size_t at = text.find(kRecord); at != std::string::npos) {
    at += kRecord.size();
    text.erase(at, text.find(')', at) - at);
  }
  for (std::string_view words :
       {"Too large resource version: 99999999, current: ", "too old resource version: ",
        "ResourceVersion in precondition: ", "ResourceVersion in object meta: "}) {
    std::size_t at = text.find(words);
    if (at == std::string::npos) continue;
    at += words.size();
    const std::size_t end = text.find_first_not_of("0123456789 ()", at);
    text.erase(at, std::min(end, text.size()) - at);
  }
  return text;
}

// Where a message quotes an object: its begin, and its end.
std::optional<std::pair<std::size_t, std::size_t>> QuotedObject(std::string_view text) {
  constexpr std::string_view kBegin = "Invalid value: \"{";
  std::size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  begin += kBegin.size() - 2;
  for (std::size_t end = begin + 1; end < text.size(); ++end) {
    if (text[end] == '\\') {
      ++end;
    } else if (text[end] == '"') {
      return std::pair(begin, end + 1);
    }
  }
  return std::nullopt;
}

// "… is invalid: [a, b]" with its parts in order, and likewise what an apply finds of wrong types: both are read
// out of a map.
std::string Sorted(std::string message) {
  constexpr std::string_view kErrors = ": errors:";
  if (const std::size_t at = message.find(kErrors); at != std::string::npos) {
    std::vector<std::string> lines;
    std::istringstream rest(message.substr(at + kErrors.size() + 1));
    for (std::string line; std::getline(rest, line);) lines.push_back(line);
    std::ranges::sort(lines);
    return fmt::format("{}\n{}", message.substr(0, at + kErrors.size()), fmt::join(lines, "\n"));
  }
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

void SortBy(json::Array& array, auto key_of) {
  std::vector<std::pair<decltype(key_of(array[0])), json::Value>> sorted;
  for (json::Value& item : array) sorted.emplace_back(key_of(item), item);
  std::ranges::sort(sorted, {}, [](const auto& pair) { return pair.first; });
  array.clear();
  for (auto& [key, item] : sorted) array.push_back(std::move(item));
}

// Where the entry of a manager stands among the others (spec kube-server section 5.4).
std::vector<std::string> PlaceOfEntry(const json::Value& entry) {
  std::vector<std::string> place;
  for (std::string_view key : {"operation", "time", "manager", "apiVersion", "subresource"}) {
    place.emplace_back(json::FindString(entry, {key}));
  }
  return place;
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
  constexpr std::string_view kWritten[] = {"DaemonSet",
                                           "Deployment",
                                           "HorizontalPodAutoscaler",
                                           "Job",
                                           "Namespace",
                                           "PersistentVolumeClaim",
                                           "PodDisruptionBudget",
                                           "ReplicaSet",
                                           "StatefulSet"};
  if (std::ranges::find(kWritten, kind) == std::end(kWritten)) return;
  json::Value* metadata = json::Find(body, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return;
  metadata->get_object().erase("resourceVersion");
  // A terminating namespace has come to rest when it is looked at.
  if (kind == "Namespace") return;
  body.as_object().erase("status");
  // The revision of a Deployment is an annotation, which makes a generation; a paused one gets none. The
  // conditions of an autoscaler are one in its first version.
  const json::Value* paused = json::Find(std::as_const(body), {"spec", "paused"});
  if (kind == "Deployment" && (paused == nullptr || *paused == false)) {
    metadata->get_object().erase("generation");
  }
  if (json::Value* annotations = json::Find(*metadata, "annotations");
      annotations != nullptr && annotations->is_object()) {
    for (std::string_view key :
         {"deployment.kubernetes.io/revision", "autoscaling.alpha.kubernetes.io/conditions"}) {
      annotations->get_object().erase(key);
    }
    if (annotations->get_object().empty()) metadata->get_object().erase("annotations");
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
    const bool in_order =
        key != "managedFields" || std::ranges::is_sorted(*array, {}, PlaceOfEntry);
    for (json::Value& item : *array) Walk(item, key, depth + 1);
    if (key == "managedFields") {
      // Which of them share a second is chance, and with it their order: it is that of their own times.
      SortBy(*array, PlaceOfEntry);
      if (!in_order) array->emplace_back("out of order");
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
  } else if (key == "serverAddress") {
    value = "ADDRESS";
  } else if (key == "continue" && !text.empty()) {
    value = "TOKEN";
  } else {
    value = Sorted(WithoutRevisions(WithoutUuids(WithObject(std::move(text)))));
  }
}

// An object that a message quotes is compared like any other. The order of its keys is that of a Go struct or
// of a map, as it happens to be read.
std::string Normaliser::WithObject(std::string text) {
  const auto place = QuotedObject(text);
  if (!place) return text;
  const auto [begin, end] = *place;
  auto quoted = json::Parse(std::string_view(text).substr(begin, end - begin));
  if (!quoted || !quoted->is_string()) return text;
  auto object = json::Parse(std::string_view(quoted->get_string()));
  if (!object) return text;
  const std::string_view kind = json::FindString(*object, {"kind"});
  ForgetControllers(*object, std::string(kind));
  // The version of a Scale is that of its workload, to which controllers write meanwhile.
  if (json::Value* metadata = json::Find(*object, "metadata"); kind == "Scale" && metadata) {
    metadata->as_object().erase("resourceVersion");
  }
  Walk(*object, "", 0);
  return text.replace(begin, end - begin, json::Canonical(*object));
}

std::string Differences(const json::Value& one, const json::Value& other) {
  std::vector<std::string> found;
  Compare(&one, &other, "", found, 0);
  return fmt::format("{}", fmt::join(found, "\n"));
}

}  // namespace kro::differential
