#include "cli/dev_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "async/real_executor.h"
#include "async/run_blocking.h"
#include "base/memory.h"
#include "cli/console_sink.h"
#include "cli/controller_command.h"
#include "cli/exit_code.h"
#include "cli/go_duration.h"
#include "cli/random.h"
#include "cli/signals.h"
#include "cli/version.h"

namespace kro::cli {
namespace {

// What the controller logs is in what is shown; only who looks for more reads it.
class NoSink final : public LogSink {
 public:
  void Write(LogLevel, std::string_view) override {}
};

async::Task<Result<dev::DevEnd>> StartAndRun(dev::Dev::Dependencies dependencies,
                                             dev::DevOptions options, async::CancelToken stop);
void WriteOut(std::string_view text);
std::size_t Columns();
ExitCode ExitCodeOf(const Error& error);
ExitCode ExitCodeOf(dev::DevEnd end);

}  // namespace

void AddDevFlags(CLI::App& command, DevFlags& f) {
  command.add_option(
      "paths", f.paths,
      "files and folders with definitions, instances and whatever they need; applied "
      "now and whenever they are saved");
  command.add_option(
      "--rules", f.rules,
      "rule file that plays what a laptop lacks (docs/dev.md), repeatable; those among "
      "the paths are found by their kind");
  command.add_flag("--prune", f.prune, "delete objects that are in no file any more");
  command.add_option("--port", f.port, "port of the API on 127.0.0.1; 0: any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_flag(
      "--tls", f.tls,
      "https, and only for who has a client certificate, as the kubeconfig does, or a token");
  command.add_option(
      "--kubeconfig", f.kubeconfig,
      "where to write the kubeconfig; by default in the data folder, or a temporary file");
  command.add_option("--data-dir", f.data_dir,
                     "folder that keeps everything across runs; by default it is in memory");
  command
      .add_option("--sync", f.sync,
                  "second or write: how much losing power may cost. A crash of this process costs "
                  "nothing")
      ->capture_default_str();
  command.add_flag("--no-controller", f.no_controller,
                   "only the API: run kro controller --kubeconfig beside it");
  command.add_flag(
      "--exit-when-ready", f.exit_when_ready,
      "end when everything in the files is ready: 0, or 1 if something is wrong, 5 if it "
      "takes too long");
  command.add_option("--timeout", f.timeout, "of --exit-when-ready")->capture_default_str();
  command.add_option("--audit-log", f.audit_log,
                     "append every request over HTTP to this file, as a Kubernetes audit log");
  command.add_option("--feature-gates", f.feature_gates, "as those of kro controller");
  command.add_flag("--plain", f.plain,
                   "lines instead of a tree that is redrawn; so without a terminal");
  command.add_flag("-v,--verbose", f.verbose, "show what the controller logs");
}

Result<dev::DevOptions> ReadDevFlags(const DevFlags& flags) {
  dev::DevOptions options;
  options.paths = flags.paths;
  options.rule_files = flags.rules;
  for (const auto* given : {&options.paths, &options.rule_files}) {
    for (const std::string& path : *given) {
      std::error_code error;
      if (!std::filesystem::exists(path, error)) {
        return Fail(ErrorCode::kNotFound, "{}: no such file or folder", path);
      }
    }
  }
  options.prune = flags.prune ? dev::Prune::kYes : dev::Prune::kNo;
  options.port = flags.port;
  options.tls = flags.tls ? dev::WithTls::kYes : dev::WithTls::kNo;
  options.kubeconfig = flags.kubeconfig;
  options.data_dir = flags.data_dir;
  options.audit_log = flags.audit_log;
  if (flags.sync == "write") {
    options.sync = apiserver::Journal::Sync::kEveryWrite;
  } else if (flags.sync != "second") {
    return Fail(ErrorCode::kInvalid, "--sync: '{}' is neither second nor write", flags.sync);
  }
  options.controller = flags.no_controller ? dev::WithController::kNo : dev::WithController::kYes;
  options.settings.version = kVersion;
  options.settings.allow_crd_deletion = true;
  if (auto gates = ReadFeatureGates(flags.feature_gates, options.settings); !gates) {
    return std::unexpected(std::move(gates.error()));
  }
  if (!flags.exit_when_ready) return options;
  auto timeout = ParseGoDuration(flags.timeout);
  if (!timeout) return Annotate(timeout, "--timeout");
  if (*timeout <= Duration::zero()) {
    return Fail(ErrorCode::kInvalid, "--timeout: {} is no time", flags.timeout);
  }
  if (flags.paths.empty()) {
    return Fail(ErrorCode::kInvalid, "--exit-when-ready: there are no files that could be ready");
  }
  options.until_ready = *timeout;
  return options;
}

int RunDev(const DevFlags& flags) {
  const MonotonicTime started = SystemClock().Monotonic();
  const auto refuse = [](const Error& error, ExitCode code) {
    fmt::print(stderr, "kro dev: {}\n", error.message());
    return static_cast<int>(code);
  };
  auto options = ReadDevFlags(flags);
  if (!options) {
    return refuse(options.error(), options.error().code() == ErrorCode::kNotFound
                                       ? ExitCode::kNoInput
                                       : ExitCode::kUsage);
  }
  options->started = started;
  ConsoleSink to_stderr(StderrSink());
  NoSink nowhere;
  const Logger logger(flags.verbose ? static_cast<LogSink&>(to_stderr) : nowhere);
  async::CancelSource stop;
  const Signals signals(stop, logger);
  PreferSmallHeap();
  async::RealExecutor executor;
  const bool live = !flags.plain && !flags.exit_when_ready && ::isatty(STDOUT_FILENO) == 1;
  dev::Console console(WriteOut, executor.clock(),
                       live ? dev::Console::Tree::kLive : dev::Console::Tree::kLines, Columns);
  auto ended = async::RunBlocking(executor, StartAndRun({executor, logger, NewRandom(), console},
                                                        *std::move(options), stop.token()));
  if (!ended) return refuse(ended.error(), ExitCodeOf(ended.error()));
  return static_cast<int>(ExitCodeOf(*ended));
}

namespace {

async::Task<Result<dev::DevEnd>> StartAndRun(dev::Dev::Dependencies dependencies,
                                             dev::DevOptions options, async::CancelToken stop) {
  auto dev = dev::Dev::Start(std::move(dependencies), std::move(options));
  if (!dev) co_return std::unexpected(std::move(dev.error()));
  co_return co_await (*dev)->Run(std::move(stop));
}

void WriteOut(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::size_t Columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalid:
    case ErrorCode::kConflict:
    case ErrorCode::kUnavailable:
      return ExitCode::kNoInput;
    case ErrorCode::kInternal:
      return ExitCode::kInternal;
    default:
      return ExitCode::kCluster;
  }
}

ExitCode ExitCodeOf(dev::DevEnd end) {
  switch (end) {
    case dev::DevEnd::kStopped:
    case dev::DevEnd::kReady:
      return ExitCode::kOk;
    case dev::DevEnd::kFaulty:
      return ExitCode::kNo;
    case dev::DevEnd::kTimedOut:
      return ExitCode::kTimedOut;
  }
  return ExitCode::kInternal;
}

}  // namespace
}  // namespace kro::cli
