#include "dev/dev.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "apiserver/audit_log.h"
#include "apiserver/certificate_authority.h"
#include "apiserver/http_front.h"
#include "apiserver/local_transport.h"
#include "apiserver/server.h"
#include "async/event.h"
#include "base/base64.h"
#include "dev/file_watch.h"
#include "http/server.h"
#include "operator/install_crds.h"
#include "operator/operator.h"

namespace kro::dev {
namespace {

namespace fs = std::filesystem;

// Editors write in several steps; a person does not notice this.
constexpr auto kSettle = std::chrono::milliseconds(50);

// What a client needs to talk to the server over TLS.
struct Credentials {
  std::string authority_pem;
  apiserver::IssuedCertificate client;
};

// The one in the data folder, made there if there is none; without a folder a new one.
Result<std::unique_ptr<apiserver::CertificateAuthority>> OpenAuthority(const std::string& data_dir);
std::string KubeconfigText(std::uint16_t port, const std::optional<Credentials>& credentials);
// Whole or not at all.
Result<void> WriteFile(const std::string& path, const std::string& text);

}  // namespace

struct Dev::Impl {
  Impl(Dependencies dependencies, DevOptions given, apiserver::SavedState state)
      : d(std::move(dependencies)),
        options(std::move(given)),
        server(d.executor.clock(), apiserver::IdSource::Random(), {}, std::move(state)),
        transport(server, d.executor),
        client(transport, d.executor, d.logger, {.user_agent = "kro-dev"}),
        done(d.executor, async::EventReset::kManual) {}

  Result<void> Begin();
  std::string Greeting() const;
  async::Task<Result<DevEnd>> Run(async::CancelToken stop);
  async::Task<void> RunController(async::CancelToken stop);
  async::Task<void> EndInTime(async::CancelToken cancel);
  void Judge();
  void TimeOut();

  Dependencies d;
  const DevOptions options;
  std::unique_ptr<apiserver::Journal> journal;  // before the server, which tells it
  std::unique_ptr<apiserver::AuditLog> audit;
  apiserver::Server server;
  apiserver::LocalTransport transport;
  kube::Client client;
  std::optional<Workbench> workbench;
  std::unique_ptr<http::Server> front;
  std::unique_ptr<FileWatch> files;
  std::string kubeconfig;
  bool temporary_kubeconfig = false;

