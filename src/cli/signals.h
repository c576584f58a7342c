// Signals of a program: the first SIGTERM or SIGINT asks for an orderly end, the second one ends it at once;
// SIGUSR1 turns debug logging on and off.
#pragma once

#include <thread>

#include "async/scope.h"
#include "base/log.h"

namespace kro::cli {

// Waits for signals on a thread of its own.
class Signals {
 public:
  // `stop` is fired by the first signal and outlives this. To be made before any other thread.
  Signals(async::CancelSource& stop, Logger logger);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  std::thread thread_;
};

}  // namespace kro::cli
