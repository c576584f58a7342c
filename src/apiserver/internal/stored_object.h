// StoredObject: one object at one revision, as the server keeps it. Immutable and shared by the store,
// its history and those who watch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/value.h"

namespace kro::apiserver {

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool block_owner_deletion = false;
  bool controller = false;

  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

// `text` holds the members of the object without apiVersion, kind and resourceVersion, metadata first:
//   "metadata":{"name":"a",…},"data":{…}
// so that the object is put together by concatenation in whatever version and list it is asked for, and
// two objects are equal when their texts are.
struct StoredObject {
  std::string text;
  std::size_t metadata_end = 0;  // the part of `text` before is the metadata member
  std::uint64_t revision = 0;
  // The state of the kind's definition that `text` fits; see CustomVersion::generation. 0: none, so that the next write
  // is a change whatever it says.
  std::uint64_t definition = 0;
  // Copied out of the text for selectors, the collector and lists.
  std::string name_space;
  std::string name;
  std::string uid;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<OwnerReference> owners;
  std::vector<std::string> finalizers;
  std::string deletion_timestamp;  // empty: live

  bool terminating() const { return !deletion_timestamp.empty(); }
};

using StoredPtr = std::shared_ptr<const StoredObject>;

// Puts `object` into stored form; its apiVersion, kind and resourceVersion are left out.
std::shared_ptr<StoredObject> ToStored(const json::Value& object);

// The whole object as a value; with an empty `api_version` without apiVersion and kind.
json::Value ToValue(const StoredObject& stored, std::string_view api_version, std::string_view kind,
                    boost::json::storage_ptr storage = {});

// The whole object as JSON, resourceVersion `revision`; with an empty `api_version` without apiVersion
// and kind, as in lists of built-in kinds.
void AppendJson(const StoredObject& stored, std::uint64_t revision, std::string_view api_version,
                std::string_view kind, std::string& out);

// The object as PartialObjectMetadata, in JSON. `version` is that of meta.k8s.io.
void AppendPartialJson(const StoredObject& stored, std::uint64_t revision, std::string_view version,
                       std::string& out);

// The entries of metadata.ownerReferences.
std::vector<OwnerReference> ReadOwners(const json::Value& object);

}  // namespace kro::apiserver
