// Signals that end a program: the first one asks for an orderly end, the second one ends it at once.
#pragma once

#include <thread>

#include "async/scope.h"

namespace kro::cli {

// Waits for SIGTERM and SIGINT on a thread of its own.
class Signals {
 public:
  // `stop` is fired by the first signal and outlives this. To be made before any other thread.
  explicit Signals(async::CancelSource& stop);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  std::thread thread_;
};

}  // namespace kro::cli
