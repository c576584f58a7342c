#include "apiserver/internal/object_view.h"

#include "apiserver/internal/custom_version.h"
#include "apiserver/internal/version_form.h"

namespace kro::apiserver {
namespace {

bool FitsAsStored(const Resource& resource, const StoredObject& stored);

}  // namespace

void AppendObject(const Resource& resource, const StoredObject& stored, std::uint64_t revision,
                  TypeMeta type_meta, std::string& out) {
  std::string api_version = type_meta == TypeMeta::kWith ? resource.ApiVersion() : std::string();
  if (FitsAsStored(resource, stored)) {
    AppendJson(stored, revision, api_version, resource.kind, out);
    return;
  }
  json::Value value = ObjectValue(resource, stored);
  auto converted = ToStored(value);
  AppendJson(*converted, revision, api_version, resource.kind, out);
}

json::Value ObjectValue(const Resource& resource, const StoredObject& stored,
                        boost::json::storage_ptr storage) {
  json::Value value = ToValue(stored, resource.ApiVersion(), resource.kind, std::move(storage));
  if (FitsAsStored(resource, stored)) return value;
  if (resource.stored_as != nullptr) {
    resource.stored_as->from_stored(value.as_object());
  } else {
    resource.custom->schema->Prune(value);
    resource.custom->schema->Default(value);
  }
  return value;
}

std::shared_ptr<StoredObject> StoredFormOf(const Resource& resource, json::Value& object) {
  if (const VersionForm* form = resource.stored_as) {
    form->to_stored(object.as_object());
    if (form->set_defaults != nullptr) form->set_defaults(object.as_object());
  }
  return ToStored(object);
}

namespace {

bool FitsAsStored(const Resource& resource, const StoredObject& stored) {
  if (resource.stored_as != nullptr) return false;
  return resource.custom == nullptr || resource.custom->schema == nullptr ||
         resource.custom->definition == stored.definition;
}

}  // namespace
}  // namespace kro::apiserver
