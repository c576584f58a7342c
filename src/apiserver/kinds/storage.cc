#include "apiserver/kinds/storage.h"

#include <algorithm>

#include "apiserver/internal/core.h"
#include "apiserver/kinds/values.h"

namespace kro::apiserver {
namespace {

// On creation; afterwards it is the users' and the controllers'.
void AddFinalizer(const WriteContext& context, json::Object& object, std::string_view finalizer);

}  // namespace

void DefaultVolumeClaim(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "volumeMode", "Filesystem");
  json::Object& resources = Child(spec, "resources");
  NormaliseQuantities(resources, "requests");
  NormaliseQuantities(resources, "limits");
}

void PrepareVolumeClaim(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  AddFinalizer(context, object, "kubernetes.io/pvc-protection");
  Child(object, "status")["phase"] = "Pending";
}

void ValidateVolumeClaim(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors) {
  if (ArrayAt(object, {"spec", "accessModes"}).empty()) {
    errors.push_back(Required("spec.accessModes", "at least 1 access mode is required"));
  }
  if (json::Find(object, {"spec", "resources", "requests", "storage"}) == nullptr) {
    errors.push_back(Required("spec.resources[storage]"));
  }
  if (context.old == nullptr || context.endpoint != Endpoint::kMain) return;
  json::Object before = ObjectAt(*context.old, {"spec"});
  json::Object after = ObjectAt(object, {"spec"});
  const bool bound = !StringAt(*context.old, {"spec", "volumeName"}).empty();
  // The binder fills in the volume; a bound claim may grow.
  if (!bound) {
    before.erase("volumeName");
    after.erase("volumeName");
  } else {
    before.erase("resources");
    after.erase("resources");
  }
  before.erase("volumeAttributesClassName");
  after.erase("volumeAttributesClassName");
  if (before != after) {
    errors.push_back(Forbidden("spec",
                               "spec is immutable after creation except resources.requests and "
                               "volumeAttributesClassName for bound claims"));
  }
}

void DefaultVolume(json::Object& object) {
  json::Object& spec = Child(object, "spec");
  SetDefault(spec, "persistentVolumeReclaimPolicy", "Retain");
  SetDefault(spec, "volumeMode", "Filesystem");
  NormaliseQuantities(spec, "capacity");
}

void PrepareVolume(const WriteContext& context, json::Object& object) {
  if (context.old != nullptr) return;
  AddFinalizer(context, object, "kubernetes.io/pv-protection");
  Child(object, "status")["phase"] = "Pending";
}

void DefaultStorageClass(json::Object& object) {
  SetDefault(object, "reclaimPolicy", "Delete");
  SetDefault(object, "volumeBindingMode", "Immediate");
}

namespace {

void AddFinalizer(const WriteContext&, json::Object& object, std::string_view finalizer) {
  json::Value& finalizers = Child(object, "metadata")["finalizers"];
  if (!finalizers.is_array()) finalizers.emplace_array();
  json::Array& list = finalizers.get_array();
  if (std::ranges::find(list, json::Value(finalizer)) == list.end()) list.emplace_back(finalizer);
}

}  // namespace
}  // namespace kro::apiserver
