// Service: its defaults, what its type has and has not, what is valid. What it is given is in
// service_allocation.h.
#pragma once

#include "apiserver/kinds/kind_rules.h"

namespace kro::apiserver {

void DefaultService(json::Object& object);
void PrepareService(const WriteContext& context, json::Object& object);
void ValidateService(const WriteContext& context, const json::Value& object, FieldErrors& errors);

// Gives back what it had, and deletes the Endpoints of its name, so that the next of this name begins anew.
void AfterDeleteService(Core& core, const json::Value& object);

// What is wrong with the cluster addresses and their families, whoever else has them.
void ValidateServiceAddresses(const json::Object& service, FieldErrors& errors);

// Whether a load balancer asks the nodes for their health.
bool NeedsHealthPort(const json::Value& service);

}  // namespace kro::apiserver
