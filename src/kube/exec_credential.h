// ExecCredentials: a token, a client certificate or both from a program that the kubeconfig names (spec
// kube-client section 5).
//
// The program runs when credentials are first needed, when they expired, and once after a 401. However
// many requests wait, it runs once at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "async/event.h"
#include "base/clock.h"
#include "kube/kubeconfig.h"

namespace kro::kube {

struct ExecAnswer {
  std::string token;        // may be empty if there is a certificate
  std::string certificate;  // PEM, with its key; or empty
  std::string key;
  std::optional<WallTime> expires;  // none: valid until the server refuses it

  friend bool operator==(const ExecAnswer&, const ExecAnswer&) = default;
};

// The JSON for KUBERNETES_EXEC_INFO.
std::string ExecInfo(const ClientConfig& config);

// What the program wrote. kInvalid in the words that kubectl uses.
Result<ExecAnswer> ParseExecAnswer(std::string_view text, const ExecConfig& exec);

// A program to run with these arguments and these variables besides the process's own.
struct Command {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
};

// Runs a program to its end and gives what it wrote to stdout; its stderr is passed through, its stdin
// is empty. kUnavailable in kubectl's words: not found, or which exit code. Blocks.
Result<std::string> RunCommand(const Command& command);

class ExecCredentials {
 public:
  // Runs on the pool. RunCommand, or a test's own.
  using Runner = std::function<Result<std::string>(const Command&)>;

  // `config.exec` must be set. `executor` outlives this.
  ExecCredentials(async::Executor& executor, ClientConfig config, Runner runner);

  async::Task<Result<ExecAnswer>> Get(async::CancelToken cancel);

  // The server refused `answer`: the next call of Get asks the program again, unless somebody already did.
  void Refused(const ExecAnswer& answer);

 private:
  bool Valid() const;

  async::Executor& executor_;
  const ClientConfig config_;
  const Runner runner_;
  async::Event free_;  // set while nobody runs the program
  std::optional<ExecAnswer> answer_;
};

}  // namespace kro::kube
