// `kro dev`: a cluster on a laptop, and the files of an author applied to it as they are saved.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "dev/dev.h"

namespace CLI {
class App;
}

namespace kro::cli {

// What CLI11 fills.
struct DevFlags {
  std::vector<std::string> paths;
  std::vector<std::string> rules;
  std::uint16_t port = 0;
  std::string kubeconfig;
  std::string data_dir;
  std::string sync = "second";
  std::string audit_log;
  std::string feature_gates;
  std::string timeout = "60s";
  bool prune = false;
  bool tls = false;
  bool no_controller = false;
  bool exit_when_ready = false;
  bool plain = false;
  bool verbose = false;
};

void AddDevFlags(CLI::App& command, DevFlags& flags);

// What the flags mean; kInvalid names the flag.
Result<dev::DevOptions> ReadDevFlags(const DevFlags& flags);

// Runs until SIGTERM or SIGINT, or until everything is ready where that was asked for; gives the exit
// status. A second signal ends the process at once.
int RunDev(const DevFlags& flags);

}  // namespace kro::cli
