#include "apiserver/internal/object_view.h"

#include "apiserver/internal/custom_version.h"

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
  if (!FitsAsStored(resource, stored)) {
    resource.custom->schema->Prune(value);
    resource.custom->schema->Default(value);
  }
  return value;
}

namespace {

bool FitsAsStored(const Resource& resource, const StoredObject& stored) {
  return resource.custom == nullptr || resource.custom->schema == nullptr ||
         resource.custom->definition == stored.definition;
}

}  // namespace
}  // namespace kro::apiserver