  bool judged = false;  // the files have been looked at
  bool late = false;    // the time to become ready is over
  async::Event done;    // there is an end
  DevEnd end = DevEnd::kStopped;
  std::optional<Error> failure;  // of the operator
};

Result<std::unique_ptr<Dev>> Dev::Start(Dependencies dependencies, DevOptions options) {
  apiserver::Journal::Opened opened;
  if (!options.data_dir.empty()) {
    auto journal = apiserver::Journal::Open(options.data_dir, {.sync = options.sync});
    if (!journal) return std::unexpected(std::move(journal.error()));
    opened = *std::move(journal);
    if (opened.dropped > 0) {
      dependencies.console.Say(fmt::format(
          "{}: the last run ended in the middle of a write; {} bytes of it were dropped",
          options.data_dir, opened.dropped));
    }
  }
  auto impl =
      std::make_unique<Impl>(std::move(dependencies), std::move(options), std::move(opened.state));
  impl->journal = std::move(opened.journal);
  if (auto begun = impl->Begin(); !begun) return std::unexpected(std::move(begun.error()));
  return std::unique_ptr<Dev>(new Dev(std::move(impl)));
}

Dev::Dev(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Dev::~Dev() {
  if (!impl_->temporary_kubeconfig) return;
  std::error_code ignored;  // there is nothing to do about a file that stays
  fs::remove(impl_->kubeconfig, ignored);
}

std::uint16_t Dev::port() const { return impl_->front->port(); }

const std::string& Dev::kubeconfig() const { return impl_->kubeconfig; }

async::Task<Result<DevEnd>> Dev::Run(async::CancelToken stop) {
  return impl_->Run(std::move(stop));
}

Result<void> Dev::Impl::Begin() {
  if (journal != nullptr) {
    if (auto begun = journal->Begin(server); !begun) return begun;
    server.AddListener(*journal);
  }
  workbench.emplace(Workbench::Dependencies{d.executor, server, client, d.console, d.logger},
                    WorkbenchOptions{.paths = options.paths,
                                     .rule_files = options.rule_files,
                                     .prune = options.prune,
                                     .settings = options.settings});
  server.AddListener(*workbench);

  const bool tls = options.tls == WithTls::kYes;
  http::Handler handler = apiserver::MakeFront(server, d.executor,
                                               tls ? apiserver::WithoutCertificate::kAnonymous
                                                   : apiserver::WithoutCertificate::kDefaultUser);
  if (!options.audit_log.empty()) {
    auto log = apiserver::AuditLog::Open(options.audit_log, d.executor.clock());
    if (!log) return std::unexpected(std::move(log.error()));
    audit = *std::move(log);
    handler = audit->Around(std::move(handler));
  }
  http::ServerConfig listen{.port = options.port};
  std::optional<Credentials> credentials;
  if (tls) {
    auto authority = OpenAuthority(options.data_dir);
    if (!authority) return std::unexpected(std::move(authority.error()));
    auto own = (*authority)->IssueServer("IP:127.0.0.1,DNS:localhost");
    if (!own) return std::unexpected(std::move(own.error()));
    auto client = (*authority)->IssueClient(apiserver::ClusterAdmin());
    if (!client) return std::unexpected(std::move(client.error()));
    const std::string& roots = (*authority)->own().certificate_pem;
    listen.tls = http::ServerTls{own->certificate_pem, own->key_pem, roots};
    credentials = Credentials{roots, *std::move(client)};
  }
  auto listening = http::Server::Listen(d.executor, std::move(listen), std::move(handler));
  if (!listening) {
    return Annotate(listening, "port {} of 127.0.0.1", options.port);
  }
  front = *std::move(listening);

  kubeconfig = options.kubeconfig;
  if (kubeconfig.empty() && !options.data_dir.empty())
    kubeconfig = options.data_dir + "/kubeconfig";
  if (kubeconfig.empty()) {
    std::error_code ignored;
    fs::path folder = fs::temp_directory_path(ignored);
    if (folder.empty()) folder = "/tmp";
    kubeconfig = folder / fmt::format("kro-dev-{}.kubeconfig", ::getpid());
    temporary_kubeconfig = true;
  }
  if (auto written = WriteFile(kubeconfig, KubeconfigText(front->port(), credentials)); !written)
    return written;

  std::vector<std::string> watched = options.paths;
  watched.insert(watched.end(), options.rule_files.begin(), options.rule_files.end());
  if (!watched.empty() && options.until_ready == Duration::zero()) {
    auto watch = FileWatch::Start(d.executor, std::move(watched), kSettle,
                                  [this] { workbench->FilesChanged(); });
    if (!watch) return std::unexpected(std::move(watch.error()));
    files = *std::move(watch);
  }
  d.console.Plain(Greeting());
  return {};
}

std::string Dev::Impl::Greeting() const {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      d.executor.clock().Monotonic() - options.started);
  std::string text =
      fmt::format("A Kubernetes API at {}://127.0.0.1:{}, ready in {} ms{}.\n\n",
                  options.tls == WithTls::kYes ? "https" : "http", front->port(), took.count(),
                  options.data_dir.empty() ? ", in memory: it is gone when this ends"
                                           : fmt::format(", kept in {}", options.data_dir));
  text += fmt::format("  export KUBECONFIG={}\n  kubectl get rgd\n", kubeconfig);
  if (options.controller == WithController::kNo) {
    text += fmt::format("  kro controller --kubeconfig={}\n", kubeconfig);
  }
  if (files != nullptr) {
    text += fmt::format("\nWatching {}. Ctrl-C ends this.", fmt::join(options.paths, ", "));
  } else if (options.until_ready == Duration::zero()) {
    text += "\nNo files to watch: name files or folders to have them applied. Ctrl-C ends this.";
  }
  return text + "\n";
}

async::Task<Result<DevEnd>> Dev::Impl::Run(async::CancelToken stop) {
  async::CancelSource stop_controller;
  async::Scope answering(d.executor);
  async::Scope working(d.executor, stop);
  answering.Spawn(front->Run(answering.token()));
  if (options.until_ready > Duration::zero()) {
    workbench->OnStanding([this] { Judge(); });
    working.Spawn(EndInTime(working.token()));
  }
  // Kinds that files may need are served before the files are looked at.
  auto installed = co_await operator_::InstallCrds(client, d.logger, stop);
  async::Scope controlling(d.executor);
  if (installed) {
    controlling.Spawn(RunController(stop_controller.token()));
    working.Spawn(workbench->Run(working.token()));
  } else if (!stop.cancelled()) {
    failure = std::move(installed.error());
    done.Set();
  }
  // Either way this is over: somebody stopped it, or there is nothing more to wait for.
  static_cast<void>(co_await done.Wait(stop));
  // Whoever still asks is answered until nothing is written any more.
  working.Cancel();
  co_await working.Join();
  files.reset();
  stop_controller.Cancel();
  co_await controlling.Join();
  server.EndWatches(apiserver::Server::WatchEnd::kClean);
  answering.Cancel();
  co_await answering.Join();
  if (failure) co_return std::unexpected(*failure);
  co_return end;
}

async::Task<void> Dev::Impl::RunController(async::CancelToken stop) {
  if (options.controller == WithController::kNo) co_return;
  operator_::OperatorOptions operation;
  operation.settings = options.settings;
  operation.graceful_shutdown_timeout = std::chrono::seconds(5);
  operator_::Operator op({d.executor, transport, transport, d.logger, d.random},
                         std::move(operation));
  auto ended = co_await op.Run(stop);
  if (ended || stop.cancelled()) co_return;
  failure = std::move(ended.error());
  done.Set();
}

async::Task<void> Dev::Impl::EndInTime(async::CancelToken cancel) {
  auto slept = co_await async::Sleep(d.executor, options.until_ready, std::move(cancel));
  if (!slept) co_return;
  late = true;
  // On a busy machine nothing may have been looked at yet; then there is nothing to say.
  if (judged) TimeOut();
}

void Dev::Impl::TimeOut() {
  end = DevEnd::kTimedOut;
  std::string said = "not ready in time:";
  for (const std::string& left : workbench->standing().left) said += "\n  " + left;
  d.console.Say(said);
  workbench->OnStanding(nullptr);
  done.Set();
}

void Dev::Impl::Judge() {
  judged = true;
  const Workbench::Standing& standing = workbench->standing();
  if (!standing.settled) {
    if (late) TimeOut();
    return;
  }
  end = standing.ready() ? DevEnd::kReady : DevEnd::kFaulty;
  if (standing.ready()) {
    d.console.Say("everything is ready");
  } else {
    std::string said = "this will not become ready:";
    for (const std::string& left : standing.left) said += "\n  " + left;
    d.console.Say(said);
  }
  workbench->OnStanding(nullptr);
  done.Set();
}

namespace {

Result<std::unique_ptr<apiserver::CertificateAuthority>> OpenAuthority(
    const std::string& data_dir) {
  if (data_dir.empty()) return apiserver::CertificateAuthority::Create();
  const fs::path certificate = fs::path(data_dir) / "ca.crt";
  const fs::path key = fs::path(data_dir) / "ca.key";
  std::error_code error;
  if (fs::exists(certificate, error) && fs::exists(key, error)) {
    const auto read = [](const fs::path& path) {
      std::ifstream stream(path, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    auto authority = apiserver::CertificateAuthority::Read({read(certificate), read(key)});
    if (!authority) return Annotate(authority, "{}", certificate.string());
    return authority;
  }
  auto authority = apiserver::CertificateAuthority::Create();
  if (!authority) return authority;
  // The key last: only both are an authority.
  if (auto written = WriteFile(certificate, (*authority)->own().certificate_pem); !written) {
    return std::unexpected(std::move(written.error()));
  }
  if (auto written = WriteFile(key, (*authority)->own().key_pem); !written) {
    return std::unexpected(std::move(written.error()));
  }
  return authority;
}

std::string KubeconfigText(std::uint16_t port, const std::optional<Credentials>& credentials) {
  std::string cluster = fmt::format("    server: http://127.0.0.1:{}\n", port);
  std::string user = "  user: {}\n";
  if (credentials) {
    cluster = fmt::format("    server: https://127.0.0.1:{}\n    certificate-authority-data: {}\n",
                          port, EncodeBase64(credentials->authority_pem));
    user = fmt::format("  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
                       EncodeBase64(credentials->client.certificate_pem),
                       EncodeBase64(credentials->client.key_pem));
  }
  return fmt::format(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: kro-dev\n  cluster:\n{}"
      "contexts:\n- name: kro-dev\n  context:\n"
      "    cluster: kro-dev\n    namespace: default\n    user: kro-dev\n"
      "current-context: kro-dev\nusers:\n- name: kro-dev\n{}",
      cluster, user);
}

Result<void> WriteFile(const std::string& path, const std::string& text) {
  const std::string beside = fmt::format("{}.{}", path, ::getpid());
  std::error_code error;
  if (const fs::path folder = fs::path(path).parent_path(); !folder.empty()) {
    fs::create_directories(folder, error);
  }
  std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) return Fail(ErrorCode::kUnavailable, "{} cannot be written", path);
  fs::permissions(beside, fs::perms::owner_read | fs::perms::owner_write, error);
  fs::rename(beside, path, error);
  if (error) return Fail(ErrorCode::kUnavailable, "{}: {}", path, error.message());
  return {};
}

}  // namespace
}  // namespace kro::dev
