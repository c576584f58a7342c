// Kinds about traffic and availability: Ingress, NetworkPolicy, EndpointSlice, PodDisruptionBudget.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void PrepareIngress(const WriteContext& context, json::Object& object);
void ValidateIngress(const WriteContext& context, const json::Value& object, FieldErrors& errors);
void DefaultNetworkPolicy(json::Object& object);
void DefaultEndpointSlice(json::Object& object);
void PrepareEndpointSlice(const WriteContext& context, json::Object& object);
void PrepareDisruptionBudget(const WriteContext& context, json::Object& object);
void ValidateDisruptionBudget(const WriteContext& context, const json::Value& object,
                              FieldErrors& errors);

}  // namespace kro::apiserver
