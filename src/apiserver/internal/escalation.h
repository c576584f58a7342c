// Escalation: nobody gives rights that they do not have, by a role or a binding (spec kube-server
// section 10.2).
#pragma once

#include "apiserver/answer.h"
#include "apiserver/identity.h"
#include "apiserver/internal/authorizer.h"
#include "apiserver/internal/resource.h"
#include "json/value.h"

namespace kro::apiserver {

// Of kinds other than roles and bindings nothing is asked. `old` is nullptr for a create. 403 with the
// rules that are missing; 404 for a binding of a role that is not there.
Answer<void> CheckEscalation(const Authorizer& authorizer, const User& user,
                             const Resource& resource, const json::Value& object,
                             const json::Value* old);

}  // namespace kro::apiserver
