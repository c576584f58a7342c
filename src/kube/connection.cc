#include "kube/connection.h"

#include "http/client.h"
#include "kube/credentials.h"
#include "kube/exec_credential.h"

namespace kro::kube {
namespace {

std::optional<http::Pem> PemOf(const PemSource& source);

}  // namespace

struct Connection::Impl {
  std::unique_ptr<http::Client> client;
  std::unique_ptr<ExecCredentials> plugin;
  std::unique_ptr<AuthenticatedTransport> transport;
};

Result<std::unique_ptr<Connection>> Connection::Create(async::Executor& executor,
                                                       ClientConfig config,
                                                       const Environment& environment) {
  http::ClientConfig options;
  options.url = config.server + config.path_prefix;
  options.roots = PemOf(config.tls.ca);
  options.certificate = PemOf(config.tls.certificate);
  options.key = PemOf(config.tls.key);
  options.verify = config.tls.insecure ? http::VerifyPeer::kNo : http::VerifyPeer::kYes;
  options.server_name = config.tls.server_name;
  if (!config.proxy_url.empty()) options.proxy = config.proxy_url;
  if (config.disable_compression) options.compression = http::Compression::kNone;
  auto disabled = environment.variable("DISABLE_HTTP2");
  if (disabled && !disabled->empty()) options.versions = http::HttpVersions::k1Only;

  auto client = http::Client::Create(executor, std::move(options));
  if (!client) return Annotate(client, "connection to {}", config.server);
  auto impl = std::make_unique<Impl>();
  impl->client = std::move(*client);
  if (config.exec) {
    impl->plugin = std::make_unique<ExecCredentials>(executor, config, RunCommand);
  }
  impl->transport = std::make_unique<AuthenticatedTransport>(
      *impl->client, executor, std::move(config), environment, impl->plugin.get());
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

http::Transport& Connection::transport() { return *impl_->transport; }

namespace {

std::optional<http::Pem> PemOf(const PemSource& source) {
  if (!source.data.empty()) return http::PemText{source.data};
  if (!source.file.empty()) return http::PemFile{source.file};
  return std::nullopt;
}

}  // namespace
}  // namespace kro::kube
