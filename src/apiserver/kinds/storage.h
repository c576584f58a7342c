// Volumes, claims, storage classes.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultVolumeClaim(json::Object& object);
void PrepareVolumeClaim(const WriteContext& context, json::Object& object);
void ValidateVolumeClaim(const WriteContext& context, const json::Value& object,
                         FieldErrors& errors);
void DefaultVolume(json::Object& object);
void PrepareVolume(const WriteContext& context, json::Object& object);
void DefaultStorageClass(json::Object& object);

}  // namespace kro::apiserver
