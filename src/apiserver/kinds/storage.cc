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
  static constexpr std::string_view kModes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                                "ReadWriteOncePod"};
  const json::Array& modes = ArrayAt(object, {"spec", "accessModes"});
  if (modes.empty()) {
    errors.push_back(Required("spec.accessModes", "at least 1 access mode is required"));
  }
  for (const json::Value& mode : modes) {
    if (std::ranges::find(kModes, StringAt(mode, {})) == std::end(kModes)) {
      errors.push_back(NotSupported("spec.accessModes", mode, kModes));
    }
  }
  const json::Value zero("0");
  const json::Value* size = json::Find(object, {"spec", "resources", "requests", "storage"});
  if (size == nullptr) {
    errors.push_back(Required("spec.resources[storage]"));
  } else if (!QuantityLess(&zero, size)) {
    errors.push_back(Invalid("spec.resources[storage]", *size, "must be greater than zero"));
  }
  if (context.old == nullptr || context.endpoint != Endpoint::kMain) return;
  json::Value before = *json::Find(*context.old, "spec");
  json::Value after = *json::Find(object, "spec");
  // The binder fills in the volume; a bound claim may grow.
  if (StringAt(before, {"volumeName"}).empty()) {
    before.as_object().erase("volumeName");
    after.as_object().erase("volumeName");
  }
  const json::Value* former =
      json::Find(*context.old, {"spec", "resources", "requests", "storage"});
  if (StringAt(object, {"status", "phase"}) == "Bound") {
    if (former != nullptr && size != nullptr) {
      Child(after.as_object(), {"resources", "requests"})["storage"] = *former;
    }
    before.as_object().erase("volumeAttributesClassName");
    after.as_object().erase("volumeAttributesClassName");
  }
  if (before != after) {
    errors.push_back(Forbidden("spec",
                               "spec is immutable after creation except resources.requests and "
                               "volumeAttributesClassName for bound claims"));
  }
  // A growth that does not succeed may be taken back, but not beyond what the claim has.
  const json::Value* has = json::Find(*context.old, {"status", "capacity", "storage"});
  if (has != nullptr && QuantityLess(size, former) && !QuantityLess(has, size)) {
    errors.push_back(
        Forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
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
