#include "kube/stored_object.h"

#include <algorithm>

#include "base/hash.h"

namespace kro::kube {
namespace {

constexpr std::string_view kKeptMetadata[] = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "generateName",
    "labels",
    "finalizers",
    "deletionTimestamp",
    "creationTimestamp",
    "ownerReferences",
    "deletionGracePeriodSeconds",
};

bool IsKeptMetadata(std::string_view key);
bool IsPrefix(const json::FieldPath& prefix, const json::FieldPath& path);
// The part of `path` before the first index: lists are kept whole.
json::FieldPath UpToList(const json::FieldPath& path);
// Where `path` leads nowhere in `object`: keeps the place at which it ends, an object without its
// members. So a reader misses the same member as in the whole object.
void KeepWhatLeadsTo(const json::FieldPath& path, const json::Value& object, json::Value& kept);
// An entry of managedFields cut down to one label.
json::Value OwnerOf(const json::Value& entry, std::string_view label);

}  // namespace

std::string_view StoredObject::Label(std::string_view key) const {
  return json::FindString(value_, {"metadata", "labels", key});
}

Projection Projection::Everything() {
  Projection projection;
  projection.whole_ = true;
  return projection;
}

void Projection::KeepPath(json::FieldPath path) {
  path = UpToList(path);
  if (path.empty()) {
    whole_ = true;
    return;
  }
  if (std::ranges::any_of(paths_, [&](const auto& kept) { return IsPrefix(kept, path); })) return;
  std::erase_if(paths_, [&](const auto& kept) { return IsPrefix(path, kept); });
  paths_.push_back(std::move(path));
}

bool Projection::Covers(const Projection& other) const {
  if (!other.manager_.empty() && manager_ != other.manager_) return false;
  if (!other.owned_label_.empty() && owned_label_ != other.owned_label_) return false;
  if (whole_) return true;
  if (other.whole_) return false;
  bool annotations =
      std::ranges::all_of(other.annotation_prefixes_, [&](const std::string& wanted) {
        return std::ranges::any_of(annotation_prefixes_, [&](const std::string& kept) {
          return wanted.starts_with(kept);
        });
      });
  return annotations && std::ranges::all_of(other.paths_, [&](const json::FieldPath& wanted) {
           return std::ranges::any_of(paths_,
                                      [&](const auto& kept) { return IsPrefix(kept, wanted); });
         });
}

ObjectPtr Projection::Apply(const json::Value& object) const {
  auto stored = std::make_shared<StoredObject>();
  stored->key_.name_space = json::FindString(object, {"metadata", "namespace"});
  stored->key_.name = json::FindString(object, {"metadata", "name"});
  stored->uid_ = json::FindString(object, {"metadata", "uid"});
  stored->resource_version_ = json::FindString(object, {"metadata", "resourceVersion"});
  stored->deleting_ = !json::FindString(object, {"metadata", "deletionTimestamp"}).empty();

  json::Object kept;
  json::Object rest;
  if (object.is_object()) {
    for (const auto& [key, value] : object.get_object()) {
      if (key == "metadata") continue;
      bool always = whole_ || key == "apiVersion" || key == "kind";
      (always ? kept : rest)[key] = value;
    }
  }
  json::Object metadata;
  const json::Value* original = json::Find(object, "metadata");
  if (original != nullptr && original->is_object()) {
    for (const auto& [key, value] : original->get_object()) {
      if (key == "managedFields") {
        if (manager_.empty() || !value.is_array()) continue;
        json::Array entries;
        for (const json::Value& entry : value.get_array()) {
          if (json::FindString(entry, {"manager"}) == manager_) {
            entries.push_back(entry);
          } else if (json::Find(entry, {"fieldsV1", "f:metadata", "f:labels", owned_label_})) {
            entries.push_back(OwnerOf(entry, owned_label_));
          }
        }
        if (!entries.empty()) metadata[key] = std::move(entries);
      } else if (key == "annotations" && !whole_ && value.is_object()) {
        json::Object annotations;
        json::Object others;
        for (const auto& [name, text] : value.get_object()) {
          bool wanted = std::ranges::any_of(annotation_prefixes_, [&](const std::string& prefix) {
            return std::string_view(name).starts_with(prefix);
          });
          (wanted ? annotations : others)[name] = text;
        }
        if (!annotations.empty()) metadata[key] = std::move(annotations);
        if (!others.empty()) rest["annotations"] = std::move(others);
      } else if (whole_ || IsKeptMetadata(key)) {
        metadata[key] = value;
      }
    }
  }
  kept["metadata"] = std::move(metadata);

  json::Value value(std::move(kept));
  json::Value remainder(std::move(rest));
  for (const json::FieldPath& path : paths_) {
    const json::Value* found = json::Get(object, path);
    if (found == nullptr) {
      KeepWhatLeadsTo(path, object, value);
      continue;
    }
    // A path that crosses a scalar has no value in this object, so it cannot fail here.
    if (auto set = json::Set(value, path, *found); !set) continue;
    json::Erase(remainder, path);
  }
  if (!remainder.get_object().empty()) {
    stored->rest_hash_ = Hash64(json::Canonical(remainder));
  }
  stored->value_ = std::move(value);
  return stored;
}

namespace {

bool IsKeptMetadata(std::string_view key) {
  return std::ranges::find(kKeptMetadata, key) != std::end(kKeptMetadata);
}

json::Value OwnerOf(const json::Value& entry, std::string_view label) {
  const json::Object labels{{label, json::Object()}};
  return json::Object{{"manager", json::FindString(entry, {"manager"})},
                      {"operation", json::FindString(entry, {"operation"})},
                      {"fieldsV1", {{"f:metadata", {{"f:labels", labels}}}}}};
}

bool IsPrefix(const json::FieldPath& prefix, const json::FieldPath& path) {
  const auto& a = prefix.segments();
  const auto& b = path.segments();
  return a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
}

void KeepWhatLeadsTo(const json::FieldPath& path, const json::Value& object, json::Value& kept) {
  json::FieldPath passed;
  const json::Value* last = &object;
  for (const json::PathSegment& segment : path.segments()) {
    const auto* name = std::get_if<std::string>(&segment);
    const json::Value* next = name == nullptr ? nullptr : json::Find(*last, *name);
    if (next == nullptr) break;
    passed.Push(std::string_view(*name));
    last = next;
  }
  if (passed.empty() || json::Get(kept, passed) != nullptr) return;
  // Part of another path may be kept already, as an object: it cannot fail.
  json::Value place = last->is_object() ? json::Value(json::Object()) : *last;
  if (auto set = json::Set(kept, passed, std::move(place)); !set) return;
}

json::FieldPath UpToList(const json::FieldPath& path) {
  json::FieldPath kept;
  for (const json::PathSegment& segment : path.segments()) {
    if (!std::holds_alternative<std::string>(segment)) break;
    kept.Push(std::get<std::string>(segment));
  }
  return kept;
}

}  // namespace
}  // namespace kro::kube
