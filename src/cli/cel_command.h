// `kro cel`: evaluates, checks and explains one expression.
#pragma once

#include <string>
#include <vector>

#include "cli/exit_code.h"

namespace kro::cli {

struct CelOptions {
  std::string expression;
  std::string vars;                  // a YAML or JSON file: variable name to value; empty: none
  std::vector<std::string> schemas;  // "NAME=FILE": the OpenAPI v3 schema of a variable
  bool check_only = false;
  bool json = false;  // one JSON object instead of lines
};

struct Output {
  std::string out;  // results
  std::string err;  // everything else
  ExitCode code = ExitCode::kOk;
};

// Variables without a schema are dyn. Reads the files named and nothing else.
Output RunCel(const CelOptions& options);

}  // namespace kro::cli
