// What a command's exit status says.
#pragma once

namespace kro::cli {

enum class ExitCode {
  kOk = 0,
  kNo = 1,       // the question was answered "no": invalid input, a difference, a failed check
  kUsage = 2,    // unknown flag, missing argument
  kNoInput = 3,  // a file that is missing, unreadable or no YAML
  kCluster = 4,  // no configuration, unreachable, forbidden
  kTimedOut = 5,
  kInternal = 70,  // our bug
  kInterrupted = 130,
};

}  // namespace kro::cli
