// Credentials: who a request says it is from.
//
// AuthenticatedTransport puts headers on every request: a bearer token (from the configuration, a file
// that is read again about every 50 s, or a plugin), basic authentication, impersonation. A header that a
// request already has is never replaced. Nothing here is ever logged.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "async/scope.h"
#include "http/transport.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig.h"

namespace kro::kube {

// The token in a file that somebody replaces. Thread-safe.
class TokenFile {
 public:
  static constexpr Duration kReadAgain = std::chrono::seconds(50);

  // `initial` counts as read long ago; may be empty.
  TokenFile(std::string path, std::string initial, Environment environment);

  // Reads the file if the last look is old. If it cannot be read or is empty the token in hand stays;
  // kUnavailable without one.
  Result<std::string> Token(MonotonicTime now);

 private:
  const std::string path_;
  const Environment environment_;
  std::mutex mutex_;
  std::string token_;                    // guarded by mutex_
  std::optional<MonotonicTime> looked_;  // guarded by mutex_
};

// Sets Impersonate-User and its companions unless the request has them.
void AddImpersonation(const Impersonation& impersonation, http::Headers& headers);

// The text of an Authorization header for basic authentication.
std::string BasicAuthorization(std::string_view user, std::string_view password);

class AuthenticatedTransport final : public http::Transport {
 public:
  // Called with a plugin's client certificate and key before the first request that is to be made with
  // them.
  using ShowCertificate =
      std::function<void(const std::string& certificate_pem, const std::string& key_pem)>;

  // `inner`, `executor` and `plugin` (null: none) outlive this. Token, basic authentication or a
  // certificate in `config` leave the plugin unused. Credentials go only to https servers.
  AuthenticatedTransport(http::Transport& inner, async::Executor& executor, ClientConfig config,
                         Environment environment, ExecCredentials* plugin = nullptr,
                         ShowCertificate show_certificate = {});

  async::Task<Result<http::Response>> Send(http::Request request,
                                           async::CancelToken cancel) override;
  async::Task<Result<std::unique_ptr<http::ResponseStream>>> Open(
      http::Request request, async::CancelToken cancel) override;

 private:
  async::Task<Result<void>> Authenticate(http::Request& request, ExecAnswer& from_plugin,
                                         async::CancelToken cancel);

  http::Transport& inner_;
  async::Executor& executor_;
  const ClientConfig config_;
  std::optional<TokenFile> token_file_;
  ExecCredentials* plugin_;
  ShowCertificate show_certificate_;
  std::string shown_;  // the certificate that was shown last
};

}  // namespace kro::kube
