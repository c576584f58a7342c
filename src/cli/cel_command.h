// `kro cel`: evaluates, checks and explains one expression.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace kro::cli {

struct CelOptions {
  std::string expression;
  std::string vars;                  // a YAML or JSON file: variable name to value; empty: none
  std::vector<std::string> schemas;  // "NAME=FILE": the OpenAPI v3 schema of a variable
  bool check_only = false;
  bool json = false;  // one JSON object instead of lines
};

// Variables without a schema are dyn. Reads the files named and nothing else.
Output RunCel(const CelOptions& options);

}  // namespace kro::cli
