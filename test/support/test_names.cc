#include "support/test_names.h"

#include <cstddef>
#include <filesystem>
#include <fstream>

namespace kro {

std::set<std::string, std::less<>> TestNames(std::initializer_list<std::string_view> folders) {
  std::set<std::string, std::less<>> names;
  for (const std::string_view folder : folders) {
    const std::filesystem::path path = std::filesystem::path(KRO_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.path().string().ends_with("_test.cc")) continue;
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) {
        const std::size_t open = line.find('(');
        const std::size_t comma = line.find(", ");
        const std::size_t close = line.find(')');
        if (!line.starts_with("TEST") || close == std::string::npos || comma > close) continue;
        names.insert(line.substr(open + 1, comma - open - 1) + "." +
                     line.substr(comma + 2, close - comma - 2));
      }
    }
  }
  return names;
}

}  // namespace kro
