#include "kube/credentials.h"

#include "base/base64.h"
#include "kube/paths.h"

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

std::string Trim(std::string_view text);
std::string ExtraHeader(std::string_view key);

}  // namespace

TokenFile::TokenFile(std::string path, std::string initial, Environment environment)
    : path_(std::move(path)), environment_(std::move(environment)), token_(std::move(initial)) {}

Result<std::string> TokenFile::Token(MonotonicTime now) {
  std::lock_guard lock(mutex_);
  if (looked_ && now - *looked_ < kReadAgain) return token_;
  auto content = environment_.read_file(path_);
  std::string token = content ? Trim(*content) : "";
  if (!token.empty()) {
    token_ = std::move(token);
    looked_ = now;
    return token_;
  }
  // A file that is being replaced is there again in a moment.
  if (!token_.empty()) return token_;
  if (!content)
    return Fail(ErrorCode::kUnavailable, "read token file {}: {}", path_,
                content.error().message());
  return Fail(ErrorCode::kUnavailable, "token file {} is empty", path_);
}

void AddImpersonation(const Impersonation& impersonation, http::Headers& headers) {
  if (impersonation.user.empty() || headers.Find("Impersonate-User") != nullptr) return;
  headers.Set("Impersonate-User", impersonation.user);
  if (!impersonation.uid.empty()) headers.Set("Impersonate-Uid", impersonation.uid);
  for (const std::string& group : impersonation.groups) headers.Add("Impersonate-Group", group);
  for (const auto& [key, values] : impersonation.extra) {
    for (const std::string& value : values) headers.Add(ExtraHeader(key), value);
  }
}

std::string BasicAuthorization(std::string_view user, std::string_view password) {
  return "Basic " + EncodeBase64(fmt::format("{}:{}", user, password));
}

AuthenticatedTransport::AuthenticatedTransport(http::Transport& inner, async::Executor& executor,
                                               ClientConfig config, Environment environment,
                                               ExecCredentials* plugin,
                                               ShowCertificate show_certificate)
    : inner_(inner),
      executor_(executor),
      config_(std::move(config)),
      plugin_(plugin),
      show_certificate_(std::move(show_certificate)) {
  if (!config_.token_file.empty()) {
    token_file_.emplace(config_.token_file, config_.token, std::move(environment));
  }
  bool other = !config_.token.empty() || token_file_ || !config_.username.empty() ||
               !config_.tls.certificate.empty();
  if (other) plugin_ = nullptr;
}

Task<Result<http::Response>> AuthenticatedTransport::Send(http::Request request,
                                                          CancelToken cancel) {
  ExecAnswer from_plugin;
  if (auto ok = co_await Authenticate(request, from_plugin, cancel); !ok) {
    co_return std::unexpected(ok.error());
  }
  auto response = co_await inner_.Send(std::move(request), cancel);
  // The refused request is not repeated: the next one has new credentials.
  if (response && response->status == 401 && plugin_ != nullptr) plugin_->Refused(from_plugin);
  co_return response;
}

Task<Result<std::unique_ptr<http::ResponseStream>>> AuthenticatedTransport::Open(
    http::Request request, CancelToken cancel) {
  ExecAnswer from_plugin;
  if (auto ok = co_await Authenticate(request, from_plugin, cancel); !ok) {
    co_return std::unexpected(ok.error());
  }
  auto stream = co_await inner_.Open(std::move(request), cancel);
  if (stream && (*stream)->status() == 401 && plugin_ != nullptr) plugin_->Refused(from_plugin);
  co_return stream;
}

Task<Result<void>> AuthenticatedTransport::Authenticate(http::Request& request,
                                                        ExecAnswer& from_plugin,
                                                        CancelToken cancel) {
  AddImpersonation(config_.impersonation, request.headers);
  if (request.headers.Find("Authorization") != nullptr || !config_.IsHttps()) {
    co_return Result<void>{};
  }
  if (token_file_) {
    auto token = token_file_->Token(executor_.clock().Monotonic());
    if (!token) co_return Annotate(token, "getting credentials");
    request.headers.Set("Authorization", "Bearer " + *token);
  } else if (!config_.token.empty()) {
    request.headers.Set("Authorization", "Bearer " + config_.token);
  } else if (!config_.username.empty()) {
    request.headers.Set("Authorization", BasicAuthorization(config_.username, config_.password));
  } else if (plugin_ != nullptr) {
    auto answer = co_await plugin_->Get(cancel);
    if (!answer) co_return Annotate(answer, "getting credentials");
    from_plugin = std::move(*answer);
    if (!from_plugin.certificate.empty() && from_plugin.certificate != shown_) {
      shown_ = from_plugin.certificate;
      if (show_certificate_) show_certificate_(from_plugin.certificate, from_plugin.key);
    }
    if (!from_plugin.token.empty()) {
      request.headers.Set("Authorization", "Bearer " + from_plugin.token);
    }
  }
  co_return Result<void>{};
}

namespace {

std::string Trim(std::string_view text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

// Keys are lower-cased; what is no header token (RFC 9110 section 5.6.2) is percent-encoded.
std::string ExtraHeader(std::string_view key) {
  constexpr std::string_view kTokenMarks = "!#$&'*+-.^_`|~";
  std::string name = "Impersonate-Extra-";
  for (char c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 kTokenMarks.find(c) != std::string_view::npos;
    name += plain ? std::string(1, c) : PercentEncode(std::string_view(&c, 1));
  }
  return name;
}

}  // namespace
}  // namespace kro::kube
