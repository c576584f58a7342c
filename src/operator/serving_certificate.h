// ServingCertificate: the certificate that a server of ours shows, from files that somebody replaces from
// time to time, as cert-manager does.
#pragma once

#include <string>

#include "async/executor.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/log.h"
#include "http/server.h"
#include "kube/tls_files.h"

namespace kro::operator_ {

class ServingCertificate {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(10);

  // In PEM; the chain begins with the server's own.
  ServingCertificate(const std::string& certificate_file, const std::string& key_file);

  // What the files hold, to begin with. kInvalid if that is no certificate with its key. Once.
  Result<http::ServerTls> Read(MonotonicTime now);

  // Looks every `period` until `cancel` fires. A pair of which one file was replaced and the other not yet
  // is passed over. `server` runs on `executor`, both outlive the task.
  async::Task<void> Follow(async::Executor& executor, http::Server& server, Logger logger,
                           Duration period, async::CancelToken cancel);

 private:
  const std::string certificate_file_;
  kube::TlsFiles files_;
};

}  // namespace kro::operator_
