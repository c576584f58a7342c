// StoredObject: what a store keeps of an object; Projection: which parts that is.
//
// Kept always: identity, labels, finalizers, owners, generation, times of creation and deletion. Kept on
// request: annotations by prefix, one manager's entry of managedFields, who owns a label, and paths. All else becomes one
// hash, so that a change of it can still be seen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/path.h"
#include "json/value.h"
#include "kube/object_key.h"

namespace kro::kube {

class StoredObject {
 public:
  const ObjectKey& key() const { return key_; }
  const std::string& uid() const { return uid_; }
  const std::string& resource_version() const { return resource_version_; }
  bool IsDeleting() const { return deleting_; }

  // What was kept, in the shape of the object.
  const json::Value& value() const { return value_; }

  // Of everything that was not kept, resourceVersion and managedFields aside. Equal hashes: nothing
  // else changed.
  std::uint64_t rest_hash() const { return rest_hash_; }

  std::string_view Label(std::string_view key) const;

 private:
  friend class Projection;
  friend class PackedObject;

  ObjectKey key_;
  std::string uid_;
  std::string resource_version_;
  bool deleting_ = false;
  std::uint64_t rest_hash_ = 0;
  json::Value value_;
};

using ObjectPtr = std::shared_ptr<const StoredObject>;

class Projection {
 public:
  // Identity and bookkeeping only.
  Projection() = default;
  // The whole object, managedFields reduced to `KeepManager`'s entry.
  static Projection Everything();

  // Keeps the value at `path`, which crosses no list: a path that reaches one keeps the list whole.
  void KeepPath(json::FieldPath path);
  void KeepAnnotations(std::string prefix) { annotation_prefixes_.push_back(std::move(prefix)); }
  // Keeps the managedFields entries of this manager.
  void KeepManager(std::string manager) { manager_ = std::move(manager); }
  // Keeps of the entries of other managers that own this label nothing but that.
  void KeepOwnersOfLabel(std::string label) { owned_label_ = "f:" + std::move(label); }

  // Whether everything that `other` keeps is kept here too; if not, what was stored must be listed again.
  bool Covers(const Projection& other) const;

  ObjectPtr Apply(const json::Value& object) const;

 private:
  bool whole_ = false;
  std::vector<json::FieldPath> paths_;  // none is a prefix of another
  std::vector<std::string> annotation_prefixes_;
  std::string manager_;
  std::string owned_label_;  // as managedFields name it
};

}  // namespace kro::kube
