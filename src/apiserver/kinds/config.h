// Kinds that hold data: ConfigMap, Secret, Event, ServiceAccount, Lease.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultSecret(json::Object& object);
void ValidateConfigMap(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void ValidateSecret(const WriteContext& context, const json::Value& object, FieldErrors& errors);
// Of events in v1, and in events.k8s.io/v1.
void DefaultEvent(json::Object& object);
// Times that are not given show as null and belong to nobody.
void PrepareEvent(const WriteContext& context, json::Object& object);
void PrepareEventOfGroup(const WriteContext& context, json::Object& object);
void ValidateEvent(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultEventOfGroup(json::Object& object);
// Of what it refers to only names are kept.
void PrepareServiceAccount(const WriteContext& context, json::Object& object);
void DefaultLease(json::Object& object);
void ValidateEventOfGroup(const WriteContext& context, const json::Value& object,
                          FieldErrors& errors);

}  // namespace kro::apiserver
