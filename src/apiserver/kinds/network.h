// Kinds about traffic and availability: Service, Ingress, NetworkPolicy, PodDisruptionBudget.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultService(json::Object& object);
void PrepareService(const WriteContext& context, json::Object& object);
void ValidateService(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void PrepareIngress(const WriteContext& context, json::Object& object);
void ValidateIngress(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultNetworkPolicy(json::Object& object);
void PrepareDisruptionBudget(const WriteContext& context, json::Object& object);
void ValidateDisruptionBudget(const WriteContext& context, const json::Value& object,
                              FieldErrors& errors);

}  // namespace kro::apiserver
