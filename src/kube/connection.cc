#include "kube/connection.h"

#include <functional>
#include <mutex>

#include "http/client.h"
#include "kube/credentials.h"
#include "kube/exec_credential.h"
#include "kube/tls_files.h"

namespace kro::kube {
namespace {

using async::CancelToken;
using async::Task;

// Files are looked at before each request, and this often while there is none: an open watch is a
// request that may be long ago.
constexpr Duration kIdleLook = std::chrono::minutes(4);

std::optional<http::Pem> PemOf(const PemSource& source);

// Requests go out with what the files say now.
class FreshTransport final : public http::Transport {
 public:
  // Both outlive the transport, as does `executor`.
  FreshTransport(http::Client& client, async::Executor& executor, TlsFiles& files)
      : client_(client), executor_(executor), files_(files) {}

  Task<Result<http::Response>> Send(http::Request request, CancelToken cancel) override {
    Look();
    co_return co_await client_.Send(std::move(request), cancel);
  }
  Task<Result<std::unique_ptr<http::ResponseStream>>> Open(http::Request request,
                                                           CancelToken cancel) override {
    Look();
    co_return co_await client_.Open(std::move(request), cancel);
  }

  void Look() {
    TlsFiles::Change change = files_.Look(executor_.clock().Monotonic());
    if (change.roots) client_.SetRoots(http::PemText{std::move(*change.roots)});
    if (change.pair) {
      client_.SetCertificate(http::PemText{std::move(change.pair->certificate)},
                             http::PemText{std::move(change.pair->key)});
    }
  }

 private:
  http::Client& client_;
  async::Executor& executor_;
  TlsFiles& files_;
};

// Looks now and then until it is destroyed.
class IdleLook {
 public:
  IdleLook(async::Executor& executor, FreshTransport& transport)
      : state_(std::make_shared<State>(executor)) {
    state_->transport = &transport;
    Arm(state_);
  }
  ~IdleLook() {
    std::lock_guard lock(state_->mutex);
    state_->transport = nullptr;
    state_->stop_timer();
  }
  IdleLook(const IdleLook&) = delete;
  IdleLook& operator=(const IdleLook&) = delete;

 private:
  struct State {
    explicit State(async::Executor& e) : executor(e) {}
    async::Executor& executor;
    std::mutex mutex;
    FreshTransport* transport = nullptr;  // null: it is over; guarded by mutex
    std::function<void()> stop_timer;     // guarded by mutex
  };

  static void Arm(const std::shared_ptr<State>& state) {
    std::lock_guard lock(state->mutex);
    if (state->transport == nullptr) return;
    state->stop_timer =
        state->executor.PostAt(state->executor.clock().Monotonic() + kIdleLook, [state] {
          {
            std::lock_guard in_time(state->mutex);
            if (state->transport == nullptr) return;
            state->transport->Look();
          }
          Arm(state);
        });
  }

  std::shared_ptr<State> state_;
};

}  // namespace

struct Connection::Impl {
  std::unique_ptr<http::Client> client;
  std::unique_ptr<TlsFiles> files;
  std::unique_ptr<FreshTransport> fresh;
  std::unique_ptr<IdleLook> idle_look;  // only if there are files
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
  impl->files = std::make_unique<TlsFiles>(config.tls, environment);
  impl->fresh = std::make_unique<FreshTransport>(*impl->client, executor, *impl->files);
  if (impl->files->any()) {
    impl->fresh->Look();
    impl->idle_look = std::make_unique<IdleLook>(executor, *impl->fresh);
  }
  if (config.exec) {
    impl->plugin = std::make_unique<ExecCredentials>(executor, config, RunCommand);
  }
  auto show = [client = impl->client.get()](const std::string& certificate,
                                            const std::string& key) {
    client->SetCertificate(http::PemText{certificate}, http::PemText{key});
  };
  impl->transport = std::make_unique<AuthenticatedTransport>(
      *impl->fresh, executor, std::move(config), environment, impl->plugin.get(), std::move(show));
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
