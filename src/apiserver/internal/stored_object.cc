#include "apiserver/internal/stored_object.h"

#include <charconv>

#include "json/serialize.h"

namespace kro::apiserver {
namespace {

constexpr std::size_t kUsualBytes = 4096;
constexpr std::string_view kMetadataBegin = "\"metadata\":{";

void AppendMember(const json::Object::value_type& member, std::string& out);
void AppendType(std::string_view api_version, std::string_view kind, std::string& out);
// `text` as StoredObject::text, with resourceVersion unless `revision` is 0.
void AppendMembers(std::string_view text, std::uint64_t revision, std::string& out);
bool Flag(const json::Value& object, std::string_view key);

}  // namespace

std::shared_ptr<StoredObject> ToStored(const json::Value& object) {
  auto stored = std::make_shared<StoredObject>();
  static const json::Object kNoMetadata;
  const json::Value* found = json::Find(object, "metadata");
  const json::Object& metadata =
      found != nullptr && found->is_object() ? found->get_object() : kNoMetadata;

  std::string text;
  text.reserve(kUsualBytes);
  text = kMetadataBegin;
  bool first = true;
  for (const auto& member : metadata) {
    if (member.key() == "resourceVersion") continue;
    if (!first) text += ',';
    first = false;
    AppendMember(member, text);
  }
  text += '}';
  stored->metadata_end = text.size();
  for (const auto& member : object.get_object()) {
    const std::string_view name = member.key();
    if (name == "metadata" || name == "apiVersion" || name == "kind") continue;
    text += ',';
    AppendMember(member, text);
  }
  // A copy takes no more than it needs.
  stored->text = std::string_view(text);

  stored->name_space = json::FindString(object, {"metadata", "namespace"});
  stored->name = json::FindString(object, {"metadata", "name"});
  stored->uid = json::FindString(object, {"metadata", "uid"});
  stored->deletion_timestamp = json::FindString(object, {"metadata", "deletionTimestamp"});
  if (const json::Value* labels = json::Find(object, {"metadata", "labels"});
      labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      if (value.is_string()) {
        stored->labels.emplace_back(std::string(key), std::string(value.get_string()));
      }
    }
    stored->labels.shrink_to_fit();
  }
  if (const json::Value* finalizers = json::Find(object, {"metadata", "finalizers"});
      finalizers != nullptr && finalizers->is_array()) {
    for (const json::Value& finalizer : finalizers->get_array()) {
      if (finalizer.is_string()) stored->finalizers.emplace_back(finalizer.get_string());
    }
  }
  stored->owners = ReadOwners(object);
  return stored;
}

json::Value ToValue(const StoredObject& stored, std::string_view api_version, std::string_view kind,
                    boost::json::storage_ptr storage) {
  std::string text;
  text.reserve(stored.text.size() + 128);
  AppendJson(stored, stored.revision, api_version, kind, text);
  auto value = json::Parse(text, storage);
  // What is stored was serialized by us.
  return value ? std::move(*value) : json::Value(json::Object(), storage);
}

void AppendJson(const StoredObject& stored, std::uint64_t revision, std::string_view api_version,
                std::string_view kind, std::string& out) {
  out += '{';
  if (!api_version.empty()) AppendType(api_version, kind, out);
  AppendMembers(stored.text, revision, out);
  out += '}';
}

void AppendPartialJson(const StoredObject& stored, std::uint64_t revision, std::string_view version,
                       std::string& out) {
  out += '{';
  AppendType(std::string("meta.k8s.io/") += version, "PartialObjectMetadata", out);
  AppendMembers(std::string_view(stored.text).substr(0, stored.metadata_end), revision, out);
  out += '}';
}

std::vector<OwnerReference> ReadOwners(const json::Value& object) {
  std::vector<OwnerReference> owners;
  const json::Value* references = json::Find(object, {"metadata", "ownerReferences"});
  if (references == nullptr || !references->is_array()) return owners;
  for (const json::Value& reference : references->get_array()) {
    owners.push_back({std::string(json::FindString(reference, {"apiVersion"})),
                      std::string(json::FindString(reference, {"kind"})),
                      std::string(json::FindString(reference, {"name"})),
                      std::string(json::FindString(reference, {"uid"})),
                      Flag(reference, "blockOwnerDeletion"), Flag(reference, "controller")});
  }
  return owners;
}

namespace {

void AppendMember(const json::Object::value_type& member, std::string& out) {
  json::SerializeTo(json::Value(member.key()), out);
  out += ':';
  json::SerializeTo(member.value(), out);
}

void AppendType(std::string_view api_version, std::string_view kind, std::string& out) {
  out += "\"apiVersion\":\"";
  out += api_version;
  out += "\",\"kind\":\"";
  out += kind;
  out += "\",";
}

void AppendMembers(std::string_view text, std::uint64_t revision, std::string& out) {
  std::string_view rest = text.substr(kMetadataBegin.size());
  out += kMetadataBegin;
  if (revision != 0) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof(digits), revision).ptr;
    out += "\"resourceVersion\":\"";
    out.append(digits, static_cast<std::size_t>(end - digits));
    out += rest.starts_with('}') ? "\"" : "\",";
  }
  out += rest;
}

bool Flag(const json::Value& object, std::string_view key) {
  const json::Value* value = json::Find(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace
}  // namespace kro::apiserver
