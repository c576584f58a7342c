#include "dev/value_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "json/path.h"

namespace kro::dev {
namespace {

constexpr std::size_t kLongest = 60;
constexpr std::string_view kServerOwn[] = {"managedFields",
                                           "resourceVersion",
                                           "generation",
                                           "uid",
                                           "creationTimestamp",
                                           "deletionTimestamp",
                                           "deletionGracePeriodSeconds",
                                           "selfLink"};

void Diff(const json::Value* before, const json::Value* after, const json::FieldPath& path,
          int depth, std::vector<std::string>& lines);
void DiffMaps(const json::Object& before, const json::Object& after, const json::FieldPath& path,
              int depth, std::vector<std::string>& lines);
void DiffLists(const json::Array& before, const json::Array& after, const json::FieldPath& path,
               int depth, std::vector<std::string>& lines);
// The items by name; nothing unless each has one of its own.
std::map<std::string_view, const json::Value*> ByName(const json::Array& items);
std::string Shown(const json::Value& value);
json::Value WithoutServerOwn(json::Value object);

}  // namespace

std::vector<std::string> DiffObjects(const json::Value& before, const json::Value& after) {
  std::vector<std::string> lines;
  const json::Value old = WithoutServerOwn(before);
  const json::Value now = WithoutServerOwn(after);
  Diff(&old, &now, {}, 0, lines);
  return lines;
}

namespace {

void Diff(const json::Value* before, const json::Value* after, const json::FieldPath& path,
          int depth, std::vector<std::string>& lines) {
  if (before == nullptr) {
    lines.push_back(fmt::format("{}: {}", path.ToString(), Shown(*after)));
  } else if (after == nullptr) {
    lines.push_back(fmt::format("{} removed, was {}", path.ToString(), Shown(*before)));
  } else if (*before == *after) {
    return;
  } else if (before->is_object() && after->is_object() && depth < json::kMaxDepth) {
    DiffMaps(before->get_object(), after->get_object(), path, depth, lines);
  } else if (before->is_array() && after->is_array() && depth < json::kMaxDepth) {
    DiffLists(before->get_array(), after->get_array(), path, depth, lines);
  } else {
    lines.push_back(fmt::format("{} {} -> {}", path.ToString(), Shown(*before), Shown(*after)));
  }
}

void DiffMaps(const json::Object& before, const json::Object& after, const json::FieldPath& path,
              int depth, std::vector<std::string>& lines) {
  for (const auto& [key, value] : after) {
    Diff(before.if_contains(key), &value, path.Child(std::string_view(key)), depth + 1, lines);
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) {
      Diff(&value, nullptr, path.Child(std::string_view(key)), depth + 1, lines);
    }
  }
}

void DiffLists(const json::Array& before, const json::Array& after, const json::FieldPath& path,
               int depth, std::vector<std::string>& lines) {
  const auto old = ByName(before);
  const auto now = ByName(after);
  if (old.empty() || now.empty()) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      Diff(i < before.size() ? &before[i] : nullptr, i < after.size() ? &after[i] : nullptr,
           path.Child(i), depth + 1, lines);
    }
    return;
  }
  const auto place = [&](std::string_view name) {
    json::FieldPath item = path;
    item.Push(name);
    return item;
  };
  for (const json::Value& item : after) {
    const std::string_view name = json::FindString(item, {"name"});
    const auto was = old.find(name);
    Diff(was == old.end() ? nullptr : was->second, &item, place(name), depth + 1, lines);
  }
  for (const json::Value& item : before) {
    const std::string_view name = json::FindString(item, {"name"});
    if (!now.contains(name)) Diff(&item, nullptr, place(name), depth + 1, lines);
  }
}

std::map<std::string_view, const json::Value*> ByName(const json::Array& items) {
  std::map<std::string_view, const json::Value*> named;
  for (const json::Value& item : items) {
    const std::string_view name = json::FindString(item, {"name"});
    if (name.empty() || !named.emplace(name, &item).second) return {};
  }
  return named;
}

std::string Shown(const json::Value& value) {
  std::string text = value.is_string() ? std::string(value.get_string()) : json::Serialize(value);
  if (value.is_string() && (text.empty() || text.find('\n') != std::string::npos)) {
    text = json::Serialize(value);
  }
  if (text.size() <= kLongest) return text;
  std::size_t cut = kLongest;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "…";
}

json::Value WithoutServerOwn(json::Value object) {
  if (!object.is_object()) return object;
  object.get_object().erase("status");
  if (json::Value* metadata = json::Find(object, "metadata");
      metadata != nullptr && metadata->is_object()) {
    for (std::string_view key : kServerOwn) metadata->get_object().erase(key);
  }
  return object;
}

}  // namespace
}  // namespace kro::dev
