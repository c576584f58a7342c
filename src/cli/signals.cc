#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "cli/exit_code.h"

namespace kro::cli {

Signals::Signals(async::CancelSource& stop, Logger logger) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);  // ends the thread
  // Every thread made from here on inherits this, so that only ours hears of them.
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([set, &stop, logger = std::move(logger)] {
    bool first = true;
    const LogLevel usual = logger.level();
    while (true) {
      int signal = 0;
      if (sigwait(&set, &signal) != 0 || signal == SIGUSR2) return;
      if (signal == SIGUSR1) {
        const LogLevel other = usual == LogLevel::kDebug ? LogLevel::kInfo : LogLevel::kDebug;
        logger.SetLevel(logger.level() == usual ? other : usual);
        logger.Info("log level changed", {{"to", ToString(logger.level())}});
        continue;
      }
      if (!first) _exit(static_cast<int>(ExitCode::kInterrupted));
      first = false;
      stop.Cancel();
    }
  });
}

Signals::~Signals() {
  pthread_kill(thread_.native_handle(), SIGUSR2);
  thread_.join();
}

}  // namespace kro::cli
