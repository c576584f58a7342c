#include "apiserver/internal/managed_fields.h"

#include <algorithm>
#include <tuple>

#include "apiserver/internal/element_text.h"

namespace kro::apiserver::internal {
namespace {

constexpr std::size_t kMaxUpdaters = 10;
constexpr std::string_view kAncientChanges = "ancient-changes";

Result<ManagedEntry> ReadEntry(const json::Value& value, FieldTexts& texts);
json::Value WriteEntry(const ManagedEntry& entry, const boost::json::storage_ptr& storage);

}  // namespace

bool ManagedEntry::IsSameManager(const ManagedEntry& other) const {
  return manager == other.manager && operation == other.operation &&
         subresource == other.subresource &&
         (operation == Operation::kApply || api_version == other.api_version);
}

void ManagedEntry::SetFields(FieldSet set) {
  fields = std::move(set);
  source = nullptr;
}

Result<ManagedEntries> ReadManagedFields(const json::Value& object, FieldTexts& texts) {
  ManagedEntries entries;
  const json::Value* list = json::Find(object, {"metadata", "managedFields"});
  if (list == nullptr || list->is_null()) return entries;
  if (!list->is_array()) return Fail(ErrorCode::kInvalid, "managedFields is no list");
  for (const json::Value& value : list->get_array()) {
    auto entry = ReadEntry(value, texts);
    if (!entry) return std::unexpected(entry.error());
    auto same = std::ranges::find_if(
        entries, [&](const ManagedEntry& other) { return other.IsSameManager(*entry); });
    if (same != entries.end()) {
      *same = *std::move(entry);
    } else {
      entries.push_back(*std::move(entry));
    }
  }
  return entries;
}

bool IsReset(const json::Value& object) {
  const json::Value* list = json::Find(object, {"metadata", "managedFields"});
  if (list == nullptr || !list->is_array()) return false;
  const json::Array& array = list->get_array();
  if (array.empty()) return true;
  return array.size() == 1 && array[0].is_object() && array[0].get_object().empty();
}

void SortEntries(ManagedEntries& entries) {
  std::ranges::sort(entries, {}, [](const ManagedEntry& entry) {
    return std::tie(entry.operation, entry.time, entry.manager, entry.api_version,
                    entry.subresource);
  });
}

void WriteManagedFields(json::Value& object, ManagedEntries entries) {
  if (entries.empty()) return RemoveManagedFields(object);
  SortEntries(entries);
  json::Object* root = object.if_object();
  if (root == nullptr) return;
  json::Array list(object.storage());
  list.reserve(entries.size());
  for (const ManagedEntry& entry : entries) list.push_back(WriteEntry(entry, object.storage()));
  json::Value& metadata = (*root)["metadata"];
  if (!metadata.is_object()) metadata = json::Object();
  metadata.get_object()["managedFields"] = std::move(list);
}

void RemoveManagedFields(json::Value& object) {
  json::Value* metadata = json::Find(object, "metadata");
  if (metadata == nullptr || !metadata->is_object()) return;
  json::Object& members = metadata->get_object();
  if (auto found = members.find("managedFields"); found != members.end()) {
    members.stable_erase(found);
  }
}

json::Value CopyWithoutManagedFields(const json::Value& object,
                                     const boost::json::storage_ptr& storage) {
  if (!object.is_object()) return json::Value(object, storage);
  json::Object copy(storage);
  copy.reserve(object.get_object().size());
  for (const auto& member : object.get_object()) {
    if (member.key() != "metadata" || !member.value().is_object()) {
      copy.emplace(member.key(), member.value());
      continue;
    }
    json::Object metadata(storage);
    metadata.reserve(member.value().get_object().size());
    for (const auto& field : member.value().get_object()) {
      if (field.key() != "managedFields") metadata.emplace(field.key(), field.value());
    }
    copy.emplace(member.key(), std::move(metadata));
  }
  return copy;
}

void CapUpdaters(ManagedEntries& entries) {
  std::vector<std::size_t> updaters;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].operation == Operation::kUpdate) updaters.push_back(i);
  }
  if (updaters.size() <= kMaxUpdaters) return;
  std::ranges::sort(updaters, [&](std::size_t a, std::size_t b) {
    if (entries[a].time != entries[b].time) return entries[a].time < entries[b].time;
    return Identifier(entries[a]) < Identifier(entries[b]);
  });
  std::size_t left = updaters.size();
  std::vector<bool> gone(entries.size());
  // Per version the entry that further ones of that version go into.
  std::vector<std::pair<std::string, std::size_t>> buckets;
  for (std::size_t i : updaters) {
    if (left <= kMaxUpdaters) break;
    const std::string version = entries[i].api_version;
    auto bucket = std::ranges::find(buckets, version, &std::pair<std::string, std::size_t>::first);
    if (bucket == buckets.end()) {
      buckets.emplace_back(version, i);
      continue;
    }
    ManagedEntry& into = entries[bucket->second];
    into.manager = kAncientChanges;
    into.subresource.clear();
    into.SetFields(entries[i].fields.Union(into.fields));
    into.time = entries[i].time;
    gone[i] = true;
    --left;
  }
  ManagedEntries kept;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (gone[i]) continue;
    // An older bucket of the same version takes part like any other entry.
    auto same = std::ranges::find_if(
        kept, [&](const ManagedEntry& other) { return other.IsSameManager(entries[i]); });
    if (same == kept.end()) {
      kept.push_back(std::move(entries[i]));
    } else {
      same->SetFields(same->fields.Union(entries[i].fields));
      same->time = std::max(same->time, entries[i].time);
    }
  }
  entries = std::move(kept);
}

