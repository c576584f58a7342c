#include "operator/serving_certificate.h"

#include <utility>

namespace kro::operator_ {

ServingCertificate::ServingCertificate(const std::string& certificate_file,
                                       const std::string& key_file)
    : certificate_file_(certificate_file),
      files_({.certificate = {.file = certificate_file}, .key = {.file = key_file}},
             kube::Environment::OfProcess()) {}

Result<http::ServerTls> ServingCertificate::Read(MonotonicTime now) {
  auto change = files_.Look(now);
  if (!change.pair) {
    return Fail(ErrorCode::kInvalid, "{}: no certificate, or its key is not beside it",
                certificate_file_);
  }
  return http::ServerTls{std::move(change.pair->certificate), std::move(change.pair->key)};
}

async::Task<void> ServingCertificate::Follow(async::Executor& executor, http::Server& server,
                                             Logger logger, Duration period,
                                             async::CancelToken cancel) {
  while (true) {
    if (auto slept = co_await async::Sleep(executor, period, cancel); !slept) co_return;
    auto change = files_.Look(executor.clock().Monotonic());
    if (!change.pair) continue;
    const http::ServerTls certificate{std::move(change.pair->certificate),
                                      std::move(change.pair->key)};
    if (auto shown = server.SetCertificate(certificate); !shown) {
      logger.Warning("certificate is not used",
                     {{"file", certificate_file_}, {"error", shown.error().message()}});
      continue;
    }
    logger.Info("certificate was replaced", {{"file", certificate_file_}});
  }
}

}  // namespace kro::operator_
