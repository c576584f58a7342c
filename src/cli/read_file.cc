#include "cli/read_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace kro::cli {

Result<std::string> ReadFile(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdin) std::fclose(file);
    }
  };
  const std::unique_ptr<std::FILE, Close> file(path == "-" ? stdin
                                                           : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalid, "{}: {}", path,
                std::strerror(errno));
  }
  std::string text;
  std::array<char, 16384> block;
  while (const std::size_t read = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), read);
  }
  if (std::ferror(file.get()) != 0) {
    return Fail(ErrorCode::kInvalid, "{}: {}", path, std::strerror(errno));
  }
  return text;
}

}  // namespace kro::cli
