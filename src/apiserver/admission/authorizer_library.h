// `authorizer` in the expressions of admission policies: what the user who makes the request may do.
//
//   authorizer.group('apps').resource('deployments').namespace('a').check('create').allowed()
//   authorizer.path('/healthz').check('get').reason()
#pragma once

#include "apiserver/identity.h"
#include "apiserver/internal/authorizer.h"
#include "cel/overload.h"
#include "cel/type.h"

namespace kro::apiserver {

const cel::Library& AuthorizerLibrary();

// The types of `authorizer` and `authorizer.requestResource`.
cel::Type AuthorizerType();
cel::Type ResourceCheckType();

// Their values. `authorizer`, `user` and what `attributes` refer to outlive the evaluation.
cel::Value MakeAuthorizer(cel::Context& context, const Authorizer& authorizer, const User& user);
cel::Value MakeResourceCheck(cel::Context& context, const Authorizer& authorizer, const User& user,
                             const AccessAttributes& attributes);

}  // namespace kro::apiserver
