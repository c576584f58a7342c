// Connection: the way to one server as one user, made from a configuration.
#pragma once

#include <memory>

#include "async/executor.h"
#include "http/transport.h"
#include "kube/kubeconfig.h"

namespace kro::kube {

// An HTTPS client with credentials. Certificates, keys and roots in files may be replaced at any time:
// connections are then made with the new ones (kube/tls_files.h). A leader's lease takes a connection of its own, so that nothing
// else can delay it.
class Connection {
 public:
  // `executor` outlives the connection. Connects to nothing yet; kInvalid names what makes no sense.
  static Result<std::unique_ptr<Connection>> Create(async::Executor& executor, ClientConfig config,
                                                    const Environment& environment);
  ~Connection();

  http::Transport& transport();

 private:
  struct Impl;  // connection.cc
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::kube
