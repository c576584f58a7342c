// What a Service gets from the AddressPool: cluster addresses, node ports and a port for health checks.
#pragma once

#include "apiserver/answer.h"
#include "apiserver/kinds/kind_rules.h"
#include "json/value.h"

namespace kro::apiserver {

// Completes a Service that is written: what it had it keeps where the write leaves it out, what it asks for
// it gets, what it lacks it is given, what it no longer needs goes back.
Answer<void> AllocateService(const WriteContext& context, AddressTransaction& transaction,
                             json::Object& service);

// Takes what a Service of an earlier run has, so that nobody else gets it.
void ReserveService(Core& core, const json::Value& service);

// Gives back what a Service had that is gone.
void ReleaseService(Core& core, const json::Value& service);

}  // namespace kro::apiserver
