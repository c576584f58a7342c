// Input files of the commands.
#pragma once

#include <string>

#include "base/error.h"

namespace kro::cli {

// The whole file; "-" is standard input. kNotFound or kInvalid say what is wrong with it.
Result<std::string> ReadFile(const std::string& path);

}  // namespace kro::cli
