// The HTTP front of a Server: what kubectl and other programs talk to.
//
//   auto front = http::Server::Listen(executor, {.port = 6443}, MakeFront(server, executor));
//   scope.Spawn((*front)->Run(scope.token()));
//
// A client that shows a certificate is the user that it names: CN, and O as groups. Something else drives the server: a LocalTransport on the same executor.
#pragma once

#include "apiserver/server.h"
#include "async/executor.h"
#include "http/server.h"

namespace kro::apiserver {

// Who a client without a certificate is, unless it has a token.
enum class WithoutCertificate { kDefaultUser, kAnonymous };

// `server` and `executor` outlive the handler; it runs on the executor's loop.
http::Handler MakeFront(Server& server, async::Executor& executor,
                        WithoutCertificate without = WithoutCertificate::kDefaultUser);

}  // namespace kro::apiserver
