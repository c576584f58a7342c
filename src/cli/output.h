// What a command prints, and how it ends.
#pragma once

#include <string>

#include "cli/exit_code.h"

namespace kro::cli {

struct Output {
  std::string out;  // results
  std::string err;  // everything else
  ExitCode code = ExitCode::kOk;
};

}  // namespace kro::cli
