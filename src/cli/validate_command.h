// `kro validate`: compiles definitions without a cluster and says everything that is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace kro::cli {

// What happens to a kind that nothing is known of.
enum class UnknownKinds {
  kError,
  kWarn,    // its fields are dyn
  kIgnore,  // likewise, and nothing is said
};

struct ValidateOptions {
  std::vector<std::string> files;  // definitions and CRDs; folders; "-" is standard input
  std::vector<std::string> crds;   // CRDs and OpenAPI v3 documents, or folders of them
  UnknownKinds unknown_kinds = UnknownKinds::kError;
  bool strict = false;  // warnings are errors
  bool omit = false;    // the gate CELOmitFunction
  bool json = false;    // a report in JSON
  enum class Show { kVerdict, kGraph, kCrd } show = Show::kVerdict;
  bool upstream = false;  // called as `validate rgd`: upstream's words on success
};

// Reads the files named and nothing else. kNo: something is wrong; kNoInput: nothing was there to check, or a
// file cannot be read.
Output RunValidate(const ValidateOptions& options);

}  // namespace kro::cli