std::string Identifier(const ManagedEntry& entry) {
  std::string text = "{\"manager\":";
  AppendQuoted(text, entry.manager);
  if (entry.operation == Operation::kApply) {
    text += ",\"operation\":\"Apply\"";
  } else {
    text += ",\"operation\":\"Update\",\"apiVersion\":";
    AppendQuoted(text, entry.api_version);
  }
  if (!entry.subresource.empty()) {
    text += ",\"subresource\":";
    AppendQuoted(text, entry.subresource);
  }
  return text + "}";
}

namespace {

Result<ManagedEntry> ReadEntry(const json::Value& value, FieldTexts& texts) {
  ManagedEntry entry;
  std::string_view operation = json::FindString(value, {"operation"});
  if (operation != "Apply" && operation != "Update") {
    return Fail(ErrorCode::kInvalid, "operation must be `Apply` or `Update`");
  }
  entry.operation = operation == "Apply" ? Operation::kApply : Operation::kUpdate;
  entry.manager = json::FindString(value, {"manager"});
  entry.api_version = json::FindString(value, {"apiVersion"});
  entry.subresource = json::FindString(value, {"subresource"});
  entry.time = json::FindString(value, {"time"});
  if (entry.api_version.empty()) return Fail(ErrorCode::kInvalid, "apiVersion must not be empty");
  std::string_view type = json::FindString(value, {"fieldsType"});
  if (type.empty()) return Fail(ErrorCode::kInvalid, "missing fieldsType in managed fields entry");
  if (type != "FieldsV1") {
    return Fail(ErrorCode::kInvalid, "invalid fieldsType \"{}\" in managed fields entry", type);
  }
  const json::Value* fields = json::Find(value, "fieldsV1");
  if (fields == nullptr || fields->is_null()) return entry;
  auto set = FieldSet::Parse(*fields, texts);
  if (!set) return std::unexpected(set.error());
  entry.fields = *std::move(set);
  entry.source = fields;
  return entry;
}

json::Value WriteEntry(const ManagedEntry& entry, const boost::json::storage_ptr& storage) {
  json::Object object(storage);
  object.reserve(7);
  object.emplace("manager", entry.manager);
  object.emplace("operation", entry.operation == Operation::kApply ? "Apply" : "Update");
  object.emplace("apiVersion", entry.api_version);
  if (!entry.time.empty()) object.emplace("time", entry.time);
  object.emplace("fieldsType", "FieldsV1");
  if (entry.source != nullptr) {
    object.emplace("fieldsV1", *entry.source);
  } else {
    object.emplace("fieldsV1", entry.fields.ToJson(std::move(storage)));
  }
  if (!entry.subresource.empty()) object.emplace("subresource", entry.subresource);
  return object;
}

}  // namespace
}  // namespace kro::apiserver::internal
