// ExecCredentials: a token from a program that the kubeconfig names (spec kube-client section 5).
//
// The program runs when a token is first needed, when it expired, and once after a 401. However many
// requests wait, it runs once at a time. Client certificates from plugins are refused, with an error
// that says so.
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
  std::string token;
  std::optional<WallTime> expires;  // none: valid until the server refuses it
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

  async::Task<Result<std::string>> Token(async::CancelToken cancel);

  // The server refused `token`: the next call of Token asks the program again, unless somebody already did.
  void Refused(const std::string& token);

 private:
  bool Valid() const;

  async::Executor& executor_;
  const ClientConfig config_;
  const Runner runner_;
  async::Event free_;  // set while nobody runs the program
  std::optional<ExecAnswer> answer_;
};

}  // namespace kro::kube
