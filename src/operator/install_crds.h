// InstallCrds: the CRDs of kro itself, made or brought up to date.
#pragma once

#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "kube/client.h"

namespace kro::operator_ {

// Returns when every one of them that is new is served. Those that are right already are not written. Who may
// not write CRDs (kForbidden) runs with those that are there: that is logged, and no error. A server that cannot be
// asked, or has trouble of its own, is asked again for two minutes.
async::Task<Result<void>> InstallCrds(kube::Client& client, Logger logger,
                                      async::CancelToken cancel);

}  // namespace kro::operator_
