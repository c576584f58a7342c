// A laptop's cluster: the embedded server, the operator and the files of an author, in one process. Where
// to start in this folder.
//
//   auto dev = Dev::Start({executor, logger, random, console}, options);
//   co_await (*dev)->Run(stop);
//
// The server answers as soon as Start returns. All on the executor's loop, where the server's controllers run: a Dev is
// made and destroyed there as well.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/journal.h"
#include "async/real_executor.h"
#include "async/scope.h"
#include "base/log.h"
#include "controller/settings.h"
#include "dev/console.h"
#include "dev/workbench.h"
#include "kube/backoff.h"

namespace kro::dev {

enum class WithController { kNo, kYes };
enum class WithTls { kNo, kYes };

struct DevOptions {
  std::vector<std::string> paths;
  std::vector<std::string> rule_files;
  Prune prune = Prune::kNo;

  std::uint16_t port = 0;  // 0: the system picks one
  // With kYes only who shows a certificate of this server's own authority, or a token, may do anything. The
  // kubeconfig holds one of an administrator; the authority stays in the data folder, if there is one.
  WithTls tls = WithTls::kNo;
  std::string kubeconfig;  // where it is written; empty: in the data folder, or a temporary file
  std::string data_dir;    // empty: everything is in memory
  apiserver::Journal::Sync sync = apiserver::Journal::Sync::kEverySecond;
  std::string audit_log;  // empty: none

  WithController controller = WithController::kYes;
  controller::Settings settings;

  // Ends as soon as everything in the files is ready, or cannot become so; not later than this. Zero:
  // works until it is stopped.
  Duration until_ready{0};
  MonotonicTime started{};  // of the process, for what is printed
};

enum class DevEnd {
  kStopped,
  kReady,     // only with until_ready
  kFaulty,    // something in the files is wrong
  kTimedOut,  // something was not ready in time
};

class Dev {
 public:
  // All outlive the object.
  struct Dependencies {
    async::RealExecutor& executor;
    Logger logger;
    kube::Random random;
    Console& console;
  };
  // Opens the data folder, listens, writes the kubeconfig and says so. kInvalid for a data folder that
  // cannot be read, kConflict for one in use, kUnavailable for a port or file that cannot be had.
  static Result<std::unique_ptr<Dev>> Start(Dependencies dependencies, DevOptions options);
  ~Dev();

  std::uint16_t port() const;
  const std::string& kubeconfig() const;

  // Works until `stop` fires or until_ready is over, then ends in order. Once. Fails if the operator does.
  async::Task<Result<DevEnd>> Run(async::CancelToken stop);

 private:
  struct Impl;
  explicit Dev(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kro::dev
